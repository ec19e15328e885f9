"""Read what was said about alerts; db.alerts writes it."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from db.alert_rows import AlertEventRow
from db.alert_tables import alert_events as said
from db.alert_tables import alerts
from db.engine import Session

_COLUMNS = tuple(said.c[name] for name in AlertEventRow.__dataclass_fields__)


def alert_history(session: Session, alert_id: UUID) -> list[AlertEventRow]:
    """Return all that was said about one alert, oldest first; empty if there is none."""
    query = sa.select(*_COLUMNS).where(said.c.alert_id == alert_id).order_by(said.c.revision)
    return [AlertEventRow(*row) for row in session.execute(query)]


def last_events(session: Session, alert_ids: Sequence[UUID]) -> list[AlertEventRow]:
    """Return the last thing said about each of these alerts, in the order of the ids."""
    last = sa.and_(alerts.c.id == said.c.alert_id, alerts.c.revision == said.c.revision)
    query = sa.select(*_COLUMNS).join(alerts, last).where(alerts.c.id.in_(alert_ids))
    found = {row.alert_id: AlertEventRow(*row) for row in session.execute(query)}
    return [found[alert_id] for alert_id in alert_ids if alert_id in found]


def last_raising(session: Session, alert_ids: Sequence[UUID]) -> dict[UUID, AlertEventRow]:
    """Return the last thing said about each of these alerts while it was open."""
    query = sa.select(*_COLUMNS).ext(distinct_on(said.c.alert_id))
    query = query.where(said.c.alert_id.in_(alert_ids), said.c.type != "alert.resolved")
    query = query.order_by(said.c.alert_id, said.c.revision.desc())
    return {row.alert_id: AlertEventRow(*row) for row in session.execute(query)}


def alert_events(
    session: Session, *, after: int = 0, limit: int = 1000
) -> list[tuple[int, AlertEventRow]]:
    """Return events with their positions, in the order in which they were saved.

    Positions grow but have gaps. Events become visible in this order, whoever saves them (a
    trigger makes savers wait for each other), so a reader that goes on after the last position
    misses none.
    """
    query = sa.select(said.c.position, *_COLUMNS).where(said.c.position > after)
    query = query.order_by(said.c.position).limit(limit)
    return [(position, AlertEventRow(*event)) for position, *event in session.execute(query)]


def last_position(session: Session) -> int:
    """Return the position of the newest event; 0 before the first."""
    newest = session.execute(sa.select(sa.func.max(said.c.position))).scalar_one()
    return int(newest or 0)
