"""What is served without database and broker, and how errors look."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from pipeline.offsets import OffsetReader
from pipeline.runtime import SettingsError
from pipeline.settings import Settings
from pipeline.topics import BrokerAway
from pipeline.web.app import create_app
from tests.integration.web_client import web_client, web_settings


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say at once what else takes the time-out of a connection to find out."""

    def away(*_: object) -> dict[int, int]:
        raise BrokerAway("nobody answers")

    monkeypatch.setattr(OffsetReader, "end_offsets", away)


async def test_health_asks_for_no_key_and_nothing_else() -> None:
    async with web_client(web_settings(), key="") as client:
        answer = await client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_the_service_does_not_start_without_an_api_key() -> None:
    with pytest.raises(SettingsError, match="TAPEWATCH_WEB__API_KEY is not set"):
        create_app(Settings())


def test_the_service_does_not_start_with_a_secret_key_that_is_none() -> None:
    settings = web_settings().model_copy(
        update={"secret_key": Settings.model_validate({"secret_key": "too-short"}).secret_key}
    )

    with pytest.raises(SettingsError, match="TAPEWATCH_SECRET_KEY is wrong"):
        create_app(settings)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (httpx.Request("GET", "http://web/nothing"), 404),
        (httpx.Request("PUT", "http://web/v1/items"), 405),
        (httpx.Request("POST", "http://web/v1/items", content=b"{"), 400),
        (httpx.Request("POST", "http://web/v1/items", content=b"3"), 400),
        (httpx.Request("POST", "http://web/v1/items", content=b"x" * 100_001), 413),
        (httpx.Request("GET", "http://web/v1/trends"), 503),
    ],
    ids=lambda value: (
        f"{value.method} {value.url.path}" if isinstance(value, httpx.Request) else ""
    ),
)
async def test_every_error_is_a_problem(request_: httpx.Request, status: int) -> None:
    async with web_client(web_settings()) as client:
        request_.headers.update(client.headers)
        answer = await client.send(request_)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


async def test_a_body_without_a_declared_length_is_cut_off_as_well() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 10_000

    async with web_client(web_settings()) as client:
        answer = await client.post("/v1/items", content=endless())

    assert answer.status_code == 413


async def test_a_secret_that_is_refused_is_not_repeated() -> None:
    async with web_client(web_settings()) as client:
        sent = {"url": "https://a.example", "secret": ["whsec_secret"]}
        answer = await client.post("/v1/subscriptions", json=sent)

    assert answer.status_code in {422, 503}
    assert "whsec_secret" not in answer.text


async def test_metrics_count_by_the_pattern_of_the_route() -> None:
    async with web_client(web_settings()) as client:
        await client.get("/v1/alerts/some-id")
        await client.get("/.env")
        text = (await client.get("/metrics")).text

    assert 'tapewatch_http_requests_total{method="GET",route="/v1/alerts/{alert_id}"' in text
    assert 'tapewatch_http_requests_total{method="any",route="none",status="404"}' in text
    assert "some-id" not in text
    assert ".env" not in text


async def test_without_database_and_broker_it_is_alive_and_not_ready(tmp_path: Path) -> None:
    settings = web_settings()
    model = settings.model.model_copy(update={"path": str(tmp_path)})

    async with web_client(settings.model_copy(update={"model": model}), key="") as client:
        alive = await client.get("/healthz")
        answer = await client.get("/readyz")

    assert alive.status_code == 200
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert {name for name, check in checks.items() if not check["ok"]} == {
        *("database", "migrations", "broker", "model", "lag"),
    }
    assert "127.0.0.1" not in answer.text


async def test_without_database_and_broker_a_caller_is_told_to_come_again() -> None:
    async with web_client(web_settings()) as client:
        answer = await client.get("/v1/alerts")

    assert answer.status_code == 503
    assert answer.headers["retry-after"]


def test_every_route_is_described() -> None:
    routes = [
        route
        for route in iter_route_contexts(create_app(web_settings()).routes)
        if getattr(route, "include_in_schema", False)
    ]

    assert len(routes) >= 15
    assert all(route.description for route in routes)
