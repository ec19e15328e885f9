"""The desk's pages on subscriptions, on a real database: they do what the API does."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from alerts.delivery.secrets import decrypt
from db import endpoints
from db.audit import list_audit
from db.delivery_rows import SubscriptionRow
from db.engine import Engine, transaction
from db.keys import create_key
from db.outbox import record_attempt
from db.subscriptions import find_subscription, list_subscriptions
from db.watchlists import save_watchlist
from pipeline.access import Scope, new_api_key
from tests.integration.web_client import API_KEY, SECRET_KEY, web_client, web_settings

pytestmark = pytest.mark.integration

PATH = "/desk/subscriptions"
HOOK = "http://127.0.0.1:9000/hook"
NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


@pytest.fixture
async def client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has logged in with the first key."""
    async with web_client(web_settings(database_url=database_url), key="") as client:
        await client.post("/desk/login", data={"key": API_KEY})
        yield client


def stored(engine: Engine) -> list[SubscriptionRow]:
    with transaction(engine) as session:
        return list_subscriptions(session)


def secret_in(page: httpx.Response) -> str:
    found = re.search(r"whsec_[\w+/=]+", page.text)
    assert found is not None
    return found[0]


async def subscribed(client: httpx.AsyncClient, engine: Engine, url: str = HOOK) -> SubscriptionRow:
    assert (await client.post(PATH, data={"url": url})).status_code in {201, 303}
    return stored(engine)[-1]


async def test_a_webhook_is_subscribed_with_all_filters_and_its_secret_shown_once(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    with transaction(engine) as session:
        save_watchlist(session, "lenders", ["us:SIVB"])
    form = {
        "url": HOOK,
        "description": "<b>night</b>",
        "entities": "SIVB\r\n\r\njpm\r\n",
        "watchlists": "lenders",
        "sectors": ["Financials", "Energy"],
        "topics": ["legal", "macro"],
        "severities": "critical",
        "languages": "zh",
        "detectors": "negative_spike",
        "quiet_from": "22:00",
        "quiet_until": "07:00",
        "digest_at": "08:30, 17:00",
        "time_zone": "Asia/Shanghai",
        "critical_passes": "on",
        "operations": "on",
    }

    made = await client.post(PATH, data=form)
    listed = await client.get(PATH)

    assert made.status_code == 201
    assert "data-live" not in made.text  # or the secret would vanish with the next renewal
    [row] = stored(engine)
    one = await client.get(f"{PATH}/{row.id}")
    assert decrypt(row.secret, SECRET_KEY) == secret_in(made)
    assert (row.entities, row.sectors) == (("SIVB", "JPM"), ("Financials", "Energy"))
    assert (row.topics, row.watchlists) == (("legal", "macro"), ("lenders",))
    assert (row.severities, row.languages) == (("critical",), ("zh",))
    assert (row.detectors, row.time_zone) == (("negative_spike",), "Asia/Shanghai")
    assert (str(row.quiet_start), str(row.quiet_end)) == ("22:00:00", "07:00:00")
    assert [str(at) for at in row.digest_at] == ["08:30:00", "17:00:00"]
    assert row.critical_passes
    assert row.operations
    for page in (listed, one):
        assert "whsec_" not in page.text
        assert "&lt;b&gt;night" in page.text
        assert "lenders" in page.text
    assert "22:00-07:00" in one.text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"url": "http://example.com/"}, "must be https"),
        ({"url": "slack://"}, "Where to"),
        ({}, "Where to"),
        ({"url": HOOK, "entities": "No Such Company"}, "No Such Company"),
        ({"url": HOOK, "quiet_from": "22:00"}, "Quiet hours"),
        ({"url": HOOK, "digest_at": "soon"}, "soon"),
        ({"url": HOOK, "time_zone": "Mars/Base"}, "Mars/Base"),
        ({"url": HOOK, "secret": "whsec_c2hvcnQ="}, "bytes in base64"),
        ({"url": HOOK, "description": "x" * 501}, "500"),
    ],
    ids=str,
)
async def test_a_form_that_is_wrong_comes_back_filled_in_and_nothing_is_stored(
    client: httpx.AsyncClient, engine: Engine, form: dict[str, str], said: str
) -> None:
    answer = await client.post(PATH, data=form | {"topics": "legal"})

    assert answer.status_code == 422
    assert said in answer.text
    assert 'role="alert"' in answer.text
    assert re.search(r'value="legal" checked', answer.text)
    assert form.get("secret", "whsec_c2h") not in answer.text
    assert stored(engine) == []
    with transaction(engine) as session:
        [deed] = [row.deed for row in list_audit(session) if row.deed.action == f"POST {PATH}"]
    assert (deed.outcome, deed.status) == ("refused", 422)


async def test_a_mailbox_has_no_secret_and_its_url_is_not_shown(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    url = "mailto://127.0.0.1:25?from=a@example.com&to=b@example.com&mode=insecure&note=hunter2"

    made = await client.post(PATH, data={"url": url, "language": "zh"})

    [row] = stored(engine)
    assert (made.status_code, made.headers["location"]) == (303, f"{PATH}/{row.id}")
    page = (await client.get(f"{PATH}/{row.id}")).text
    assert "mailto://127.0.0.1" in page
    assert "hunter2" not in page
    assert "/rotate" not in page


async def test_one_is_paused_resumed_given_a_new_secret_and_deleted(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    row = await subscribed(client, engine)
    path = f"{PATH}/{row.id}"

    assert (await client.post(f"{path}/pause")).headers["location"] == path
    assert stored(engine)[0].paused
    assert "Paused" in (await client.get(path)).text
    assert (await client.post(f"{path}/test")).status_code == 409
    await client.post(f"{path}/resume")
    assert not stored(engine)[0].paused

    rotated = await client.post(f"{path}/rotate")
    assert decrypt(stored(engine)[0].secret, SECRET_KEY) == secret_in(rotated)

    gone = [await client.post(f"{path}/delete") for _ in range(2)]
    assert [answer.status_code for answer in gone] == [303, 404]
    assert stored(engine) == []
    with transaction(engine) as session:
        done = [row.deed.action for row in list_audit(session) if row.deed.outcome == "done"]
    assert {f"POST {PATH}", f"POST {PATH}/{{subscription_id}}/delete"} <= set(done)


async def test_pages_say_what_became_of_the_last_delivery_and_what_is_wrong(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    failing = await subscribed(client, engine)
    disabled = await subscribed(client, engine, "http://127.0.0.1:9001/")
    tried = await client.post(f"{PATH}/{failing.id}/test")
    assert tried.headers["location"] == f"{PATH}/{failing.id}#deliveries"
    waiting = await client.get(f"{PATH}/{failing.id}")
    delivery_id = await newest_delivery(client)
    with transaction(engine) as session:
        endpoints.note_failure(session, failing.id, at=NOW, wait_until=None)
        for status in (502, 503):
            record_attempt(
                session,
                delivery_id,
                at=NOW,
                outcome="failed",
                status=status,
                detail="status",
                duration_ms=3,
                next_attempt_at=NOW,
            )
        endpoints.disable(session, disabled.id, "410 Gone")

    listed = (await client.get(PATH)).text
    one = (await client.get(f"{PATH}/{failing.id}")).text

    assert 'data-live="1500"' in waiting.text
    for page in (listed, one):
        assert "Failed 503" in page
        assert "Failed 502" not in page
        assert "2026-03-09 12:00" in page
    assert "Every attempt has failed since 2026-03-09 12:00 UTC." in listed
    assert "410 Gone" in listed
    assert 'data-live="1500"' not in one


async def newest_delivery(client: httpx.AsyncClient) -> str:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    answer = await client.get("/v1/deliveries", headers=headers)
    return str(answer.json()["deliveries"][0]["id"])


async def test_who_may_only_read_sees_no_path_of_a_url_and_changes_nothing(
    database_url: str, engine: Engine
) -> None:
    row, key = new_api_key("reader", [Scope.READ])
    with transaction(engine) as session:
        create_key(session, row)
    async with web_client(web_settings(database_url=database_url), key="") as client:
        await client.post("/desk/login", data={"key": API_KEY})
        there = await subscribed(client, engine)
        client.cookies.clear()
        await client.post("/desk/login", data={"key": key})
        path = f"{PATH}/{there.id}"
        pages = [await client.get(each) for each in (PATH, path)]
        deeds = ("pause", "resume", "test", "rotate", "delete")
        refused = [await client.post(f"{path}/{deed}") for deed in deeds]
        refused += [await client.post(PATH, data={"url": HOOK}), await client.get(f"{PATH}/new")]

    for page in pages:
        assert "http://127.0.0.1/…" in page.text
        assert "hook" not in page.text
        assert "<form" not in page.text.replace('<form method="post" action="/desk/logout">', "")
        assert f"{PATH}/new" not in page.text
    assert {answer.status_code for answer in refused} == {403}
    with transaction(engine) as session:
        assert find_subscription(session, there.id) == there
