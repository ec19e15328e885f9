"""Subscriptions by the API, on a real database."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from standardwebhooks import Webhook

from alerts.delivery.secrets import decrypt
from db.engine import Engine, transaction
from db.keys import create_key
from db.outbox import claim
from db.subscriptions import list_subscriptions
from pipeline.access import Scope, new_api_key
from pipeline.settings import Settings
from pipeline.stages.sending import SignedPost
from tests.integration.web_client import SECRET_KEY, web_client, web_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Settings of a migrated database; there is no broker."""
    return web_settings(database_url=database_url)


async def test_a_subscription_shows_its_secret_once(settings: Settings, engine: Engine) -> None:
    wish = {
        "url": "http://127.0.0.1:9000/hook",
        "entities": ["svb", "SIVB"],
        "topics": ["MACRO"],
        "severities": ["critical"],
    }
    async with web_client(settings) as client:
        made = await client.post("/v1/subscriptions", json=wish)
        listed = await client.get("/v1/subscriptions")
        with transaction(engine) as session:
            [stored] = list_subscriptions(session)
        removed = await client.delete(f"/v1/subscriptions/{made.json()['id']}")
        again = await client.delete(f"/v1/subscriptions/{made.json()['id']}")

    assert made.status_code == 201
    secret = made.json()["secret"]
    assert secret.startswith("whsec_")
    assert decrypt(stored.secret, SECRET_KEY) == secret
    assert (stored.entities, stored.topics) == (("SIVB",), ("macro",))
    assert listed.json()["subscriptions"] == [_without_secret(made)]
    assert secret not in listed.text
    assert (removed.status_code, again.status_code) == (204, 404)


async def test_all_of_a_webhooks_url_is_shown_to_an_admin_alone(
    settings: Settings, engine: Engine
) -> None:
    chat = "mailto://127.0.0.1:25?from=a@example.com&to=b@example.com&mode=insecure"
    urls = ["http://127.0.0.1:9000/services/t0ken?key=t0ken", chat]
    keys = {scope: new_api_key(scope, [scope]) for scope in (Scope.READ, Scope.ADMIN)}
    with transaction(engine) as session:
        for row, _ in keys.values():
            create_key(session, row)
    async with web_client(settings) as client:
        for url in urls:
            assert (await client.post("/v1/subscriptions", json={"url": url})).status_code == 201
    seen: dict[Scope, list[str]] = {}
    for scope, (_, key) in keys.items():
        async with web_client(settings, key=key) as client:
            answer = await client.get("/v1/subscriptions")
            seen[scope] = [row["url"] for row in answer.json()["subscriptions"]]

    assert seen[Scope.READ] == ["http://127.0.0.1/…", "mailto://127.0.0.1"]
    assert seen[Scope.ADMIN] == [urls[0], "mailto://127.0.0.1"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://example.com/"}, "url"),
        ({"url": "https://localhost/"}, "url"),
        ({"url": "https://169.254.169.254/latest"}, "url"),
        ({"url": "https://[::1]/"}, "url"),
        ({"url": "https://user:pw@203.0.113.7/"}, "url"),
        ({"url": "nonsense"}, "url"),
        ({"entities": ["No Such Company"]}, "entities"),
        ({"topics": ["weather"]}, "topics"),
        ({"severities": ["loud"]}, "severities"),
        ({"secret": "whsec_c2hvcnQ="}, "secret"),
        ({"description": "x" * 501}, "description"),
    ],
    ids=str,
)
async def test_a_subscription_that_could_not_work_is_refused(
    settings: Settings, engine: Engine, change: dict[str, object], field: str
) -> None:
    wish = {"url": "http://127.0.0.1:9000/hook"} | change

    async with web_client(settings) as client:
        answer = await client.post("/v1/subscriptions", json=wish)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    with transaction(engine) as session:
        assert list_subscriptions(session) == []


async def test_secrets_that_were_replaced_sign_each_until_its_own_end(
    settings: Settings, engine: Engine
) -> None:
    async with web_client(settings) as client:
        made = await client.post("/v1/subscriptions", json={"url": "http://127.0.0.1:9000/"})
        path = f"/v1/subscriptions/{made.json()['id']}/rotate"
        rotated = await client.post(path, json={"overlap_h": 4})
        again = await client.post(path, json={"overlap_h": 2})
        too_long = await client.post(path, json={"overlap_h": 169})
        unknown = await client.post(f"/v1/subscriptions/{uuid4()}/rotate", json={})
        await client.post(f"/v1/subscriptions/{made.json()['id']}/test")

    assert (too_long.status_code, unknown.status_code) == (422, 404)
    first, second, third = (answer.json()["secret"] for answer in (made, rotated, again))
    assert len({first, second, third}) == 3
    now = datetime.now(UTC)
    for hours, signing in ((1, [third, second, first]), (3, [third, first]), (5, [third])):
        at = now + timedelta(hours=hours)
        assert _signers(engine, at, [third, second, first]) == signing


async def test_a_rotation_that_would_end_a_secret_early_is_refused_unless_all_are_to_end(
    settings: Settings, engine: Engine
) -> None:
    async with web_client(settings) as client:
        made = await client.post("/v1/subscriptions", json={"url": "http://127.0.0.1:9000/"})
        path = f"/v1/subscriptions/{made.json()['id']}/rotate"
        answers = [await client.post(path, json={}) for _ in range(5)]
        leaked = await client.post(path, json={"overlap_h": 0})
        await client.post(f"/v1/subscriptions/{made.json()['id']}/test")

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 409]
    secrets = [answer.json()["secret"] for answer in (leaked, made, *answers[:4])]
    assert _signers(engine, datetime.now(UTC), secrets) == [leaked.json()["secret"]]


def _signers(engine: Engine, at: datetime, secrets: list[str]) -> list[str]:
    """Send what waits at that time; return those of the secrets that it is signed with."""
    seen: list[httpx.Headers] = []

    def receiver(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return httpx.Response(204)

    with httpx.Client(transport=httpx.MockTransport(receiver)) as client:
        with transaction(engine) as session:
            [row] = claim(session, now=at, limit=1, lease=timedelta(0))
        SignedPost(client, key=SECRET_KEY, timeout_s=5)(row, now=at)
    given = seen[0]["webhook-signature"].split()
    return [secret for secret in secrets if Webhook(secret).sign(row.id, at, row.body) in given]


def _without_secret(answer: httpx.Response) -> dict[str, object]:
    return {name: value for name, value in answer.json().items() if name != "secret"}


async def test_without_a_secret_key_none_can_be_made(settings: Settings) -> None:
    async with web_client(settings.model_copy(update={"secret_key": None})) as client:
        answer = await client.post("/v1/subscriptions", json={"url": "http://127.0.0.1:9000/"})

    assert answer.status_code == 503
    assert "TAPEWATCH_SECRET_KEY" in answer.json()["detail"]
