"""What people say of alerts: silences for a while, a verdict on each, and what that adds up to."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from db.alert_rows import AcknowledgementRow, PrecisionRow, SilenceRow
from db.alert_tables import acknowledgements, alerts, silences
from db.engine import Session
from db.rows import ScopeKind, SeriesKey

WANTED = "wanted"

_PLAIN = ("id", "author", "reason", "ends_at", "rule", "severity")

_GROUPS = {
    "rule": alerts.c.rule,
    "entity": alerts.c.scope_name,
    "severity": alerts.c.severity,
    "detector": alerts.c.detector,
    "week": sa.func.to_char(sa.func.date_trunc("week", alerts.c.fired_at, "UTC"), "YYYY-MM-DD"),
}
GROUPS = tuple(_GROUPS)
"""What alerts can be counted by."""


def create_silence(session: Session, silence: SilenceRow) -> None:
    """Store a silence; it holds back what is said from now on."""
    scope = silence.scope
    columns = {name: getattr(silence, name) for name in _PLAIN}
    columns |= {"scope_kind": scope and scope.kind.value, "scope_id": scope and scope.id}
    session.execute(sa.insert(silences).values(columns))


def active_silences(session: Session) -> list[SilenceRow]:
    """Return the silences that have not ended, the next to end first."""
    query = sa.select(silences).where(silences.c.ends_at > sa.func.now())
    return [
        SilenceRow(
            scope=None
            if row.scope_id is None
            else SeriesKey(ScopeKind(row.scope_kind), row.scope_id),
            **{name: row._mapping[name] for name in _PLAIN},
        )
        for row in session.execute(query.order_by(silences.c.ends_at, silences.c.id))
    ]


def end_silence(session: Session, silence_id: UUID) -> bool:
    """End a silence now; return False if none with that id is active."""
    query = sa.update(silences).where(silences.c.id == silence_id)
    query = query.where(silences.c.ends_at > sa.func.now()).values(ends_at=sa.func.now())
    return session.execute(query.returning(silences.c.id)).first() is not None


def acknowledge(session: Session, row: AcknowledgementRow) -> bool:
    """Store a verdict in place of the last one; return False if there is no such alert."""
    known = sa.select(alerts.c.id).where(alerts.c.id == row.alert_id)
    if session.execute(known).first() is None:
        return False
    columns = {"verdict": row.verdict, "author": row.author, "note": row.note}
    upsert = insert(acknowledgements).values(alert_id=row.alert_id, **columns)
    again = {**columns, "at": sa.func.now()}
    session.execute(upsert.on_conflict_do_update(index_elements=["alert_id"], set_=again))
    return True


def acknowledgement_of(session: Session, alert_id: UUID) -> AcknowledgementRow | None:
    """Return the last verdict on an alert, None before the first."""
    query = sa.select(acknowledgements).where(acknowledgements.c.alert_id == alert_id)
    row = session.execute(query).first()
    return None if row is None else AcknowledgementRow(**row._mapping)


def precision(session: Session, *, by: str, since: datetime | None = None) -> list[PrecisionRow]:
    """Return how many alerts were called wanted, for each of a group.

    Those that another alert told were sent to nobody and are left out.

    Args:
        session: An open session.
        by: One of ``GROUPS``.
        since: Only alerts that fired at this event time or later.

    Returns:
        Weeks in their order, else the group with most alerts first.
    """
    name = _GROUPS[by].label("name")
    judged = sa.func.count(acknowledgements.c.alert_id)
    wanted = judged.filter(acknowledgements.c.verdict == WANTED)
    count = sa.func.count()
    query = (
        sa.select(name, count, judged, wanted)
        .select_from(alerts.outerjoin(acknowledgements))
        .where(alerts.c.suppressed_by.is_(None))
        .group_by(name)
        .order_by(*([name] if by == "week" else [count.desc(), name]))
    )
    if since is not None:
        query = query.where(alerts.c.fired_at >= since)
    return [PrecisionRow(*row) for row in session.execute(query)]
