"""What a database that hangs may not hold up: pushes, and whoever asks for readiness."""

import asyncio
import threading
from collections.abc import Mapping
from types import SimpleNamespace
from typing import cast

import anyio.to_thread
import httpx
import pytest
from fastapi import FastAPI, Request
from structlog.testing import capture_logs

from db.engine import DatabaseAway, Engine
from db.rows import Progress
from pipeline.access import Principal, Scope
from pipeline.schema import Schema
from pipeline.settings import Settings
from pipeline.topics import BrokerAway
from pipeline.web import auditing
from pipeline.web.auditing import Audit
from pipeline.web.readiness import Readiness

PUSHES = 8


class HangingSchema(Schema):
    """Answers nothing until it is let go; then the database is away.

    Attributes:
        asked: Set while somebody waits.
    """

    def __init__(self) -> None:
        super().__init__("postgresql://nobody@/none")
        self.asked = threading.Event()
        self.let_go = threading.Event()

    def require(self) -> None:
        """Wait, and raise DatabaseAway."""
        self.asked.set()
        assert self.let_go.wait(30)
        raise DatabaseAway("gone")


class NoBroker:
    """A broker that is away."""

    def end_offsets(
        self,
        topic: str,
        progress: Mapping[int, Progress] | None = None,  # noqa: ARG002  # the seam's form
    ) -> dict[int, int]:
        """Raise BrokerAway."""
        raise BrokerAway(topic)


def pushing_app(schema: Schema) -> tuple[FastAPI, list[str]]:
    """Return an app whose every push is to be audited, and what was pushed."""
    app, pushed = FastAPI(), list[str]()
    app.state.services = SimpleNamespace(schema=schema)

    @app.post("/v1/items")
    def push(request: Request) -> None:
        request.state.principal = Principal(None, "key", frozenset(Scope))
        pushed.append(request.url.path)

    app.add_middleware(Audit)
    return app, pushed


@pytest.mark.parametrize("most_pending", [3, 500])
async def test_pushes_do_not_wait_for_the_audit_log_and_what_it_lacks_is_told(
    most_pending: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "_MOST_PENDING", most_pending)
    anyio.to_thread.current_default_thread_limiter().total_tokens = 3
    schema = HangingSchema()
    app, pushed = pushing_app(schema)
    transport = httpx.ASGITransport(app)
    with capture_logs() as logs:
        async with httpx.AsyncClient(transport=transport, base_url="http://web") as client:
            pushes = [asyncio.create_task(client.post("/v1/items")) for _ in range(PUSHES)]
            for _ in range(100):
                await asyncio.sleep(0.02)
                if len(pushed) == PUSHES:
                    break
            before = len(pushed)
            schema.let_go.set()
            await asyncio.gather(*pushes)

    assert before == PUSHES
    assert [line["event"] for line in logs] == ["audit_not_stored"] * PUSHES
    crowded = [line for line in logs if line["error"] == "too many wait to be stored"]
    assert len(crowded) == max(PUSHES - most_pending, 0)


async def test_a_deed_that_the_end_of_the_process_cuts_off_is_told() -> None:
    schema = HangingSchema()
    app, _ = pushing_app(schema)
    transport = httpx.ASGITransport(app)
    with capture_logs() as logs:
        async with httpx.AsyncClient(transport=transport, base_url="http://web") as client:
            push = asyncio.create_task(client.post("/v1/items"))
            await asyncio.to_thread(schema.asked.wait, 30)
            push.cancel()
            with pytest.raises(asyncio.CancelledError):
                await push
        schema.let_go.set()

    assert "ended before it was stored" in [line["error"] for line in logs]


def test_one_caller_at_most_waits_for_readiness_while_the_database_hangs() -> None:
    schema = HangingSchema()
    clock = iter(range(0, 100, 10))
    readiness = Readiness(
        Settings(),
        engine=cast(Engine, None),
        schema=schema,
        offsets=NoBroker(),
        clock=lambda: float(next(clock)),
    )
    first = threading.Thread(target=readiness.report, daemon=True)
    first.start()
    assert schema.asked.wait(30)
    at_first = within(readiness)
    schema.let_go.set()
    first.join(30)
    schema.let_go.clear()
    schema.asked.clear()
    second = threading.Thread(target=readiness.report, daemon=True)
    second.start()
    assert schema.asked.wait(30)
    later = within(readiness)
    schema.let_go.set()
    second.join(30)

    assert at_first == {"not known yet"}
    assert "cannot be reached" in later


def within(readiness: Readiness) -> set[str]:
    """Return the details of a report that must come at once."""
    found: list[set[str]] = []

    def ask() -> None:
        found.append({check.detail for check in readiness.report().checks.values()})

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(5)
    assert found, "it waits"
    return found[0]
