"""A broker, a database and workers for one measurement, all on this machine."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString
from uuid import uuid4

import psycopg
from kafka import KafkaProducer

from db.migrate import upgrade
from pipeline.demo import tether
from pipeline.demo.embedded import EmbeddedPostgres, start_broker, start_postgres
from pipeline.demo.services import command
from pipeline.messages import Limits, NewsItem, text_hash
from pipeline.settings import KafkaSettings
from pipeline.sources.replay import Lines
from pipeline.topics import ensure_topics

_LOOK_EVERY_S = 0.2
_SESSION_TIMEOUT_S = 6  # the first join of a group takes half of it


class ChainError(Exception):
    """A service ended or did not get done in time; the text holds the end of its log."""


@dataclass(slots=True)
class Chain:
    """Topics and a database of one run on running servers.

    Attributes:
        folder: For logs and scratch files.
        kafka: Names topics that no other run uses.
        database_url: Of a fresh, migrated database.
        environment: What every service gets beside the addresses.
    """

    folder: Path
    kafka: KafkaSettings
    database_url: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def producer(self, *, linger_ms: int = 5) -> KafkaProducer:
        """Return a producer, by default as `tapewatch ingest` has one.

        Args:
            linger_ms: How long a message waits for others to share a batch with.
        """
        return KafkaProducer(
            bootstrap_servers=self.kafka.bootstrap_servers, acks="all", linger_ms=linger_ms
        )

    def preload(self, items: Sequence[NewsItem]) -> None:
        """Put items on the raw topic; returns when the broker has them."""
        producer = self.producer()
        for item in items:
            producer.send(self.kafka.raw_topic, key=key_of(item), value=item.to_bytes())
        producer.flush(60)
        producer.close()

    @contextmanager
    def service(self, name: str, **environment: str) -> Iterator["Service"]:
        """Run a command of `tapewatch` while the block runs."""
        log_path = self.folder / f"{name}-{uuid4().hex[:6]}.log"
        kafka = {
            f"TAPEWATCH_KAFKA__{key.upper()}": str(value)
            for key, value in self.kafka.model_dump(exclude_defaults=True).items()
        }
        variables = {
            "TAPEWATCH_DATABASE__URL": self.database_url,
            "TAPEWATCH_WORKER__STATE_DIR": str(self.folder / "state"),
            "OMP_WAIT_POLICY": "PASSIVE",
            **kafka,
            **self.environment,
            **environment,
        }
        with log_path.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603  # our own command
                command(name), env={**os.environ, **variables}, stdout=log, stderr=log
            )
        try:
            yield Service(process, log_path)
        finally:
            tether.stop(process, wait_s=15.0)

    def query(self, statement: LiteralString, *values: object) -> list[tuple[object, ...]]:
        """Return the rows of a query with ``%s`` for each value."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(statement, values or None).fetchall()

    def dealt_with(self) -> int:
        """Return how many messages of the raw topic are stored or refused."""
        [(total,)] = self.query("SELECT coalesce(sum(next_offset), 0)::int FROM partition_progress")
        return int(str(total))


@dataclass(frozen=True, slots=True)
class Service:
    """A running service and its log."""

    process: subprocess.Popen[bytes]
    log_path: Path

    def wait(self, done: Callable[[], bool], *, wait_s: float) -> None:
        """Wait until something is done.

        Raises:
            ChainError: If the service ends first, or the time is over.
        """
        until = time.monotonic() + wait_s
        while not done():
            self.must_run()
            if time.monotonic() > until:
                raise self._failed(f"not done within {wait_s} s")
            time.sleep(_LOOK_EVERY_S)

    def must_run(self) -> None:
        """Raise ChainError if the service has ended."""
        if self.process.poll() is not None:
            raise self._failed(f"ended with {self.process.returncode}")

    def _failed(self, what: str) -> ChainError:
        tail = self.log_path.read_text(errors="replace").splitlines()[-15:]
        return ChainError("\n".join([f"{what}; its log ends:", *tail]))


@dataclass(frozen=True, slots=True)
class Servers:
    """The two servers, which outlive single runs."""

    folder: Path
    postgres: EmbeddedPostgres
    bootstrap_servers: str

    def fresh(self, *, partitions: int = KafkaSettings().partitions, **environment: str) -> Chain:
        """Return topics and a database that are empty.

        Args:
            partitions: Of the topics.
            environment: Settings of its services.
        """
        name = f"run_{uuid4().hex[:8]}"
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        url = self.postgres.url_of(name)
        upgrade(url)
        kafka = KafkaSettings(
            bootstrap_servers=self.bootstrap_servers,
            group=name,
            raw_topic=f"{name}.raw",
            scored_topic=f"{name}.scored",
            dead_letter_topic=f"{name}.dlq",
            session_timeout_s=_SESSION_TIMEOUT_S,
            partitions=partitions,
        )
        ensure_topics(kafka)
        return Chain(self.folder, kafka, url, environment)


@contextmanager
def servers() -> Iterator[Servers]:
    """Run an embedded broker and PostgreSQL in a folder that is removed afterwards.

    Yields:
        Both, empty.
    """
    with tempfile.TemporaryDirectory(prefix="tapewatch-bench-") as name:
        folder = Path(name)
        postgres = start_postgres(folder / "cluster")
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
        postgres.stop()  # the setting counts from the next start
        postgres = start_postgres(folder / "cluster")
        broker = start_broker(log_path=folder / "broker.log")
        try:
            yield Servers(folder, postgres, broker.bootstrap_servers)
        finally:
            broker.stop()
            postgres.stop()


def key_of(item: NewsItem) -> bytes:
    """Return the Kafka key of an item, as `tapewatch ingest` makes it."""
    return text_hash(item).encode()


def read_items(stream: Path, count: int, *, skip: int = 0) -> list[NewsItem]:
    """Return items of a recording in their order; SourceError if it cannot be read."""
    found: list[NewsItem] = []
    for number, record in enumerate(Lines(stream, Limits()).records()):
        if len(found) == count:
            break
        if number >= skip and isinstance(record, NewsItem):
            found.append(record)
    return found
