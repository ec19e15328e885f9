"""One trial: a fresh database and fresh topics, the real services on them, the stream played in."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from kafka import KafkaProducer
from kafka.errors import KafkaError

from alerts.delivery.secrets import encrypt, new_secret
from db.delivery_rows import SubscriptionRow
from db.engine import create_engine, transaction
from db.subscriptions import create_subscription
from pipeline.messages import Limits, item_from, text_hash
from pipeline.settings import KafkaSettings
from pipeline.topics import ensure_topics
from tests.faults.bench import Bench
from tests.faults.processes import Service
from tests.faults.receiver import Inbox, open_inbox
from tests.faults.stream import Wave
from tests.integration.processes import free_port

API_KEY = "a-key-that-only-this-trial-knows"
PAUSE_S = 0.12
# So far the player may be ahead of what is stored, of the stream; and how long it waits for it.
_LEAD = 0.15
_FOLLOW_S = 2.0
MAX_TEXT_CHARS = 200_000
_PLAY_WITHIN_S = 150.0


@dataclass(slots=True)
class Trial:
    """A running chain.

    Attributes:
        kafka: Its topics and its group.
        accepted: Ids of the items that the broker, or the web service, has taken.
        poisoned: How many messages that are no items the broker has taken.
        expendable: Ids of those that may be dead letters.
        played: Set when the whole stream is accepted.
        stored: Share of the stream that was last seen to be stored.
    """

    bench: Bench
    name: str
    kafka: KafkaSettings
    environment: dict[str, str]
    folder: Path
    inbox: Inbox
    services: dict[str, Service] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    expendable: set[str] = field(default_factory=set)
    poisoned: int = 0
    played: threading.Event = field(default_factory=threading.Event)
    stored: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)
    failure: BaseException | None = None
    _producer: Any = None

    @property
    def database_url(self) -> str:
        """Of the trial's database."""
        return self.bench.postgres.url_of(self.name)

    def start(self, name: str, command: str, **changed: str) -> Service:
        """Start a service; it is started again whenever it ends."""
        log_path = self.folder / f"{name}.log"
        service = Service(name, (command,), self.environment | changed, log_path)
        service.start()
        self.services[name] = service
        return service

    def tend(self) -> None:
        """Start services again that have ended; raise what the player could not cope with."""
        for service in list(self.services.values()):
            service.tend()
        if self.failure is not None:
            raise self.failure

    def play(self) -> None:
        """Send the stream, wave by wave, each confirmed before the next; in a thread of its own.

        Every third wave goes through the web service, the others straight to the broker.
        """
        try:
            self._wait_for_a_worker()
            for number, wave in enumerate(self.bench.stream.waves):
                send = self._post if number % 3 == 2 and "web" in self.services else self._produce
                send(wave)
                self.accepted |= {str(item.id) for item in wave.items}
                if self._paused((number + 1) / len(self.bench.stream.waves)):
                    return
            self.played.set()
        except BaseException as error:
            self.failure = error
            raise
        finally:
            self._forget_producer()

    def _paused(self, share: float) -> bool:
        """Let the worker follow, so that a fault comes while there is work; not for ever.

        Returns:
            Whether the trial is over.
        """
        until = time.monotonic() + _FOLLOW_S
        while not self.over.wait(PAUSE_S):
            if share - self.stored < _LEAD or time.monotonic() > until:
                return False
        return True

    def send_large(self, body: str) -> None:
        """Send an item that the worker may give up, but only by a dead letter."""
        # After all others: an item that comes late, or early, would change what is evaluated.
        at = self.bench.stream.waves[-1].items[-1].published_at + timedelta(seconds=1)
        content = {"published_at": at.isoformat(), "title": "large", "body": body, "source": "wire"}
        limits = Limits(max_text_chars=MAX_TEXT_CHARS)
        item = item_from(content, now=datetime.now(UTC), limits=limits)
        self._produce(Wave((item,), ()))
        self.accepted.add(str(item.id))
        self.expendable.add(str(item.id))

    def _wait_for_a_worker(self) -> None:
        """Begin when a worker is ready, so that faults come while there is work; not for ever."""
        until = time.monotonic() + 30
        while time.monotonic() < until and not self.over.wait(0.1):
            if self.services["worker-0"].logged("worker_started"):
                return

    def _produce(self, wave: Wave) -> None:
        topic = self.kafka.raw_topic

        def attempt() -> bool:
            try:
                producer = self._connected()
                sent = [
                    producer.send(topic, key=text_hash(i).encode(), value=i.to_bytes())
                    for i in wave.items
                ]
                sent += [producer.send(topic, value=bad) for bad in wave.poison]
                for each in sent:
                    each.get(5)
            except (KafkaError, OSError):
                self._forget_producer()
                return False
            return True

        self._until_taken(attempt)
        self.poisoned += len(wave.poison)

    def _connected(self) -> Any:
        if self._producer is None:
            self._producer = KafkaProducer(
                bootstrap_servers=self.kafka.bootstrap_servers,
                acks="all",
                bootstrap_timeout_ms=3000,
                max_block_ms=3000,
                request_timeout_ms=3000,
                delivery_timeout_ms=4000,
                linger_ms=2,
            )
        return self._producer

    def _forget_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError):  # what it still holds is sent again by the next one
                producer.close(timeout=1)

    def _post(self, wave: Wave) -> None:
        url = f"http://127.0.0.1:{self.environment['TAPEWATCH_WEB__PORT']}/v1/items"
        body = [item.model_dump(mode="json") for item in wave.items]

        def attempt() -> bool:
            with suppress(httpx.TransportError):
                answer = httpx.post(
                    url,
                    json=body,
                    headers={"authorization": f"Bearer {API_KEY}"},
                    timeout=5,
                    trust_env=False,
                )
                assert answer.status_code in {202, 429, 500, 503}, answer.text
                return answer.status_code == 202
            return False

        self._until_taken(attempt)

    def _until_taken(self, attempt: Callable[[], bool]) -> None:
        until = time.monotonic() + _PLAY_WITHIN_S
        while not attempt():
            assert time.monotonic() < until, "nobody takes the stream"
            if self.over.wait(0.2):
                return


@contextmanager
def open_trial(bench: Bench, *, schedulers: int = 1, workers: int = 1) -> Iterator[Trial]:
    """Start the chain on a database and topics of its own, and end it with the block.

    Yields:
        The trial, with nothing played.
    """
    name = bench.fresh_database()
    run = f"{name}-{uuid4().hex[:6]}"
    kafka = KafkaSettings(
        bootstrap_servers=bench.broker.bootstrap_servers,
        session_timeout_s=bench.broker.session_timeout_s,
        group=f"{run}.group",
        raw_topic=f"{run}.raw",
        scored_topic=f"{run}.scored",
        dead_letter_topic=f"{run}.dlq",
        partitions=3,
    )
    ensure_topics(kafka)
    folder = bench.folder / run
    folder.mkdir()
    secret = new_secret()
    with open_inbox(secret) as inbox:
        environment = _environment(bench, kafka, name, folder)
        trial = Trial(bench, name, kafka, environment, folder, inbox)
        _subscribe(trial, secret)
        player = threading.Thread(target=trial.play, daemon=True)
        try:
            for number in range(workers):
                trial.start(f"worker-{number}", "worker")
            for number in range(schedulers):
                trial.start(f"scheduler-{number}", "scheduler")
            trial.start("web", "web")
            player.start()
            yield trial
        finally:
            trial.over.set()
            for service in trial.services.values():
                service.process.kill()
                service.process.join(5)
            if player.is_alive():
                player.join(10)
            bench.drop(name)


def _environment(bench: Bench, kafka: KafkaSettings, name: str, folder: Path) -> dict[str, str]:
    own = {
        f"TAPEWATCH_KAFKA__{k.upper()}": str(v)
        for k, v in kafka.model_dump(exclude_none=True).items()
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TAPEWATCH_")}
    return {
        **inherited,
        **own,
        "TAPEWATCH_DATABASE__URL": bench.postgres.url_of(name),
        "TAPEWATCH_DATABASE__STATEMENT_TIMEOUT_S": "2",
        "TAPEWATCH_MODEL__PATH": str(bench.model),
        "TAPEWATCH_MODEL__THREADS": "1",
        "TAPEWATCH_MODEL__COMPANIES": f'["{bench.companies}"]',
        # The weights are random: what they say of relevance is near 0.5 for all.
        "TAPEWATCH_MODEL__MIN_RELEVANCE": "0.5",
        # As much as it takes to run out of memory.
        "TAPEWATCH_MODEL__MAX_BATCH_TOKENS": "200000",
        "TAPEWATCH_INGEST__MAX_TEXT_CHARS": str(MAX_TEXT_CHARS),
        "TAPEWATCH_WORKER__MAX_ITEMS": "12",
        "TAPEWATCH_WORKER__MAX_WAIT_S": "0.05",
        # Before the trial gives up.
        "TAPEWATCH_WORKER__STALLED_AFTER_S": "45",
        "TAPEWATCH_WORKER__STATE_DIR": str(folder / "state"),
        "TAPEWATCH_DETECT__RULES": str(bench.rules),
        "TAPEWATCH_DETECT__TICK_S": "0.4",
        # A wave holds hours of event time, in any order.
        "TAPEWATCH_DETECT__LATENESS_S": "43200",
        "TAPEWATCH_DELIVERY__TICK_S": "0.2",
        "TAPEWATCH_DELIVERY__TIMEOUT_S": "1.5",
        "TAPEWATCH_DELIVERY__ALLOW_HOSTS": "127.0.0.1",
        "TAPEWATCH_SECRET_KEY": bench.secret_key,
        "TAPEWATCH_WEB__API_KEY": API_KEY,
        "TAPEWATCH_WEB__PORT": str(free_port()),
        "TAPEWATCH_LOG_JSON": "true",
    }


def _subscribe(trial: Trial, secret: str) -> None:
    engine = create_engine(trial.database_url)
    try:
        with transaction(engine) as session:
            encrypted = encrypt(secret, trial.bench.secret_key)
            create_subscription(session, SubscriptionRow(uuid4(), trial.inbox.url, encrypted, ""))
    finally:
        engine.dispose()
