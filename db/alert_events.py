"""Read what was said about given alerts; db.alerts writes it, in the order of saving."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

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


def last_position(session: Session) -> int:
    """Return the position of the newest event; 0 before the first."""
    newest = session.execute(sa.select(sa.func.max(said.c.position))).scalar_one()
    return int(newest or 0)
