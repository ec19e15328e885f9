"""Every route of the app, by its own table, against every kind of key that must not open it."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from db.engine import Engine, transaction
from db.keys import create_key, revoke_key
from pipeline.access import Scope, new_api_key
from pipeline.settings import Settings
from pipeline.web.app import create_app
from pipeline.web.auth import Gate
from pipeline.web.desk import access
from tests.integration.web_client import API_KEY, web_client, web_settings

pytestmark = pytest.mark.integration

# What anybody may ask for; whatever is added here must hold nothing to protect.
PUBLIC = {
    ("GET", "/"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/desk/login"),
    ("POST", "/desk/login"),
    ("POST", "/desk/logout"),
    ("GET", "/desk/static"),
}
ONLY_ADMIN = ("/v1/keys", "/v1/audit", "/desk/subscriptions/new")
SOME_ID = str(uuid4())
# A stream that is let in ends at once: it has no event of that id.
NO_STREAM = {"Last-Event-ID": "none"}


class Route(NamedTuple):
    """A route with a path that leads to it."""

    method: str
    pattern: str
    path: str

    @property
    def is_page(self) -> bool:
        """Whether it is for browsers."""
        return self.pattern == "/desk" or self.pattern.startswith("/desk/")

    @property
    def needs(self) -> Scope:
        """What a key must grant."""
        if (self.method, self.pattern) == ("POST", "/v1/items"):
            return Scope.INGEST
        if self.method != "GET" or self.pattern.startswith(ONLY_ADMIN):
            return Scope.ADMIN
        return Scope.READ


def table(app: FastAPI) -> list[Route]:
    """Return all that the app answers to, but what is public."""
    found: list[Route] = []
    for route in iter_route_contexts(app.routes):
        assert route.path, f"{route} is of a kind that this test does not know"
        path = route.path.replace("{kind}", "entity").replace("{scope_id:path}", "x")
        path = re.sub(r"\{\w+(:path)?\}", SOME_ID, path)
        methods = route.methods or {"GET"}  # mounted files have none
        found += [Route(method, route.path, path) for method in sorted(methods)]
    closed = [route for route in found if route[:2] not in PUBLIC]
    assert len(found) - len(closed) == len(PUBLIC)
    return closed


SETTINGS = web_settings()
ROUTES = table(create_app(SETTINGS))


@pytest.fixture
def keys(engine: Engine) -> dict[str, tuple[UUID, str]]:
    """Keys of every kind: id and key by name."""
    wanted = {
        "ingest": new_api_key("ingest", [Scope.INGEST]),
        "read": new_api_key("read", [Scope.READ]),
        "admin": new_api_key("admin", [Scope.ADMIN]),
        "revoked": new_api_key("revoked", [Scope.ADMIN]),
        "expired": new_api_key(
            "expired", [Scope.ADMIN], expires_at=datetime.now(UTC) - timedelta(seconds=1)
        ),
        "unstored": new_api_key("unstored", [Scope.ADMIN]),
    }
    with transaction(engine) as session:
        for name, (row, _) in wanted.items():
            if name != "unstored":
                create_key(session, row)
        revoke_key(session, wanted["revoked"][0].id)
    mixed = f"{wanted['admin'][1].rpartition('_')[0]}_{wanted['read'][1].rpartition('_')[2]}"
    found = {name: (row.id, key) for name, (row, key) in wanted.items()}
    return found | {"of another": (wanted["admin"][0].id, mixed)}


def test_the_table_of_routes_is_read() -> None:
    assert len(ROUTES) >= 20
    assert {route.method for route in ROUTES} >= {"GET", "POST", "DELETE"}


async def test_no_route_opens_without_a_key_that_holds(
    database_url: str, keys: dict[str, tuple[UUID, str]]
) -> None:
    tried: dict[str, str] = {"none": "", "wrong": "wrong", "case": API_KEY.upper()}
    tried |= {"short": API_KEY[:-1], "odd": "schlüssel"}
    tried |= {each: keys[each][1] for each in ("revoked", "expired", "unstored", "of another")}

    async with web_client(unlimited(database_url), key="") as client:
        for route in (route for route in ROUTES if not route.is_page):
            for name, key in tried.items():
                headers = {b"Authorization": f"Bearer {key}".encode()} if key else {}
                answer = await client.request(route.method, route.path, headers=headers)
                assert answer.status_code == 401, (route, name)
                assert answer.headers["www-authenticate"] == "Bearer"
                assert answer.headers["content-type"] == "application/problem+json"


async def test_no_route_opens_for_a_key_of_another_scope(
    database_url: str, keys: dict[str, tuple[UUID, str]]
) -> None:
    async with web_client(unlimited(database_url), key="") as client:
        for route in (route for route in ROUTES if not route.is_page):
            for scope in Scope:
                headers = {"Authorization": f"Bearer {keys[scope.value][1]}"} | NO_STREAM
                answer = await client.request(route.method, route.path, headers=headers)
                if scope in {route.needs, Scope.ADMIN}:
                    assert answer.status_code not in {401, 403, 429}, (route, scope)
                else:
                    assert answer.status_code == 403, (route, scope)
                    assert route.needs.value in answer.json()["detail"]


async def test_no_page_opens_without_a_session_whose_key_holds(
    database_url: str, keys: dict[str, tuple[UUID, str]]
) -> None:
    signing = Gate(SETTINGS.web).session_key()
    now_s = time.time()
    cookies = {
        "none": "",
        "forged": access.new_session(b"another", None, now_s=now_s),
        "over": access.new_session(signing, None, now_s=now_s - access.LASTS_S),
    }
    for name in ("revoked", "expired", "unstored"):
        cookies[name] = access.new_session(signing, keys[name][0], now_s=now_s)

    async with web_client(unlimited(database_url), key="") as client:
        for route in (route for route in ROUTES if route.is_page):
            for name, cookie in cookies.items():
                answer = await page(client, route, cookie)
                assert answer.status_code == 303, (route, name)
                assert answer.headers["location"].startswith("/desk/login?to=/desk")
            ingest = access.new_session(signing, keys["ingest"][0], now_s=now_s)
            assert (await page(client, route, ingest)).status_code == 403, route
            fitting = access.new_session(signing, keys[route.needs.value][0], now_s=now_s)
            assert (await page(client, route, fitting)).status_code in {200, 400, 404, 422}, route


async def test_who_logs_in_after_sending_a_form_gets_to_the_page_that_it_is_about(
    database_url: str,
) -> None:
    forms = [route for route in ROUTES if route.is_page and route.method == "POST"]
    async with web_client(unlimited(database_url), key="") as client:
        for route in forms:
            sent = await page(client, route, "")
            to = parse_qs(urlsplit(sent.headers["location"]).query)["to"][0]
            answer = await client.post("/desk/login", data={"key": API_KEY, "to": to})
            landed = await client.get(answer.headers["location"])
            assert route.path.startswith(answer.headers["location"]), route
            assert landed.status_code in {200, 404}, route  # there is no alert of that id

    assert len(forms) >= 9


async def page(client: httpx.AsyncClient, route: Route, cookie: str) -> httpx.Response:
    client.cookies.clear()
    headers = {"Cookie": f"{access.COOKIE}={cookie}"} if cookie else {}
    return await client.request(route.method, route.path, headers=headers | NO_STREAM)


def unlimited(database_url: str) -> Settings:
    """Return settings under which the many refusals of these tests are no flood."""
    settings = web_settings(database_url=database_url)
    web = settings.web.model_copy(update={"max_refused_per_min": 100_000})
    return settings.model_copy(update={"web": web})
