"""Named lists of companies, and the companies' sectors: what subscriptions filter by."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from db.bulk import execute_many
from db.delivery_tables import company_sectors, subscriptions, watchlists
from db.engine import Session
from db.matching import Lists

_ADD_SECTORS = sa.text("""
    INSERT INTO company_sectors (entity_id, sector)
    SELECT * FROM unnest(CAST(:entity_id AS text[]), CAST(:sector AS text[]))
    ON CONFLICT (entity_id) DO UPDATE SET sector = excluded.sector
""")


class WatchlistInUse(Exception):
    """A subscription filters by the watchlist."""


def save_watchlist(session: Session, name: str, entities: Sequence[str]) -> None:
    """Create a watchlist or replace what is on it; does not commit."""
    upsert = insert(watchlists).values(name=name, entities=list(entities))
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=["name"], set_={"entities": upsert.excluded.entities}
        )
    )


def list_watchlists(session: Session) -> dict[str, tuple[str, ...]]:
    """Return the companies' ids on each watchlist, by name."""
    query = sa.select(watchlists).order_by(watchlists.c.name)
    return {row.name: tuple(row.entities) for row in session.execute(query)}


def existing_watchlists(session: Session, names: Collection[str]) -> set[str]:
    """Return which of these watchlists there are; until the transaction ends they stay."""
    query = sa.select(watchlists.c.name).where(watchlists.c.name.in_(names))
    query = query.order_by(watchlists.c.name).with_for_update(read=True, key_share=True)
    return set(session.execute(query).scalars())


def delete_watchlist(session: Session, name: str) -> bool:
    """Remove a watchlist; does not commit.

    Returns:
        False if there was none.

    Raises:
        WatchlistInUse: If a subscription filters by it: without it, that would let nothing
            pass, or everything.
    """
    # Whoever subscribes to it meanwhile waits, and then finds it gone (``existing_watchlists``).
    lock = sa.select(watchlists.c.name).where(watchlists.c.name == name).with_for_update()
    session.execute(lock)
    used = sa.select(sa.literal(1)).where(subscriptions.c.watchlists.any_() == name)
    if session.execute(used.limit(1)).first() is not None:
        raise WatchlistInUse(name)
    query = sa.delete(watchlists).where(watchlists.c.name == name).returning(watchlists.c.name)
    return session.execute(query).first() is not None


def replace_sectors(session: Session, sectors: Mapping[str, str]) -> None:
    """Set the sector of every company that has one, by its id; does not commit."""
    session.execute(sa.delete(company_sectors))
    execute_many(
        session,
        _ADD_SECTORS,
        [{"entity_id": entity, "sector": sector} for entity, sector in sectors.items()],
    )


def lists_for(session: Session, entities: Collection[str]) -> Lists:
    """Return every watchlist, and the sectors of these companies."""
    query = sa.select(company_sectors).where(company_sectors.c.entity_id.in_(entities))
    return Lists(
        {name: frozenset(ids) for name, ids in list_watchlists(session).items()},
        {row.entity_id: row.sector for row in session.execute(query)},
    )
