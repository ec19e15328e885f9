"""The worker process: waits for what it needs, runs the agent, ends when it should.

Exit status 0: asked to stop. 1: the agent or Faust failed; the supervisor starts a new one,
which takes up the offsets that were committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import uvloop

from db.engine import is_away
from pipeline.agents import Dependencies, NewsAgent
from pipeline.app import assigned, create_app, sender, subscribe
from pipeline.backoff import Outage, Stopping, persist, set_within
from pipeline.memory import panic_without_backtrace, settle, use_few_arenas
from pipeline.metrics_server import metrics_server
from pipeline.offsets import OffsetReader
from pipeline.runtime import build_classifier, build_engine, build_gazetteer, build_limits
from pipeline.schema import NotMigrated, Schema
from pipeline.stages.newcomers import Newcomers
from pipeline.stages.reuse import Earlier
from pipeline.topics import BrokerAway, BrokerRefused, check_reachable
from pipeline.watchdog import watch

if TYPE_CHECKING:
    import faust

    from models.entities.linking import Finder
    from models.labels import Classifier
    from pipeline.settings import Settings

log = structlog.stdlib.get_logger(__name__)

# A container has ten seconds between SIGTERM and SIGKILL.
_LEAVE_WITHIN_S = 8.0
_LOOK_EVERY_S = 0.25
_PROBE_EVERY_S = 2.0
_GIVE_UP_S = 0.1


def run(
    settings: Settings,
    *,
    classifier: Classifier | None = None,
    finder: Finder | None = None,
) -> None:
    """Run a worker until SIGTERM or SIGINT; blocks.

    Args:
        settings: All of them.
        classifier: Instead of the one that the settings name.
        finder: Instead of the gazetteer.

    Raises:
        BrokerRefused: If the broker does not let us in.
        SettingsError: If the port of the metrics is taken.
        SystemExit: With status 1 if the worker failed.
    """
    use_few_arenas()
    panic_without_backtrace()
    with (
        metrics_server(settings.metrics_host, settings.metrics_port),
        _scratch_folder(settings.worker.state_dir) as datadir,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        try:
            clean = runner.run(_run(settings, classifier, finder, datadir))
        except MemoryError:
            os._exit(1)  # threads that still run would keep the process
    if not clean:
        raise SystemExit(1)


async def _run(
    settings: Settings,
    classifier: Classifier | None,
    finder: Finder | None,
    datadir: Path,
) -> bool:
    """Return whether it ended because it was asked to."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _ask_to_stop, stopping)
    try:
        needs = await _prepare(settings, classifier, finder, stopping)
    except Stopping:
        return True
    app = create_app(settings, datadir=datadir, loop=loop)
    agent = NewsAgent(needs, sender(app), stopping)
    subscribe(app, settings.kafka.raw_topic, agent.run)
    try:
        return await _serve(app, agent)
    except Exception:  # the outermost edge
        # Nobody has stopped Faust's consumer, for whose thread Python would wait for ever.
        with contextlib.suppress(Exception):  # memory may lack for a line of the log, too
            log.exception("worker_failed")
        os._exit(1)
    finally:
        agent.close()
        needs.engine.dispose()


async def _prepare(
    settings: Settings,
    classifier: Classifier | None,
    finder: Finder | None,
    stopping: asyncio.Event,
) -> Dependencies:
    """Load the model while waiting for database and broker."""
    engine = build_engine(settings)
    loaded, found, _, _ = await asyncio.gather(
        asyncio.to_thread(lambda: classifier or build_classifier(settings)),
        asyncio.to_thread(lambda: finder or build_gazetteer(settings)),
        _wait_for_database(settings, stopping),
        _wait_for_topics(settings, stopping),
    )
    settle()
    earlier = Earlier(found) if settings.worker.reuse_copies else None
    return Dependencies(
        settings,
        engine,
        loaded,
        found,
        build_limits(settings),
        earlier=earlier,
        newcomers=Newcomers(settings.worker.new_unlisted_per_hour),
    )


async def _wait_for_database(settings: Settings, stopping: asyncio.Event) -> None:
    schema = Schema(settings.database.url.get_secret_value())
    await persist(
        lambda: asyncio.to_thread(schema.require),
        outage=Outage("database"),
        is_away=lambda error: is_away(error) or isinstance(error, NotMigrated),
        stopping=stopping,
    )


async def _wait_for_topics(settings: Settings, stopping: asyncio.Event) -> None:
    kafka = settings.kafka

    def check() -> None:
        with OffsetReader(kafka) as reader:
            for topic in (kafka.raw_topic, kafka.scored_topic, kafka.dead_letter_topic):
                if not reader.end_offsets(topic):
                    raise NotMigrated(f"there is no topic {topic}: run `tapewatch migrate`")

    await persist(
        lambda: asyncio.to_thread(check),
        outage=Outage("broker"),
        is_away=lambda error: (
            isinstance(error, BrokerAway | NotMigrated) and not isinstance(error, BrokerRefused)
        ),
        stopping=stopping,
    )


async def _serve(app: faust.App, agent: NewsAgent) -> bool:
    """Run the app until it should end; return whether it was asked to."""
    starting = asyncio.create_task(app.start())
    starting.add_done_callback(lambda started: _keep_watch(app, agent, started))
    probing = asyncio.create_task(_watch_broker(agent))
    log.info("worker_started")
    failure: str | None = None
    while failure is None and not await set_within(agent.stopping, _LOOK_EVERY_S):
        failure = _failure(app, agent, starting)
    if failure is not None:
        log.error("worker_failed", why=failure)
    agent.stopping.set()
    _leave_within(_LEAVE_WITHIN_S, status=0 if failure is None else 1)
    probing.cancel()
    # An agent that waits for something away gives up now; let it.
    await asyncio.sleep(_GIVE_UP_S)
    if agent.done:
        # Nobody will acknowledge what is left: it goes to the next worker.
        app.conf.stream_wait_empty = False
    await app.stop()
    starting.cancel()
    log.info("worker_stopped")
    return failure is None


def _keep_watch(app: faust.App, agent: NewsAgent, started: asyncio.Task[None]) -> None:
    if started.cancelled() or started.exception() is not None:
        return
    needs = agent.needs
    watch(
        needs.settings,
        needs.engine,
        assigned=lambda: assigned(app),
        stopping=agent.stopping.is_set,
    )


def _failure(app: faust.App, agent: NewsAgent, starting: asyncio.Task[None]) -> str | None:
    """Return why the process must end. A dead agent goes unseen by Faust: only its lag grows."""
    if agent.failure is not None:
        return f"agent: {type(agent.failure).__name__}"
    if app.crashed:
        return f"faust: {app.crash_reason!r}"
    if starting.done() and not starting.cancelled() and (error := starting.exception()) is not None:
        return f"start: {error!r}"
    return None


async def _watch_broker(agent: NewsAgent) -> None:
    """Say once when no broker takes connections, and once when one does again."""
    servers = agent.needs.settings.kafka.bootstrap_servers
    outage = Outage("broker")
    while not await set_within(agent.stopping, _PROBE_EVERY_S):
        try:
            await asyncio.to_thread(check_reachable, servers)
        except BrokerAway as error:
            outage.failed(error)
        else:
            outage.succeeded()


def _ask_to_stop(stopping: asyncio.Event) -> None:
    log.info("stop_requested")
    _leave_within(_LEAVE_WITHIN_S, status=0)
    stopping.set()


def _leave_within(wait_s: float, *, status: int) -> None:
    """End the process after a while, whatever then still runs: nothing unacknowledged is lost."""
    timer = threading.Timer(wait_s, os._exit, args=(status,))
    timer.daemon = True
    try:
        timer.start()
    except RuntimeError:  # no memory for a thread, nor for ending in good order
        os._exit(status)


@contextlib.contextmanager
def _scratch_folder(parent: Path) -> Iterator[Path]:
    """A folder of this process alone: two Faust workers must not share one."""
    folder = parent / str(os.getpid())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
