"""Store and read alerts, what was said about them, and what detection remembers.

An alert's event and its outbox rows are written together; db.outbox sends them on.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from db.alert_tables import alert_events as said
from db.alert_tables import alert_evidence, alerts, detect_states
from db.delivery_tables import outbox, subscriptions
from db.engine import Session
from db.rows import AlertEventRow, AlertRow, MentionRow, ScopeKind, SeriesKey
from db.subscriptions import to_subscription, wants

_EVIDENCE = tuple(MentionRow.__dataclass_fields__)
_COPIED = tuple(sorted(set(AlertRow.__dataclass_fields__) - {"scope", "languages", "evidence"}))


def save_alert(session: Session, alert: AlertRow, event: AlertEventRow) -> bool:
    """Store an alert's new state, its event, and a delivery to each that wants it.

    Idempotent on the alert's id and revision; does not commit. Returns False if this
    revision was stored before: nothing is changed then.
    """
    columns: dict[str, Any] = {name: getattr(alert, name) for name in _COPIED}
    columns |= {"scope_kind": alert.scope.kind.value, "scope_id": alert.scope.id}
    columns["languages"] = list(alert.languages)
    upsert = insert(alerts).values(columns)
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=[alerts.c.id],
            set_={name: upsert.excluded[name] for name in columns if name != "id"},
            where=alerts.c.revision < upsert.excluded.revision,
        )
    )
    new = (
        insert(said)
        .values({name: getattr(event, name) for name in AlertEventRow.__dataclass_fields__})
        .on_conflict_do_nothing(index_elements=["alert_id", "revision"])
        .returning(said.c.position)
    )
    if session.execute(new).first() is None:
        return False
    _save_evidence(session, alert)
    _save_deliveries(session, alert)
    return True


def _save_evidence(session: Session, alert: AlertRow) -> None:
    rows = [
        {"alert_id": alert.id, "revision": alert.revision, "rank": rank}
        | {name: getattr(mention, name) for name in _EVIDENCE}
        for rank, mention in enumerate(alert.evidence, start=1)
    ]
    if rows:
        session.execute(sa.insert(alert_evidence), rows)


def _save_deliveries(session: Session, alert: AlertRow) -> None:
    enabled = sa.select(subscriptions).where(subscriptions.c.disabled_reason.is_(None))
    # The lock lets nobody delete a subscription before its delivery is there.
    locked = session.execute(enabled.with_for_update(read=True, key_share=True))
    # Who was told of an alert is told of its end, whatever its severity has become.
    told_before = sa.select(outbox.c.subscription_id).where(outbox.c.alert_id == alert.id)
    told = set(session.execute(told_before).scalars())
    rows = [
        {
            "id": f"msg_{uuid5(subscription.id, f'{alert.id}/{alert.revision}').hex}",
            "subscription_id": subscription.id,
            "alert_id": alert.id,
            "revision": alert.revision,
            "subject": str(alert.id),
        }
        for subscription in map(to_subscription, locked)
        if subscription.id in told or wants(subscription, alert)
    ]
    if rows:
        session.execute(sa.insert(outbox), rows)


def open_alerts(session: Session) -> list[AlertRow]:
    """Return the alerts that are firing, oldest first."""
    query = sa.select(alerts).where(alerts.c.state == "firing")
    return _load(session, query.order_by(alerts.c.fired_at, alerts.c.id))


def list_alerts(
    session: Session,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    scope_id: str | None = None,
    state: str | None = None,
    limit: int = 100,
) -> list[AlertRow]:
    """Return alerts, newest first, each with the evidence of its last event.

    Args:
        session: An open session.
        since: Fired at this event time or later.
        until: Fired before this event time.
        scope_id: Only of the series with this id.
        state: Only "firing" or only "resolved".
        limit: Most alerts to return.

    Returns:
        The alerts.
    """
    query = sa.select(alerts).order_by(alerts.c.fired_at.desc(), alerts.c.id).limit(limit)
    if since is not None:
        query = query.where(alerts.c.fired_at >= since)
    if until is not None:
        query = query.where(alerts.c.fired_at < until)
    if scope_id is not None:
        query = query.where(alerts.c.scope_id == scope_id)
    if state is not None:
        query = query.where(alerts.c.state == state)
    return _load(session, query)


def find_alert(session: Session, alert_id: UUID) -> AlertRow | None:
    """Return one alert as it stands now; None if there is none with that id."""
    found = _load(session, sa.select(alerts).where(alerts.c.id == alert_id))
    return found[0] if found else None


def events_of(session: Session, alert_id: UUID) -> list[AlertEventRow]:
    """Return what was said about one alert, in order."""
    table = said.c
    query = sa.select(table.alert_id, table.revision, table.type, table.at, table.body)
    query = query.where(table.alert_id == alert_id).order_by(table.revision)
    return [AlertEventRow(*row) for row in session.execute(query)]


def alert_events(
    session: Session, *, after: int = 0, limit: int = 1000
) -> list[tuple[int, AlertEventRow]]:
    """Return events with their positions, in the order in which they were saved.

    Positions grow but have gaps. Events become visible in this order as long as savers hold
    ``try_lock``, so a reader that goes on after the last position misses none.
    """
    table = said.c
    query = sa.select(table.position, table.alert_id, table.revision, table.type, table.at)
    query = query.add_columns(table.body).where(table.position > after)
    query = query.order_by(table.position).limit(limit)
    return [(position, AlertEventRow(*event)) for position, *event in session.execute(query)]


def detect_state(session: Session, name: str) -> dict[str, Any] | None:
    """Return what a detector saved: ``evaluated_until`` (event time) and ``state``."""
    query = sa.select(detect_states.c.evaluated_until, detect_states.c.state)
    row = session.execute(query.where(detect_states.c.name == name)).first()
    return None if row is None else {"evaluated_until": row.evaluated_until, "state": row.state}


def save_detect_state(
    session: Session, name: str, evaluated_until: datetime, state: dict[str, Any]
) -> None:
    """Replace what a detector remembers, where ``state`` must be JSON; does not commit."""
    upsert = insert(detect_states).values(name=name, evaluated_until=evaluated_until, state=state)
    columns = {"evaluated_until": evaluated_until, "state": state}
    session.execute(upsert.on_conflict_do_update(index_elements=["name"], set_=columns))


def try_lock(session: Session, name: str) -> bool:
    """Take a lock until the transaction ends; return False at once if another has it."""
    key = sa.func.hashtextextended(name, 0)
    return bool(session.execute(sa.select(sa.func.pg_try_advisory_xact_lock(key))).scalar())


def _load(session: Session, query: sa.Select[Any]) -> list[AlertRow]:
    rows = session.execute(query).all()
    evidence: defaultdict[UUID, list[MentionRow]] = defaultdict(list)
    columns = [alert_evidence.c.alert_id, *(alert_evidence.c[name] for name in _EVIDENCE)]
    latest = sa.and_(
        alerts.c.id == alert_evidence.c.alert_id, alerts.c.revision == alert_evidence.c.revision
    )
    found = (
        sa.select(*columns)
        .join(alerts, latest)
        .where(alert_evidence.c.alert_id.in_([row.id for row in rows]))
        .order_by(alert_evidence.c.alert_id, alert_evidence.c.rank)
    )
    for alert_id, *mention in session.execute(found) if rows else ():
        evidence[alert_id].append(MentionRow(*mention))
    return [
        AlertRow(
            scope=SeriesKey(ScopeKind(row.scope_kind), row.scope_id),
            languages=tuple(row.languages),
            evidence=tuple(evidence[row.id]),
            **{name: row._mapping[name] for name in _COPIED},
        )
        for row in rows
    ]
