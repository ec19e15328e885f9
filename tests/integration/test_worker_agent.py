"""What the agent hands to the broker, with a real database and a broker that is a fake."""

import asyncio
import json
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError
from faust.exceptions import ProducerSendError
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from db.engine import Engine
from models.labels import Analysis, Span
from pipeline.agents import Dependencies, NewsAgent
from pipeline.messages import Limits
from pipeline.outbound import Headers
from pipeline.schema import NotMigrated
from pipeline.settings import Settings
from pipeline.stages.parse import Message
from tests.fake_models import KeywordClassifier, OneCompanyFinder

pytestmark = pytest.mark.integration


@dataclass
class FakeBroker:
    """Keeps what it takes; refuses what is too large, as client or as broker; may be away."""

    limit: int = 2_000_000
    refuses_late: bool = False
    away: int = 0
    taken: list[tuple[str, bytes | None, bytes | None, dict[str, bytes]]] = field(
        default_factory=list
    )

    async def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers
    ) -> Awaitable[object]:
        """Take one message."""
        outcome: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        if len(key or b"") + len(value or b"") > self.limit:
            cause = MessageSizeTooLargeError("too large")
            if not self.refuses_late:
                raise ProducerSendError("Error while sending") from cause
            outcome.set_exception(cause)
        elif self.away:
            self.away -= 1
            outcome.set_exception(KafkaConnectionError("away"))
        else:
            self.taken.append((topic, key, value, dict(headers)))
            outcome.set_result(None)
        return outcome

    def dead(self) -> list[bytes]:
        """Return the reasons of the dead letters."""
        return [headers["tapewatch-reason"] for topic, *_, headers in self.taken if "dlq" in topic]

    def scored(self) -> list[tuple[str, str]]:
        """Return id and title of the published items."""
        contents = [json.loads(v or b"") for topic, _, v, _ in self.taken if "scored" in topic]
        return [(one["id"], one["title"]) for one in contents]


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def agent(engine: Engine, broker: FakeBroker) -> Iterator[NewsAgent]:
    settings = Settings.model_validate({"database": {"url": "postgresql://unused/unused"}})
    needs = Dependencies(settings, engine, KeywordClassifier(), OneCompanyFinder(), Limits())
    one = NewsAgent(needs, broker.send, asyncio.Event())
    yield one
    one.close()


async def handle(agent: NewsAgent, messages: Sequence[Message]) -> None:
    """Deal with one batch alone."""
    await agent.complete([await agent.analyse(messages)])


def message(offset: int, item_id: str, title: str) -> Message:
    content = {
        "id": item_id,
        "published_at": "2024-03-01T00:00:00Z",
        "title": title,
        "source": "wire",
    }
    return Message("raw", 0, offset, b"key", json.dumps(content).encode())


async def test_an_id_that_holds_another_text_is_not_published(
    agent: NewsAgent, broker: FakeBroker
) -> None:
    await handle(agent, [message(0, "a", "First"), message(1, "a", "Second in the batch")])
    await handle(agent, [message(2, "a", "Second, later"), message(3, "b", "Other")])

    assert broker.scored() == [("a", "First"), ("b", "Other")]


class _Panic(BaseException):
    """What Rust code raises where it gives up; no Exception either."""


class PanickingClassifier(KeywordClassifier):
    """Panics."""

    def classify(
        self, texts: Sequence[str], *, spans: Sequence[Sequence[Span]] | None = None
    ) -> list[Analysis]:
        """Return nothing, ever."""
        raise _Panic(f"a pointer is null, of {len(texts)} and {spans}")


async def test_a_panic_of_native_code_comes_out_as_an_error(agent: NewsAgent) -> None:
    agent.needs = replace(agent.needs, classifier=PanickingClassifier())

    with pytest.raises(RuntimeError, match="_Panic: a pointer is null"):
        await agent.analyse([message(0, "a", "First")])


async def test_what_was_stored_before_a_crash_is_published_after_it(
    agent: NewsAgent, broker: FakeBroker
) -> None:
    batch = [message(0, "a", "First"), message(1, "b", "Other")]
    await handle(agent, batch)
    broker.taken.clear()

    await handle(agent, batch)

    assert broker.scored() == [("a", "First"), ("b", "Other")]


async def test_known_ids_and_refused_items_are_no_sign_of_a_fault_of_ours(
    agent: NewsAgent, broker: FakeBroker
) -> None:
    await handle(agent, [message(0, "a", "First")])

    for offset in range(1, 9, 2):
        await handle(agent, [message(offset, "a", "Second"), message(offset + 1, "x", "EXPLODE")])

    assert broker.scored() == [("a", "First")]


async def test_items_that_break_the_classifier_one_after_the_other_stop_nothing(
    agent: NewsAgent, broker: FakeBroker
) -> None:
    for offset in range(5):
        await handle(agent, [message(offset, f"x{offset}", "EXPLODE")])
    await handle(agent, [message(5, "a", "First")])

    assert len(broker.dead()) == 5
    assert broker.scored() == [("a", "First")]


@pytest.mark.parametrize(
    ("change", "raised"),
    [
        ("ALTER TABLE items RENAME TO things", ProgrammingError),
        (
            "ALTER TABLE items ADD COLUMN more int NOT NULL;"
            "UPDATE alembic_version SET version_num = '9999'",
            NotMigrated,
        ),
    ],
    ids=["a table is gone", "a newer schema asks for more"],
)
async def test_an_item_that_came_alone_is_not_to_blame_for_the_schema(
    agent: NewsAgent, broker: FakeBroker, engine: Engine, change: str, raised: type[Exception]
) -> None:
    with engine.begin() as connection:
        connection.execute(text(change))

    for offset in range(3):
        with pytest.raises(raised):
            await handle(agent, [message(offset, f"a{offset}", "First")])

    assert broker.taken == []


async def test_an_item_that_the_database_cannot_hold_is_to_blame(
    agent: NewsAgent, broker: FakeBroker, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("ALTER TABLE items ADD CONSTRAINT odd CHECK (title <> 'Odd') NOT VALID")
        )

    await handle(agent, [message(0, "a", "Odd")])

    assert broker.dead() == [b"not_processable"]


@pytest.mark.parametrize("refuses_late", [False, True], ids=["client", "broker"])
async def test_a_dead_letter_that_is_too_large_becomes_a_stub_and_holds_up_nothing(
    agent: NewsAgent, broker: FakeBroker, refuses_late: bool
) -> None:
    broker.limit, broker.refuses_late = 1_000, refuses_late
    broken = Message("raw", 0, 0, b"key", b"{" * 5_000, (("trace", b"42"),))
    small = Message("raw", 0, 1, b"key", b"{broken")

    await asyncio.wait_for(handle(agent, [broken, small, message(2, "a", "First")]), 20)

    letters = {headers["tapewatch-offset"]: rest for *rest, headers in broker.taken[:2]}
    assert letters[b"0"][1:] == [None, b""]
    assert letters[b"1"][1:] == [b"key", b"{broken"]
    stub = next(headers for *_, headers in broker.taken if headers["tapewatch-offset"] == b"0")
    assert stub["tapewatch-reason"] == b"not_json"
    assert stub["tapewatch-truncated-from"] == b"5000"
    assert broker.scored() == [("a", "First")]


async def test_only_what_the_broker_did_not_confirm_is_sent_again(
    agent: NewsAgent, broker: FakeBroker
) -> None:
    broker.away = 1

    await handle(agent, [message(0, "a", "First"), message(1, "b", "Other")])

    assert broker.scored() == [("b", "Other"), ("a", "First")]
