"""Ends a worker that has work and does not do it, so that its supervisor starts another.

A thread of its own, for the event loop may be what hangs; and where not even that thread gets to
run, the kernel's timer. Nothing is lost: what the worker had is not acknowledged, and goes to the
next one.
"""

import faulthandler
import os
import signal
import threading
import time
from collections.abc import Callable, Collection
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
_LOOK_WITHIN_S = 30.0  # one look, with database and broker slow to say that they are away
_STDERR = 2


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
    are away nobody is to blame. By SIGALRM it ends half a minute after that time without a look:
    no Python ran then.

    Args:
        settings: Topic and patience.
        engine: Where progress is stored.
        assigned: The partitions that are this worker's now.
        stopping: Whether the process is about to end anyway.
    """
    threading.Thread(
        target=_run, args=(settings, engine, assigned, stopping), name="watchdog", daemon=True
    ).start()


def end_unless_renewed(after_s: float) -> None:
    """Let the kernel end this process after a while, unless this is called again before.

    Needs no memory, no thread and not Python's lock: a process may lack all of these. Where each
    thread stands is written to the standard error first.

    Args:
        after_s: Seconds, > 0.
    """
    faulthandler.register(signal.SIGALRM, file=_STDERR, chain=True)
    signal.setitimer(signal.ITIMER_REAL, after_s)


def _run(
    settings: Settings,
    engine: Engine,
    assigned: Callable[[], Collection[int]],
    stopping: Callable[[], bool],
) -> None:
    patience_s = settings.worker.stalled_after_s
    lag = LagWatch()
    with OffsetReader(settings.kafka) as offsets:
        while True:
            end_unless_renewed(patience_s + _LOOK_WITHIN_S)
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
