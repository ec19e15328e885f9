"""A request to the web service: route, query, headers and body, through the whole app.

The database holds nothing and the broker takes everything, so what comes of a request is decided
by what reads it.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast
from unittest import mock
from urllib.parse import unquote
from uuid import UUID

from fastapi import FastAPI

from db.engine import Engine
from pipeline.ingest import Publisher
from pipeline.messages import Limits, NewsItem
from pipeline.schema import Schema
from pipeline.settings import Settings
from pipeline.web import auditing, auth, following, services
from pipeline.web.app import create_app
from pipeline.web.desk import login, why
from pipeline.web.desk.access import COOKIE, new_session
from pipeline.web.examples import REQUESTS
from pipeline.web.following import Follower
from pipeline.web.problems import MEDIA_TYPE
from pipeline.web.readiness import Readiness
from pipeline.web.services import Services
from tests.fuzz.http_text import Headers, split
from tests.fuzz.items import check_item
from tests.fuzz.network import names_of_ours
from tests.fuzz.target import Target
from tests.fuzz.targets.rules import surroundings as few_companies

_KEY = "k3y-0f-the-fuzzer"
_SECRET_KEY = "RnJlc2hseSBtYWRlIGZvciB0aGUgdGVzdHMgb25seSE="
_ID = "7f8a2f70-53c0-4d0c-9e0b-1f1c5b0a7d11"
_METHODS = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"}
_LONG_FROM_NOW_S = 4_000_000_000.0


def run(content: bytes) -> None:
    """Ask the app; whatever is wrong with a request is a problem, never an error of ours."""
    first, headers, body = split(content)
    method, _, address = first.decode("latin-1").partition(" ")
    if method not in _METHODS or not address.startswith("/") or not _is_plain(address):
        return
    app, loop = _app_and_loop()
    status, told, answer = loop.run_until_complete(_ask(app, method, address, headers, body))
    assert 200 <= status < 500 or status == 503
    if status >= 400 and not address.startswith("/desk") and method != "HEAD":
        assert dict(told)[b"content-type"].decode() == MEDIA_TYPE
        assert json.loads(answer)["status"] == status


def _is_plain(address: str) -> bool:
    return address.isascii() and address.isprintable() and " " not in address


async def _ask(
    app: FastAPI, method: str, address: str, headers: Headers, body: bytes
) -> tuple[int, Headers, bytes]:
    path, _, query = address.partition("#")[0].partition("?")
    given = [
        (b"host", b"web"),
        (b"content-length", str(len(body)).encode()),
        (b"authorization", f"Bearer {_KEY}".encode()),
        (b"cookie", f"{COOKIE}={_session(app)}".encode()),
    ]
    names = {name for name, _ in headers}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [*headers, *(each for each in given if each[0] not in names)],
        "client": ("127.0.0.1", 1),
        "server": ("web", 80),
    }
    coming = iter([{"type": "http.request", "body": body, "more_body": False}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(coming, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    parts = [part.get("body", b"") for part in sent[1:]]
    return sent[0]["status"], sent[0]["headers"], b"".join(parts)


class _NoRows:
    """What the empty database answers."""

    rowcount = 0

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def scalars(self) -> "_NoRows":
        return self

    def all(self) -> list[Any]:
        return []

    def first(self) -> None:
        return None

    def one_or_none(self) -> None:
        return None

    def scalar(self) -> None:
        return None

    def scalar_one(self) -> int:
        return 0


class _EmptyDatabase:
    """A session that finds nothing, and to which all that is written is one."""

    def execute(self, *_: object, **__: object) -> _NoRows:
        return _NoRows()

    def connection(self) -> "_EmptyDatabase":
        return self


@contextmanager
def _transaction(_: Engine) -> Iterator[_EmptyDatabase]:
    yield _EmptyDatabase()


class _Broker:
    """Takes what its topic's readers can read."""

    def publish_all(self, items: Sequence[NewsItem]) -> None:
        for item in items:
            check_item(item, Limits(), now=datetime.now(UTC))


class _Migrated:
    def require(self) -> None:
        """Raise nothing."""


@cache
def _app_and_loop() -> tuple[FastAPI, asyncio.AbstractEventLoop]:
    endless = {"max_requests_per_min": 10**9, "max_refused_per_min": 10**9}
    settings = Settings.model_validate(
        {"secret_key": _SECRET_KEY, "web": {"api_key": _KEY, "max_body_bytes": 6_000}}
    )
    web = settings.web.model_copy(update=endless)
    settings = settings.model_copy(update={"web": web})
    app = create_app(settings)
    engine = cast(Engine, None)
    follower = Follower(engine, most=1_000)
    follower.stopping.set()
    app.state.services = Services(
        settings,
        engine,
        cast(Publisher, _Broker()),
        cast(Schema, _Migrated()),
        cast(Readiness, None),
        follower,
        None,
    )
    return app, asyncio.new_event_loop()


@cache
def _session(app: FastAPI) -> str:
    return new_session(app.state.gate.session_key(), None, now_s=_LONG_FROM_NOW_S)


@contextmanager
def surroundings() -> Iterator[None]:
    """Have the routes find an empty database, few companies and no names."""
    with ExitStack() as stack:
        stack.enter_context(names_of_ours())
        stack.enter_context(few_companies())
        for module in (services, auditing, auth, following, login, why):
            stack.enter_context(mock.patch.object(module, "transaction", _transaction))
        yield


def _request(line: str, body: object = None, *headers: str) -> bytes:
    text = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    kind = ["content-type: application/json"] if text else []
    return "\n".join([line, *kind, *headers, "", ""]).encode() + text


def _examples() -> Iterator[bytes]:
    for (method, path), body in REQUESTS.items():
        at = path.replace("{name}", "a")
        for parameter in ("{subscription_id}", "{alert_id}"):
            at = at.replace(parameter, _ID)
        yield _request(f"{method.upper()} {at}", body)


_QUERIES = (
    "GET /v1/trends?entity=Apple&window=1h&since=7d&until=2024-03-01T12:00Z",
    "GET /v1/trends?topic=macro&window=5m&since=2024-03-01&until=2024-03-02",
    "GET /v1/alerts?since=7d&until=1h&state=firing&cursor=WzEsMl0=&limit=5&topic=macro",
    "GET /v1/items?entity=apple&since=7d&cursor=bnVsbA==",
    f"GET /v1/alerts/{_ID}/events",
    "GET /v1/precision?by=week&since=90d",
    f"GET /v1/deliveries?subscription={_ID}&state=dead&cursor=MQ==",
    "GET /v1/audit?since=1d&outcome=refused&cursor=MQ==",
    f"DELETE /v1/keys/{_ID}",
    "DELETE /v1/watchlists/a%2Fb",
    "GET /v1/keys",
    "GET /healthz",
    "GET /",
    "GET /desk?q=%ff",
    "GET /desk/series?q=Apple",
    "GET /desk/series/topic/macro?at=2024-03-01",
    "GET /desk/subscriptions/new",
    "GET /desk/static/../app.css",
    "GET /desk/login?to=/desk//evil.example",
    "HEAD /v1/trends",
    "OPTIONS /v1/items",
)
_SUBSCRIPTION = {
    "url": "https://hooks.example.com/",
    "topics": ["macro"],
    "severities": ["critical"],
    "languages": ["en"],
    "detectors": ["tone_shift"],
    "quiet": "22:00-07:00",
    "digest_at": ["08:30"],
    "time_zone": "Asia/Shanghai",
    "critical_passes": True,
    "description": "risk",
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
_FORM = "content-type: application/x-www-form-urlencoded"

TARGET = Target(
    run,
    seeds=(
        *_examples(),
        *(_request(line) for line in _QUERIES),
        _request("POST /v1/items", {"items": [{"title": "a"}, 1, None]}),
        _request("POST /v1/items") + b"[" * 3_000,
        _request("POST /v1/keys") + b'{"name":' * 500,
        _request("POST /v1/keys") + b'{"name":' + b"1" * 5_000 + b"}",
        _request("POST /v1/keys", {"name": "a", "scopes": ["read"], "expires_at": "2999-01-01Z"}),
        _request("POST /v1/subscriptions", _SUBSCRIPTION),
        _request("POST /v1/subscriptions", _SUBSCRIPTION | {"time_zone": "../UTC\0"}),
        _request("PUT /v1/watchlists/a", {"entities": []}) + b"x" * 7_000,
        _request("GET /v1/alerts/stream", None, "last-event-id: 5"),
        _request("GET /v1/alerts/stream", None, "last-event-id: " + "9" * 5_000),
        _request("GET /v1/keys", None, f"authorization: Bearer tw_{UUID(_ID).hex}_secret"),
        _request("GET /desk", None, f"cookie: {COOKIE}=1.2.3", "accept-language: zh;q=x"),
        _request("POST /desk/login", None, _FORM, "origin: http://web") + b"key=k&to=/desk",
        _request("POST /desk/subscriptions", None, _FORM, "sec-fetch-site: same-origin")
        + b"url=https%3A%2F%2Fhooks.example.com%2F&topics=macro&quiet_from=22:00&digest_at=08:30",
        _request(f"POST /desk/alerts/{_ID}/acknowledgement", None, _FORM) + b"verdict=wanted",
        _request("POST /desk/logout", None, "origin: null"),
        _request("POST /desk/logout", None, "origin: http://["),
    ),
    words=(
        b"GET /v1/",
        b"POST /v1/",
        b"PUT /v1/",
        b"alerts",
        b"subscriptions",
        b"silences",
        b"deliveries",
        b"watchlists",
        b"?cursor=",
        b"&since=",
        b"&until=",
        b"&limit=",
        b"entity=",
        b"%00",
        b"%ed%a0%80",
        b"9999-12-31T23:59:59-23:59",
        b"0001-01-01T00:00:00+23:59",
        b"99999w",
        b"\\ud800",
        b"\\u0000",
        b"null",
        b"NaN",
        b"Infinity",
        b"1e400",
        b'"":',
        b"origin: ",
        b"cookie: ",
        b"content-type: ",
        b"last-event-id: ",
        b"http://[",
        b"multipart/form-data; boundary=a",
    ),
    surroundings=surroundings,
)
