"""Third stage: rows and progress into the database, in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

import structlog

from db.engine import DatabaseAway, Engine, is_of_schema, transaction
from db.items import store_items, stored_hashes
from db.rows import Progress
from pipeline.schema import require_schema
from pipeline.stages.accounts import SharedAccounts
from pipeline.stages.classify import Analysed
from pipeline.stages.isolate import one_by_one
from pipeline.stages.newcomers import Newcomers
from pipeline.stages.parse import Message, Parsed, Rejected

log = structlog.stdlib.get_logger(__name__)


def store(
    engine: Engine,
    analysed: Sequence[Analysed],
    progress: Sequence[Progress],
    accounts: SharedAccounts,
    newcomers: Newcomers,
) -> dict[str, str]:
    """Store rows and progress; idempotent, all or nothing.

    Returns the hash of the text that is stored under each row's id: another one than the row's
    own where the id was taken. Raises DatabaseAway if the database cannot be used now; nothing
    was stored.
    """
    rows = [one.row for one in analysed]
    first = {row.id: row.text_hash for row in reversed(rows)}
    texts = {one.row.id: one.text for one in reversed(analysed)}
    try:
        with transaction(engine) as session:
            place = partial(accounts.place, texts=texts)
            result = store_items(
                session, rows, progress, place=place, new_unlisted_per_hour=newcomers.per_hour
            )
            new = result.new
            known = stored_hashes(session, sorted(first.keys() - new))
    except BaseException:
        accounts.forget()
        raise
    newcomers.left_out(result.left_out)
    return {item_id: first[item_id] for item_id in new} | known


def store_batch(
    engine: Engine,
    analysed: Sequence[Analysed],
    progress: Sequence[Progress],
    accounts: SharedAccounts,
    newcomers: Newcomers | None = None,
) -> tuple[list[Analysed], list[Rejected]]:
    """Store a batch; what the database refuses is taken out of it.

    Returns what is stored now (also if it was before), once an id, and what was refused. An
    item whose id holds another text is neither. Raises DatabaseAway if the database cannot be
    used now: try the whole batch again. Refusing everything is a bug and no fault of the items,
    and neither is what a statement or the schema is to blame for: then that failure is raised.
    """
    bound = newcomers or Newcomers()
    try:
        hashes = store(engine, analysed, progress, accounts, bound)
    except DatabaseAway:
        raise
    except Exception:
        if not analysed:
            raise
    else:
        return _stored(analysed, hashes), []

    hashes = {}

    def alone(one: Analysed) -> Analysed:
        hashes.update(store(engine, [one], [], accounts, bound))
        return one

    def vouch(error: Exception) -> None:
        if is_of_schema(error):
            raise error
        require_schema(engine)

    kept, refused = one_by_one(analysed, alone, vouch=vouch)
    store(engine, [], progress, accounts, bound)
    return _stored(kept, hashes), refused


def _stored(analysed: Sequence[Analysed], hashes: Mapping[str, str]) -> list[Analysed]:
    """Return those whose text is the stored one, the first of each id."""
    stored: dict[str, Analysed] = {}
    for one in analysed:
        row, where = one.row, one.message
        if hashes.get(row.id) == row.text_hash:
            stored.setdefault(row.id, one)
        else:
            log.info("id_taken", id=row.id, partition=where.partition, offset=where.offset)
    return list(stored.values())


def progress_of(messages: Sequence[Message], parsed: Sequence[Parsed]) -> list[Progress]:
    """Return how far each partition is once these messages are dealt with.

    Args:
        messages: The whole batch, dead letters included: they are dealt with too.
        parsed: Those of the batch that are items.

    Returns:
        One a partition, in order.
    """
    ends: dict[tuple[str, int], int] = {}
    for message in messages:
        where = (message.topic, message.partition)
        ends[where] = max(ends.get(where, 0), message.offset + 1)
    newest: dict[tuple[str, int], datetime] = {}
    for one in parsed:
        where = (one.message.topic, one.message.partition)
        at = one.item.published_at
        newest[where] = max(newest.get(where, at), at)
    return [
        Progress(topic, partition, end, newest.get((topic, partition)))
        for (topic, partition), end in sorted(ends.items())
    ]
