"""Store alerts with what is said about them, and read how they stand.

An alert's event and its outbox rows are written together; db.outbox sends them on, and
db.alert_events reads what was said.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from db.alert_rows import AlertEventRow, AlertRow
from db.alert_tables import alert_evidence, alerts
from db.bulk import execute_many
from db.delivery_rows import SubscriptionRow
from db.delivery_tables import outbox, subscriptions
from db.digests import drop_superseded, lock_held
from db.engine import Session
from db.judgements import active_silences
from db.matching import audible, wants, watches
from db.release import release_at
from db.rows import MentionRow, ScopeKind, SeriesKey
from db.subscriptions import to_subscription
from db.watchlists import lists_for

_EVIDENCE = tuple(MentionRow.__dataclass_fields__)
_OTHER = {"scope", "languages", "evidence", "related"}
_COPIED = tuple(sorted(set(AlertRow.__dataclass_fields__) - _OTHER))

# In their order, which is that of the positions.
_SAY = sa.text("""
    INSERT INTO alert_events (alert_id, revision, type, at, body)
    SELECT alert_id, revision, type, at, body
    FROM unnest(CAST(:alert_id AS uuid[]), CAST(:revision AS int[]), CAST(:type AS text[]),
                CAST(:at AS timestamptz[]), CAST(:body AS text[]))
        WITH ORDINALITY AS new (alert_id, revision, type, at, body, place)
    ORDER BY place
    ON CONFLICT (alert_id, revision) DO NOTHING
    RETURNING alert_id, revision
""")


def save_alerts(
    session: Session, changes: Sequence[tuple[AlertRow, AlertEventRow]]
) -> frozenset[tuple[UUID, int]]:
    """Store alerts' new states, their events, and a delivery to each that wants them.

    Idempotent on the alert's id and revision; does not commit.

    Args:
        session: An open session.
        changes: In the order in which receivers hear of them; of one alert by revision.

    Returns:
        The ids and revisions that were new: nothing is changed by those stored before.
    """
    if not changes:
        return frozenset()
    latest = {alert.id: alert for alert, _ in changes}
    upsert = insert(alerts)
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=[alerts.c.id],
            set_={column.name: upsert.excluded[column.name] for column in alerts.c},
            where=alerts.c.revision < upsert.excluded.revision,
        ),
        [_columns(alert) for alert in latest.values()],
    )
    events = [asdict(event) for _, event in changes]
    new = frozenset(
        (alert_id, revision) for alert_id, revision in execute_many(session, _SAY, events)
    )
    told = [alert for alert, event in changes if (event.alert_id, event.revision) in new]
    _save_evidence(session, told)
    _save_deliveries(session, told)
    return new


def _columns(alert: AlertRow) -> dict[str, Any]:
    columns: dict[str, Any] = {name: getattr(alert, name) for name in _COPIED}
    columns |= {"scope_kind": alert.scope.kind.value, "scope_id": alert.scope.id}
    return columns | {"languages": list(alert.languages), "related": list(alert.related)}


def _save_evidence(session: Session, told: Sequence[AlertRow]) -> None:
    rows = [
        {"alert_id": alert.id, "revision": alert.revision, "rank": rank}
        | {name: getattr(mention, name) for name in _EVIDENCE}
        for alert in told
        for rank, mention in enumerate(alert.evidence, start=1)
    ]
    if rows:
        session.execute(sa.insert(alert_evidence), rows)


def _save_deliveries(session: Session, changed: Sequence[AlertRow]) -> None:
    enabled = sa.select(subscriptions).where(subscriptions.c.disabled_reason.is_(None))
    # The lock lets nobody delete a subscription before its delivery is there.
    locked = session.execute(enabled.with_for_update(read=True, key_share=True))
    receivers = [to_subscription(row) for row in locked]
    if not receivers:
        return
    ids = {alert.id for alert in changed}
    lock_held(session, ids)
    query = sa.select(outbox.c.alert_id, outbox.c.subscription_id)
    before = session.execute(query.where(outbox.c.alert_id.in_(ids)))
    told = {(alert_id, subscription_id) for alert_id, subscription_id in before}
    rows = []
    silences = active_silences(session)
    lists = lists_for(session, {scope.id for alert in changed for scope in alert.scopes})
    now = session.execute(sa.select(sa.func.now())).scalar_one()
    for alert in changed:
        # What another alert tells is not told twice.
        if alert.suppressed_by is not None:
            continue
        over = alert.state == "resolved"
        scopes = audible(alert, silences)
        for subscription in receivers:
            # The end of an alert is told to who was told of it, whatever its severity has become
            # and whatever is silenced by then, and to nobody else.
            known = (alert.id, subscription.id) in told
            wanted = not over and watches(subscription, scopes, lists)
            if (known and over) or (wanted and (known or wants(subscription, alert))):
                told.add((alert.id, subscription.id))
                rows.append(_delivery(subscription, alert, now))
    if rows:
        session.execute(sa.insert(outbox), rows)
        drop_superseded(session, ids)


def _delivery(subscription: SubscriptionRow, alert: AlertRow, now: datetime) -> dict[str, Any]:
    """Return an outbox row, held back where the subscription wants a digest."""
    held_until = release_at(subscription, severity=alert.severity, now=now)
    return {
        "id": f"msg_{uuid5(subscription.id, f'{alert.id}/{alert.revision}').hex}",
        "subscription_id": subscription.id,
        "alert_id": alert.id,
        "revision": alert.revision,
        "subject": str(alert.id),
        "state": "pending" if held_until is None else "held",
        "next_attempt_at": held_until,
    }


def open_alerts(session: Session) -> list[AlertRow]:
    """Return the alerts that are firing, oldest first."""
    query = sa.select(alerts).where(alerts.c.state == "firing")
    return _load(session, query.order_by(alerts.c.fired_at, alerts.c.id))


def list_alerts(
    session: Session,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    scope: SeriesKey | None = None,
    state: str | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> list[AlertRow]:
    """Return alerts, newest first, each with the evidence of its last event.

    Args:
        session: An open session.
        since: Fired at this event time or later.
        until: Fired before this event time.
        scope: Only of this series.
        state: Only "firing" or only "resolved".
        after: ``fired_at`` and id of the last alert of the page before.
        limit: Most alerts to return.

    Returns:
        The alerts.
    """
    query = sa.select(alerts).order_by(alerts.c.fired_at.desc(), alerts.c.id.desc()).limit(limit)
    if since is not None:
        query = query.where(alerts.c.fired_at >= since)
    if until is not None:
        query = query.where(alerts.c.fired_at < until)
    if scope is not None:
        query = query.where(alerts.c.scope_kind == scope.kind, alerts.c.scope_id == scope.id)
    if state is not None:
        query = query.where(alerts.c.state == state)
    if after is not None:
        query = query.where(sa.tuple_(alerts.c.fired_at, alerts.c.id) < after)
    return _load(session, query)


def find_alerts(session: Session, alert_ids: Collection[UUID]) -> list[AlertRow]:
    """Return those of these alerts that are stored, as they stand now."""
    return _load(session, sa.select(alerts).where(alerts.c.id.in_(alert_ids)))


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
            related=tuple(row.related),
            evidence=tuple(evidence[row.id]),
            **{name: row._mapping[name] for name in _COPIED},
        )
        for row in rows
    ]
