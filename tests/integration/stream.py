"""A stream of its own for one test: topics, messages, real worker processes, what is stored."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka import TopicPartition as Partition
from pydantic import SecretStr
from sqlalchemy import text

from db.engine import create_engine
from pipeline.kafka_security import client_options
from pipeline.offsets import OffsetReader
from pipeline.settings import KafkaSettings
from pipeline.topics import ensure_topics

ROOT = Path(__file__).parents[2]
START = datetime(2024, 3, 1, tzinfo=UTC)
SESSION_S = 6  # the least that brokers allow; a first join takes half of it


def news(number: int, title: str | None = None) -> bytes:
    """Return the message of one item; its time and text depend on the number alone."""
    content = {
        "published_at": (START + timedelta(seconds=number)).isoformat(),
        "title": title or f"Northwind says thing {number}",
        "source": f"source-{number % 5}",
    }
    return json.dumps(content).encode()


def kafka_environment(kafka: KafkaSettings) -> dict[str, str]:
    """Return the variables that give a process these settings."""
    given = kafka.model_dump(exclude_none=True)
    return {
        f"TAPEWATCH_KAFKA__{name.upper()}": (
            value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        )
        for name, value in given.items()
    }


def wait_until(condition: Callable[[], object], *, wait_s: float = 25.0) -> None:
    """Wait until a condition holds; fail when it does not in time."""
    until = time.monotonic() + wait_s
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


@dataclass(slots=True)
class WorkerProcess:
    """A worker that runs, and its log."""

    process: subprocess.Popen[bytes]
    log_path: Path

    def events(self) -> list[dict[str, Any]]:
        """Return what it logged so far."""
        lines = self.log_path.read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def said(self, event: str, **fields: object) -> int:
        """Count log lines with an event and fields."""
        wanted = {"event": event, **fields}
        return sum(all(line.get(k) == v for k, v in wanted.items()) for line in self.events())

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def terminate(self, *, within_s: float = 10.0) -> int:
        """Ask it to stop; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)


@dataclass(slots=True)
class Stream:
    """Topics of one test, and the workers on them."""

    kafka: KafkaSettings
    database_url: str
    folder: Path
    workers: list[WorkerProcess] = field(default_factory=list)

    def produce(
        self, messages: Sequence[bytes], *, headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Put raw messages on the raw topic, spread over the partitions."""
        producer = KafkaProducer(
            bootstrap_servers=self.kafka.bootstrap_servers,
            acks="all",
            linger_ms=5,
            **client_options(self.kafka),
        )
        for message in messages:
            producer.send(
                self.kafka.raw_topic, key=message[-24:], value=message, headers=list(headers)
            )
        producer.flush(20)
        producer.close()

    def produce_transaction(self, messages: Sequence[bytes]) -> None:
        """Put raw messages on the raw topic, as a producer does that is exactly once."""
        producer = KafkaProducer(
            bootstrap_servers=self.kafka.bootstrap_servers,
            transactional_id=f"{self.kafka.raw_topic}.producer",
            **client_options(self.kafka),
        )
        producer.init_transactions()
        producer.begin_transaction()
        for message in messages:
            producer.send(self.kafka.raw_topic, key=message[-24:], value=message)
        producer.commit_transaction()
        producer.close()

    def start_worker(self, **environment: str) -> WorkerProcess:
        """Start a worker process on this stream; ends with the test."""
        number = len(self.workers)
        log_path = self.folder / f"worker-{number}.log"
        variables = {
            **os.environ,
            **kafka_environment(self.kafka),
            "TAPEWATCH_DATABASE__URL": self.database_url,
            "TAPEWATCH_WORKER__STATE_DIR": str(self.folder / "state"),
            **environment,
        }
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.worker_process"],
                cwd=ROOT,
                env=variables,
                stdout=log,
                stderr=log,
            )
        worker = WorkerProcess(process, log_path)
        self.workers.append(worker)
        return worker

    def stop(self) -> None:
        """End what still runs."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()

    def one(self, query: str) -> Any:  # the type is the query's
        """Return the first value that a query finds."""
        engine = create_engine(self.database_url)
        try:
            with engine.connect() as connection:
                return connection.execute(text(query)).scalar_one()
        finally:
            engine.dispose()

    def stored(self) -> int:
        """Count stored items."""
        return int(self.one("select count(*) from items"))

    def progress(self) -> int:
        """Sum of the offsets that are dealt with."""
        return int(self.one("select coalesce(sum(next_offset), 0) from partition_progress"))

    def read(self, topic: str) -> list[Any]:
        """Return all messages of a topic."""
        with OffsetReader(self.kafka) as offsets:
            ends = offsets.end_offsets(topic)
        consumer = KafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap_servers,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            **client_options(self.kafka),
        )
        consumer.assign([Partition(topic, number) for number in ends])
        messages: list[Any] = []
        until = time.monotonic() + 10
        while len(messages) < sum(ends.values()) and time.monotonic() < until:
            for part in consumer.poll(200).values():
                messages += part
        consumer.close()
        return messages

    def committed(self) -> int:
        """Sum of the group's committed offsets."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap_servers,
            group_id=self.kafka.group,
            enable_auto_commit=False,
            **client_options(self.kafka),
        )
        partitions = [Partition(self.kafka.raw_topic, n) for n in range(self.kafka.partitions)]
        total = sum(consumer.committed(one) or 0 for one in partitions)
        consumer.close()
        return total


def new_stream(bootstrap_servers: str, database_url: str, folder: Path, name: str) -> Stream:
    """Make topics that no other test uses."""
    kafka = KafkaSettings(
        bootstrap_servers=bootstrap_servers,
        group=f"{name}.group",
        raw_topic=f"{name}.raw",
        scored_topic=f"{name}.scored",
        dead_letter_topic=f"{name}.dlq",
        partitions=4,
        session_timeout_s=SESSION_S,
    )
    ensure_topics(kafka)
    return Stream(kafka, database_url, folder)
