"""Ends a worker that has work and does not do it, so that its supervisor starts another.

A thread of its own, for the event loop may be what hangs. Nothing is lost: what the worker had is
not acknowledged, and goes to the next one.
"""

import os
import threading
import time
from collections.abc import Callable, Collection
from contextlib import closing
from typing import NoReturn

import structlog

from db.engine import DatabaseAway, Engine, transaction
from db.trends import partition_progress
from pipeline.offsets import OffsetReader, Offsets
from pipeline.settings import Settings
from pipeline.topics import BrokerAway, BrokerRefused
from pipeline.web.lag import LagWatch, PartitionLag

log = structlog.stdlib.get_logger(__name__)

_LOOKS = 10  # in the time after which it ends


def watch(
    settings: Settings,
    engine: Engine,
    *,
    assigned: Callable[[], Collection[int]],
    stopping: Callable[[], bool],
) -> None:
    """Start to look at the worker's partitions; returns at once.

    The process ends with status 1 when one of them has work and none of it was stored for
    ``worker.stalled_after_s``, and when the broker lets it in no longer. While database or broker
    are away nobody is to blame.

    Args:
        settings: Topic and patience.
        engine: Where progress is stored.
        assigned: The partitions that are this worker's now.
        stopping: Whether the process is about to end anyway.
    """
    threading.Thread(
        target=_run, args=(settings, engine, assigned, stopping), name="watchdog", daemon=True
    ).start()


def _run(
    settings: Settings,
    engine: Engine,
    assigned: Callable[[], Collection[int]],
    stopping: Callable[[], bool],
) -> None:
    patience_s = settings.worker.stalled_after_s
    lag = LagWatch()
    with closing(OffsetReader(settings.kafka)) as offsets:
        while True:
            time.sleep(patience_s / _LOOKS)
            if stopping():
                return
            try:
                found = _look(lag, settings.kafka.raw_topic, engine, offsets, assigned)
            except BrokerRefused as error:
                _end("broker_refused", detail=str(error))
            except (DatabaseAway, BrokerAway):
                lag = LagWatch()  # the time that it was away does not count
                continue
            except Exception:  # the thread's outermost edge: nobody would see that it ended
                log.exception("watchdog_failed")
                lag = LagWatch()
                continue
            for each in found:
                if each.unmoved_s >= patience_s:
                    _end(
                        "worker_wedged",
                        partition=each.partition,
                        messages=each.messages,
                        unmoved_s=round(each.unmoved_s, 1),
                    )


def _look(
    lag: LagWatch,
    topic: str,
    engine: Engine,
    offsets: Offsets,
    assigned: Callable[[], Collection[int]],
) -> list[PartitionLag]:
    """Return the lag of the partitions that are this worker's now."""
    with transaction(engine) as session:
        progress = partition_progress(session, topic)
    ours = set(assigned())
    ends = offsets.end_offsets(topic, progress)
    mine = {number: end for number, end in ends.items() if number in ours}
    return lag.look(progress, mine, now_s=time.monotonic())


def _end(event: str, **why: object) -> NoReturn:
    log.error(event, **why)
    os._exit(1)
