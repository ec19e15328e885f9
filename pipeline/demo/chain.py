"""Everything that a demo runs, started in order and ended in the opposite one."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alerts.delivery.secrets import new_secret
from db.engine import transaction
from db.subscriptions import create_subscription
from pipeline.alert_file import AlertFile
from pipeline.demo import services, tether
from pipeline.demo.embedded import (
    EmbeddedBroker,
    EmbeddedPostgres,
    psql,
    start_broker,
    start_postgres,
)
from pipeline.demo.inbox import Inbox, open_inbox
from pipeline.demo.progress import Watcher
from pipeline.demo.state import State
from pipeline.demo.supervise import Supervisor, tail
from pipeline.runtime import load_settings, opened_engine, require_key
from pipeline.settings import Settings
from pipeline.subscribing import Wish, to_subscription


class ChainBroken(Exception):
    """A part that is not restarted has ended; the text says which and shows its log."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What is played, and how.

    Attributes:
        path: JSON lines, plain or .gz.
        speed: As `tapewatch replay --speed` takes it.
        until: Items from this event time on are left out.
        shipped: Whether it is the demo's own, about invented companies.
    """

    path: Path
    speed: str
    until: datetime | None
    shipped: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """The running parts."""

    state: State
    settings: Settings
    postgres: EmbeddedPostgres
    broker: EmbeddedBroker
    supervisor: Supervisor
    player: subprocess.Popen[bytes]
    inbox: Inbox
    watcher: Watcher

    @property
    def played(self) -> bool:
        """Whether the whole recording is on the topic."""
        return self.player.poll() == 0

    def tend(self) -> list[str]:
        """Restart services that ended.

        Returns:
            A sentence for each.

        Raises:
            ChainBroken: If something ended that cannot be restarted.
        """
        parts = {
            "PostgreSQL": (self.postgres.process, self.state.cluster / "server.log"),
            "the broker": (self.broker.process, self.state.logs / "broker.log"),
            "the replay": (self.player, self.state.logs / "replay.log"),
        }
        for name, (process, log_path) in parts.items():
            if process.poll() is None or (process is self.player and self.played):
                continue
            said = tail(log_path)
            raise ChainBroken(f"{name} ended with status {process.returncode}:\n{said}")
        return self.supervisor.tend()


@contextmanager
def running(
    state: State,
    recording: Recording,
    *,
    workers: int,
    alerts: AlertFile | None,
    say: Callable[[str], None],
) -> Iterator[Chain]:
    """Start the chain on a fresh database and play a recording in; end it all on exit.

    Args:
        state: The demo's folder.
        recording: Played in a process of its own.
        workers: How many worker processes.
        alerts: Gets every verified event.
        say: Gets what the user should know of the start.

    Yields:
        The chain; call ``tend`` often.
    """
    with ExitStack() as stack:
        state.logs.mkdir(exist_ok=True)
        postgres = start_postgres(state.cluster, say=say)
        stack.callback(postgres.stop)
        broker = start_broker(log_path=state.logs / "broker.log")
        stack.callback(broker.stop)
        database_url = services.fresh_database(postgres)
        # No more than workers: one that has several partitions of a recording in full reads them
        # thousands of items apart, and news would no longer come in its order.
        services.make_topics(broker, partitions=workers)
        env = services.service_env(
            state,
            database_url=database_url,
            broker=broker,
            partitions=workers,
            with_companies=recording.shipped,
        )
        state.write_env(env, clients=psql().parent)
        os.environ.update(env)
        settings = load_settings()
        inbox = stack.enter_context(_subscriber(settings, alerts))
        supervisor = Supervisor(state.logs)
        stack.callback(supervisor.stop)
        for number in range(1, workers + 1):
            supervisor.start(f"worker-{number}", services.command("worker"))
        supervisor.start("scheduler", services.command("scheduler"))
        supervisor.start("web", services.command("web"))
        player = _play(recording, state)
        stack.callback(tether.stop, player)
        watcher = stack.enter_context(Watcher(settings))
        yield Chain(state, settings, postgres, broker, supervisor, player, inbox, watcher)


@contextmanager
def _subscriber(settings: Settings, file: AlertFile | None) -> Iterator[Inbox]:
    secret = new_secret()
    with open_inbox(secret, file) as inbox:
        with opened_engine(settings) as engine, transaction(engine) as session:
            row, _ = to_subscription(
                session,
                Wish(url=inbox.url, description="the demo's own receiver", secret=secret),
                key=require_key(settings),
                allow_hosts=settings.delivery.allow_hosts,
            )
            create_subscription(session, row)
        yield inbox


def _play(recording: Recording, state: State) -> subprocess.Popen[bytes]:
    command = services.command("replay", str(recording.path), "--speed", recording.speed)
    if recording.until is not None:
        command += ["--until", recording.until.strftime("%Y-%m-%dT%H:%M:%S%z")]
    with (state.logs / "replay.log").open("wb") as log:
        return tether.start(command, log=log)
