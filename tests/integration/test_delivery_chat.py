"""A subscription by mail, from the API to a real mail server."""

from collections.abc import Iterator
from email import message_from_bytes, policy

import pytest
from apprise.plugins import pagerduty

from alerts.delivery.secrets import encrypt
from db.delivery_rows import TargetKind
from db.engine import Engine, transaction
from db.outbox import attempts
from db.subscriptions import list_subscriptions
from tests.integration.samples import NOON, alert, mention
from tests.integration.watching import Watch
from tests.integration.web_client import SECRET_KEY, web_client, web_settings
from tests.unit.chat_servers import http_service, mail_server

pytestmark = pytest.mark.integration

PASSWORD = "hunter2-of-the-desk"


@pytest.fixture
def watch(engine: Engine) -> Iterator[Watch]:
    running = Watch(engine)
    yield running
    running.close()


async def test_a_mailbox_gets_alerts_in_its_language_and_its_url_stays_secret(
    engine: Engine, database_url: str, watch: Watch
) -> None:
    with mail_server() as (port, mails):
        url = (
            f"mailto://127.0.0.1:{port}?from=watch@example.com&to=desk@example.com"
            f"&mode=insecure&note={PASSWORD}"
        )
        async with web_client(web_settings(database_url=database_url)) as client:
            made = await client.post("/v1/subscriptions", json={"url": url, "language": "zh"})
            listed = await client.get("/v1/subscriptions")
            path = f"/v1/subscriptions/{made.json()['id']}"
            rotated = await client.post(f"{path}/rotate", json={})
            tried = await client.post(f"{path}/test")
            watch.tell(alert(severity="critical", evidence=(mention("a"),)))
            watch.deliver()
            outside = await client.post(
                "/v1/subscriptions",
                json={"url": f"mailto://10.0.0.1?from=a@example.com&x={PASSWORD}"},
            )

    assert made.status_code == 201
    shown = made.json()
    assert (shown["kind"], shown["url"]) == ("chat", "mailto://127.0.0.1")
    assert (shown["secret"], shown["language"]) == (None, "zh")
    assert rotated.status_code == 404
    assert (outside.status_code, outside.json()["errors"][0]["field"]) == (422, "url")
    for answer in (made, listed, rotated, tried, outside):
        assert PASSWORD not in answer.text
    with transaction(engine) as session:
        [stored] = list_subscriptions(session)
        [attempt] = attempts(session, tried.json()["id"])
    assert PASSWORD.encode() not in stored.secret
    assert attempt.outcome == "delivered"
    messages = [
        message_from_bytes(mail.original_content or b"", policy=policy.default) for mail in mails
    ]
    assert [each["subject"] for each in messages] == [
        "tapewatch 测试",
        "严重：us:SIVB 负面新闻增多",
    ]
    body = messages[1].get_body()
    assert body is not None
    assert "Title of a" in body.get_content()
    assert f"https://watch.example/desk/alerts/{alert(fired_at=NOON).id}" in body.get_content()


def test_the_events_of_an_alert_are_one_incident_that_ends(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = encrypt("pagerduty://integrationkey@apikey", SECRET_KEY)
    with http_service() as service:
        regions = dict.fromkeys(pagerduty.PAGERDUTY_API_LOOKUP, f"{service.url}/v2/enqueue")
        monkeypatch.setattr(pagerduty, "PAGERDUTY_API_LOOKUP", regions)
        watch.subscribe("pagerduty://", kind=TargetKind.CHAT, secret=url)
        ended = alert(revision=3, severity="critical", state="resolved")
        watch.tell(alert(), alert(revision=2, severity="critical"), ended)
        watch.deliver()

    told = [(each["event_action"], each["dedup_key"]) for each in service.received]
    assert told == [(action, str(ended.id)) for action in ("trigger", "trigger", "resolve")]
