"""The books of a trial: what went in, what came out, and whether they agree."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import psycopg
from kafka import KafkaConsumer
from kafka import TopicPartition as Partition
from sqlalchemy.orm import Session

from db.engine import Engine
from pipeline.messages import Reason
from tests.faults.receiver import Said
from tests.faults.trial import Trial
from tests.integration.samples import recounted_buckets, stored_buckets
from tests.integration.stream import Stream

# A copy tells the story of its account, and every account tells one.
_WITHOUT_STORY = """
    SELECT i.id FROM items AS i LEFT JOIN item_stories AS own ON own.item_id = i.id
    LEFT JOIN item_stories AS its ON its.item_id = i.copy_of
    WHERE own.story IS NULL OR i.copy_of IS NOT NULL AND its.story IS DISTINCT FROM own.story
"""

Connection: TypeAlias = "psycopg.Connection[Any]"
Place = tuple[int, int]
"""Partition and offset."""


@dataclass(slots=True)
class Ledger:
    """How the books of one trial stand.

    Attributes:
        items: Accepted items, each once.
        lost: Ids of accepted items that are neither stored nor dead letters.
        doubled: Ids of items that count twice, and series whose buckets are not what a recount of
            the items gives.
        missing: Events of a fault-free run that the receiver has not had.
        problems: Whatever else does not agree, as sentences.
    """

    items: int
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    missing: list[Said] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.missing or self.problems)

    def brief(self) -> str:
        """Return what is wrong, with an example of each kind."""
        kinds: dict[str, Sequence[object]] = {
            "lost": self.lost,
            "doubled": self.doubled,
            "missing": self.missing,
        }
        words = [
            f"{len(found)} {kind}, such as {found[0]}" for kind, found in kinds.items() if found
        ]
        return "; ".join([*words, *dict.fromkeys(self.problems)])


def progress(connection: Connection) -> dict[int, int]:
    """Return the offset up to which each partition is stored."""
    rows = connection.execute("SELECT partition, next_offset FROM partition_progress")
    return dict(rows.fetchall())


class Committed:
    """Reads the offsets that the group of a trial has committed."""

    def __init__(self, trial: Trial) -> None:
        self._kafka = trial.kafka
        self._consumer: Any = None

    def read(self) -> dict[int, int]:
        """Return them, 0 where nothing is."""
        if self._consumer is None:
            self._consumer = KafkaConsumer(
                bootstrap_servers=self._kafka.bootstrap_servers,
                group_id=self._kafka.group,
                enable_auto_commit=False,
                bootstrap_timeout_ms=2000,
                request_timeout_ms=3000,
            )
        numbers = range(self._kafka.partitions)
        where = [Partition(self._kafka.raw_topic, number) for number in numbers]
        return {each.partition: self._consumer.committed(each) or 0 for each in where}

    def close(self) -> None:
        """Close the connection."""
        if self._consumer is not None:
            self._consumer.close(timeout_ms=500)


def overtaken(committed: Mapping[int, int], stored: Mapping[int, int]) -> list[str]:
    """Return where a committed offset is beyond what is stored.

    Args:
        committed: Read first.
        stored: Read afterwards: it only grows.
    """
    return [
        f"partition {number} is committed to {offset} and stored to {stored.get(number, 0)}"
        for number, offset in committed.items()
        if offset > stored.get(number, 0)
    ]


def close_books(trial: Trial, engine: Engine, expected: frozenset[Said]) -> Ledger:
    """Compare everything, once the trial has settled.

    Args:
        trial: Played, stored, evaluated and delivered.
        engine: On its database.
        expected: What a receiver hears of a trial without faults.
    """
    ledger = Ledger(items=len(trial.accepted))
    letters, given_up = _dead_letters(trial, ledger)
    with engine.connect() as connection:
        stored = Counter(row[0] for row in connection.exec_driver_sql("SELECT id FROM items"))
        if stored_buckets(connection) != (recount := recounted_buckets(connection)):
            held = stored_buckets(connection)
            keys = {key for key in {*held, *recount} if held.get(key) != recount.get(key)}
            ledger.doubled += [f"bucket {key}" for key in sorted(keys, key=str)]
        for (item,) in connection.exec_driver_sql(_WITHOUT_STORY):
            ledger.problems.append(f"item {item} does not tell its account's story")
        with Session(bind=connection) as session:
            _check_alerts(trial, session, ledger, expected)
    ledger.lost += sorted(trial.accepted - stored.keys() - given_up)
    ledger.doubled += [f"{item} is a dead letter, too" for item in sorted(given_up & stored.keys())]
    ledger.doubled += [item for item, times in stored.items() if times > 1]
    if strangers := stored.keys() - trial.bench.stream.ids - trial.expendable:
        ledger.problems.append(f"{len(strangers)} stored items were never sent")
    if unheard := stored.keys() - _scored(trial):
        ledger.lost.append(f"{len(unheard)} stored items on the topic of scored ones")
    if letters < trial.poisoned:
        ledger.lost.append(f"{trial.poisoned - letters} messages that are no items")
    return ledger


def _dead_letters(trial: Trial, ledger: Ledger) -> tuple[int, set[str]]:
    """Return how many messages are dead letters as no items, and which items were given up."""
    stream = Stream(trial.kafka, trial.database_url, trial.folder)
    letters: dict[Place, str] = {}
    given_up: set[str] = set()
    for letter in stream.read(trial.kafka.dead_letter_topic):
        headers = {name: value.decode() for name, value in letter.headers}
        place = (int(headers["tapewatch-partition"]), int(headers["tapewatch-offset"]))
        reason = headers["tapewatch-reason"]
        if letters.setdefault(place, reason) != reason:
            ledger.problems.append(f"the dead letter of {place} has two reasons")
        if reason == Reason.NOT_PROCESSABLE:
            given_up.add(str(json.loads(letter.value)["id"]))
    if innocent := given_up - trial.expendable:
        ledger.problems.append(f"{len(innocent)} items were given up")
    return sum(reason != Reason.NOT_PROCESSABLE for reason in letters.values()), given_up


def _scored(trial: Trial) -> set[str]:
    """Return the ids on the scored topic."""
    stream = Stream(trial.kafka, trial.database_url, trial.folder)
    return {json.loads(each.value)["id"] for each in stream.read(trial.kafka.scored_topic)}


def _check_alerts(
    trial: Trial, session: Session, ledger: Ledger, expected: frozenset[Said]
) -> None:
    inbox = trial.inbox
    heard = Counter(inbox.seen.values())
    ledger.missing += sorted(expected - heard.keys())
    ledger.problems += [f"{said} came under two ids" for said, ids in heard.items() if ids > 1]
    ledger.problems += [f"{said} is not of this stream" for said in heard.keys() - expected]
    ledger.problems += [f"webhook {key} changed its event" for key in inbox.changed]
    rows = session.connection().exec_driver_sql("SELECT count(*) FROM outbox").scalar_one()
    if rows != len(expected):
        ledger.problems.append(f"{rows} webhooks are written, not {len(expected)}")
