"""Keys from their making to their end, limits, the audit log, and headers, on a real database."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from db.access_tables import api_keys
from db.engine import Engine
from pipeline.settings import Settings
from tests.integration.desk_archive import fill
from tests.integration.web_client import API_KEY, web_client, web_settings

pytestmark = pytest.mark.integration


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def limited(database_url: str, **limits: int) -> Settings:
    settings = web_settings(database_url=database_url)
    return settings.model_copy(update={"web": settings.web.model_copy(update=limits)})


async def made(client: httpx.AsyncClient, *scopes: str, **more: str) -> dict[str, str]:
    answer = await client.post("/v1/keys", json={"name": "desk", "scopes": scopes, **more})
    assert answer.status_code == 201
    found: dict[str, str] = answer.json()
    return found


async def test_a_key_opens_what_it_is_for_until_it_is_revoked(database_url: str) -> None:
    async with web_client(web_settings(database_url=database_url)) as client:
        key = await made(client, "read")
        before = await client.get("/v1/alerts", headers=bearer(key["key"]))
        removed = await client.delete(f"/v1/keys/{key['id']}")
        after = await client.get("/v1/alerts", headers=bearer(key["key"]))
        again = await client.delete(f"/v1/keys/{key['id']}")
        [listed] = (await client.get("/v1/keys")).json()["keys"]

    statuses = [each.status_code for each in (before, removed, after, again)]
    assert statuses == [200, 204, 401, 404]
    assert listed["id"] == key["id"]
    assert listed["last_used_at"]
    assert listed["revoked_at"]
    assert key["key"] not in json.dumps(listed)


async def test_a_key_that_ends_in_the_past_is_not_made(database_url: str) -> None:
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    async with web_client(web_settings(database_url=database_url)) as client:
        sent = {"name": "desk", "scopes": ["read"], "expires_at": past}
        answer = await client.post("/v1/keys", json=sent)

    assert answer.status_code == 422


async def test_the_key_itself_is_not_in_the_database(database_url: str, engine: Engine) -> None:
    async with web_client(web_settings(database_url=database_url)) as client:
        key = (await made(client, "read"))["key"]

    with engine.connect() as connection:
        [row] = connection.execute(api_keys.select())
    assert key.rpartition("_")[2].encode() not in repr(tuple(row)).encode()


async def test_a_session_ends_with_the_key_that_began_it(database_url: str) -> None:
    settings = web_settings(database_url=database_url)
    async with web_client(settings) as admin, web_client(settings, key="") as browser:
        key = await made(admin, "read")
        entered = await browser.post("/desk/login", data={"key": key["key"]})
        before = await browser.get("/desk")
        await admin.delete(f"/v1/keys/{key['id']}")
        after = await browser.get("/desk")

    assert (entered.status_code, before.status_code, after.status_code) == (303, 200, 303)


async def test_a_key_that_may_not_read_begins_no_session(database_url: str) -> None:
    settings = web_settings(database_url=database_url)
    async with web_client(settings) as admin, web_client(settings, key="") as browser:
        key = await made(admin, "ingest")
        answer = await browser.post("/desk/login", data={"key": key["key"]})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_who_may_only_read_sees_no_forms_and_can_send_none(
    database_url: str, engine: Engine
) -> None:
    alert_id = fill(engine)
    settings = web_settings(database_url=database_url)
    form = f"/desk/alerts/{alert_id}/acknowledgement"
    async with web_client(settings) as admin, web_client(settings, key="") as browser:
        key = await made(admin, "read")
        await browser.post("/desk/login", data={"key": key["key"]})
        seen = (await browser.get(f"/desk/alerts/{alert_id}")).text
        sent = await browser.post(form, data={"verdict": "wanted", "author": "ann"})
        await browser.post("/desk/login", data={"key": API_KEY})
        seen_by_admin = (await browser.get(f"/desk/alerts/{alert_id}")).text
        sent_by_admin = await browser.post(form, data={"verdict": "wanted", "author": "ann"})

    assert form not in seen
    assert sent.status_code == 403
    assert form in seen_by_admin
    assert sent_by_admin.status_code == 303


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}]
)
async def test_a_page_of_another_site_sends_no_form(
    database_url: str, headers: dict[str, str]
) -> None:
    async with web_client(limited(database_url, max_refused_per_min=1), key="") as browser:
        answer = await browser.post("/desk/login", data={"key": API_KEY}, headers=headers)
        again = await browser.post("/desk/login", data={"key": API_KEY}, headers=headers)

    assert (answer.status_code, again.status_code) == (403, 429)
    assert "set-cookie" not in answer.headers


async def test_a_cookie_is_secure_where_the_page_is(database_url: str) -> None:
    async with web_client(web_settings(database_url=database_url), key="") as browser:
        plain = await browser.post("/desk/login", data={"key": API_KEY})
        secure = await browser.post("https://web/desk/login", data={"key": API_KEY})

    assert "secure" not in plain.headers["set-cookie"].lower()
    assert "secure" in secure.headers["set-cookie"].lower()
    assert "strict-transport-security" in secure.headers


async def test_a_key_has_its_own_limit_and_is_told_when_to_come_again(database_url: str) -> None:
    async with web_client(limited(database_url, max_requests_per_min=3)) as client:
        key = await made(client, "read")
        answers = [await client.get("/v1/alerts", headers=bearer(key["key"])) for _ in range(5)]
        other = await client.get("/v1/keys")

    assert [each.status_code for each in answers] == [200, 200, 200, 429, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].headers["content-type"] == "application/problem+json"
    assert other.status_code == 200


async def test_who_tries_keys_is_held_off_and_others_from_there_are_not(database_url: str) -> None:
    async with web_client(limited(database_url, max_refused_per_min=2)) as client:
        wrong = [await client.get("/v1/alerts", headers=bearer("no")) for _ in range(5)]
        right = await client.get("/v1/alerts")
        entries = (await client.get("/v1/audit?outcome=refused")).json()["entries"]

    assert [each.status_code for each in wrong] == [401, 401, 429, 429, 429]
    assert right.status_code == 200
    assert [each["status"] for each in entries] == [429, 401, 401], "a flood is told once"


async def test_every_write_and_every_refusal_is_in_the_log(database_url: str) -> None:
    async with web_client(web_settings(database_url=database_url)) as client:
        key = await made(client, "read")
        reader = bearer(key["key"])
        await client.get("/v1/alerts", headers=reader)
        await client.post("/v1/keys", json={}, headers=reader)
        await client.post("/v1/keys", json={})
        await client.delete(f"/v1/subscriptions/{uuid4()}")
        await client.get("/v1/alerts", headers=bearer("wrong"))
        await client.post("/desk/login", data={"key": "wrong"})
        await client.post("/desk/login", data={"key": key["key"]})
        await client.post("/nowhere")
        entries = (await client.get("/v1/audit")).json()["entries"]
        key_id = key["id"]

    told = [(e["actor"], e["key_id"], e["action"], e["outcome"], e["status"]) for e in entries]
    assert told == [
        ("desk", key_id, "POST /desk/login", "done", 303),
        ("", None, "POST /desk/login", "refused", 403),
        ("", None, "GET /v1/alerts", "refused", 401),
        ("settings", None, "DELETE /v1/subscriptions/{subscription_id}", "refused", 404),
        ("settings", None, "POST /v1/keys", "refused", 422),
        ("desk", key_id, "POST /v1/keys", "refused", 403),
        ("settings", None, "POST /v1/keys", "done", 201),
    ]
    assert {entry["address"] for entry in entries} == {"127.0.0.1"}
    assert key["key"] not in json.dumps(entries)


async def test_the_log_is_read_in_pages_that_later_rows_do_not_move(database_url: str) -> None:
    async with web_client(web_settings(database_url=database_url)) as client:
        for _ in range(5):
            await client.delete(f"/v1/keys/{uuid4()}")
        first = (await client.get("/v1/audit?limit=3")).json()
        await client.delete(f"/v1/keys/{uuid4()}")
        cursor = {"cursor": first["next_cursor"], "limit": "3"}
        second = (await client.get("/v1/audit", params=cursor)).json()
        bad = await client.get("/v1/audit?cursor=x")

    seen = [entry["target"] for entry in first["entries"] + second["entries"]]
    assert (len(seen), len(set(seen))) == (5, 5)
    assert second["next_cursor"] is None
    assert bad.status_code == 400


@pytest.mark.parametrize("path", ["/healthz", "/v1/alerts", "/nowhere", "/desk", "/desk/login"])
@pytest.mark.parametrize("key", ["", API_KEY])
async def test_every_answer_is_locked(database_url: str, path: str, key: str) -> None:
    async with web_client(web_settings(database_url=database_url), key=key) as client:
        headers = (await client.get(path)).headers

    policy = headers["content-security-policy"]
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert part in policy.split("; ")
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "data:", "https:"} & set(policy.split())
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


async def test_an_error_of_the_service_is_locked_too(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("pipeline.web.routes_alerts.list_alerts", broken)
    async with web_client(web_settings(database_url=database_url)) as client:
        answer = await client.get("/v1/alerts")

    assert answer.status_code == 500
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
