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


def one_by_one(
    units: Sequence[U], work: Callable[[U], R], *, vouch: Callable[[Exception], None]
) -> tuple[list[R], list[Rejected]]:
    """Do work on each unit alone, after it has failed on all together.

    Args:
        units: What to work on.
        work: Raises what may be the unit's fault, or ours.
        vouch: Gets each failure; raises if it is ours, as a lost device or a wrong schema is.

    Returns:
        The results, and as rejects the units that failed.

    Raises:
        DatabaseAway: At once: no unit is to blame.
        Exception: What ``vouch`` raises. If every one of several units fails it is not the units
            either: then the last failure.
    """
    results: list[R] = []
    rejected: list[Rejected] = []
    for unit in units:
        try:
            results.append(work(unit))
        except DatabaseAway:
            raise
        except Exception as error:
            vouch(error)
            where = unit.message
            kind = type(error).__name__
            log.warning(
                "not_processable", error=kind, partition=where.partition, offset=where.offset
            )
            rejected.append(Rejected(where, Reason.NOT_PROCESSABLE, kind))
            if len(rejected) == len(units) > 1:
                raise
    return results, rejected
