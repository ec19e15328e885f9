"""Third stage: rows and progress into the database, in one transaction."""

from collections.abc import Sequence
from datetime import datetime

from db.engine import DatabaseAway, Engine, transaction
from db.items import store_items
from db.rows import ItemRow, Progress, StoreResult
from pipeline.stages.classify import Analysed
from pipeline.stages.isolate import one_by_one
from pipeline.stages.parse import Message, Parsed, Rejected


def store(engine: Engine, rows: Sequence[ItemRow], progress: Sequence[Progress]) -> StoreResult:
    """Store rows and progress; idempotent, all or nothing.

    Raises DatabaseAway if the database cannot be used now; nothing was stored.
    """
    with transaction(engine) as session:
        return store_items(session, rows, progress)


def store_batch(
    engine: Engine, analysed: Sequence[Analysed], progress: Sequence[Progress]
) -> tuple[list[Analysed], list[Rejected]]:
    """Store a batch; what the database refuses is taken out of it.

    Returns what is stored now (also if it was before), and what was refused. Raises
    DatabaseAway if the database cannot be used now: try the whole batch again. Refusing
    everything is a bug and no fault of the items: then the last refusal is raised.
    """
    try:
        store(engine, [one.row for one in analysed], progress)
    except DatabaseAway:
        raise
    except Exception:
        if not analysed:
            raise
    else:
        return list(analysed), []

    def alone(one: Analysed) -> Analysed:
        store(engine, [one.row], [])
        return one

    kept, refused = one_by_one(analysed, alone)
    store(engine, [], progress)
    return kept, refused


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
