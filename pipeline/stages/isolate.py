"""Finding the items that break a batch, so that they stop nothing but themselves."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import structlog

from db.engine import DatabaseAway
from pipeline.messages import Reason
from pipeline.stages.parse import Message, Rejected

log = structlog.stdlib.get_logger(__name__)


class HasMessage(Protocol):
    """Anything that came of a message."""

    @property
    def message(self) -> Message:
        """The message."""
        ...


U = TypeVar("U", bound=HasMessage)
R = TypeVar("R")


def one_by_one(units: Sequence[U], work: Callable[[U], R]) -> tuple[list[R], list[Rejected]]:
    """Do work on each unit alone, after it has failed on all together.

    Returns the results, and as rejects the units that failed. Raises DatabaseAway at once: no
    unit is to blame. If every one of several units fails it is not the units: then the last
    failure is raised.
    """
    results: list[R] = []
    rejected: list[Rejected] = []
    for unit in units:
        try:
            results.append(work(unit))
        except DatabaseAway:
            raise
        except Exception as error:
            where = unit.message
            kind = type(error).__name__
            log.warning(
                "not_processable", error=kind, partition=where.partition, offset=where.offset
            )
            rejected.append(Rejected(where, Reason.NOT_PROCESSABLE, kind))
            if len(rejected) == len(units) > 1:
                raise
    return results, rejected
