"""Store and read how far series stood out, day by day."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from db.alert_tables import detect_ranks as table
from db.engine import Session
from db.rows import ScopeKind, SeriesKey


def save_ranks(
    session: Session, detector: str, ranks: Mapping[SeriesKey, Mapping[date, float]]
) -> None:
    """Raise the stored ranks to these where they are higher; idempotent, does not commit."""
    rows = [
        {"detector": detector, "day": day, "scope_kind": key.kind.value, "scope_id": key.id}
        | {"rank": rank}
        for key, days in ranks.items()
        for day, rank in days.items()
    ]
    if not rows:
        return
    upsert = insert(table)
    higher = {"rank": sa.func.greatest(table.c.rank, upsert.excluded.rank)}
    session.execute(
        upsert.on_conflict_do_update(index_elements=list(table.primary_key), set_=higher), rows
    )


def read_ranks(
    session: Session, detector: str, *, since: date, before: date, least: float
) -> dict[date, dict[SeriesKey, float]]:
    """Return the ranks from ``least`` on of the days in ``[since, before)``."""
    query = sa.select(table.c.day, table.c.scope_kind, table.c.scope_id, table.c.rank).where(
        table.c.detector == detector,
        table.c.day >= since,
        table.c.day < before,
        table.c.rank >= least,
    )
    ranks: defaultdict[date, dict[SeriesKey, float]] = defaultdict(dict)
    for day, kind, scope_id, rank in session.execute(query):
        ranks[day][SeriesKey(ScopeKind(kind), scope_id)] = rank
    return dict(ranks)
