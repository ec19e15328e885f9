"""Chat and mail, to real servers on loopback."""

import json
import logging
import socket
import ssl
from collections.abc import Iterator, Sequence
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from apprise import Apprise, NotifyType
from apprise.plugins import pagerduty
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from apprise.plugins.wecombot import NotifyWeComBot

from alerts.delivery.chat import BadTarget, Level, check_target, is_chat, send_chat
from alerts.delivery.webhook import Attempt, Outcome, Reason
from tests.unit.certificates import self_signed
from tests.unit.chat_servers import Service, http_service, mail_server

TOKEN = "TIiajkdnlazkcOXrIdevi7FQ"
SLACK = f"slack://T1JJ3T3L2/A1BRTD4JD/{TOKEN}"
TITLE, TEXT = "严重：Northlake Bank 负面新闻增多", "3 negative accounts\n• Shares fall (daily)"
LOOPBACK = ("127.0.0.1",)


def deliver(
    url: str,
    *,
    level: Level = Level.BAD,
    incident: str = "alert 1",
    allow_hosts: Sequence[str] = LOOPBACK,
) -> Attempt:
    return send_chat(
        url,
        title=TITLE,
        text=TEXT,
        level=level,
        incident=incident,
        allow_hosts=allow_hosts,
        timeout_s=8,
    )


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service that stands for those of the vendors."""
    with http_service() as heard:
        monkeypatch.setattr(NotifySlack, "webhook_url", f"{heard.url}/services")
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"{heard.url}/bot")
        monkeypatch.setattr(NotifyFeishu, "notify_url", heard.url + "/{token}/")
        monkeypatch.setattr(NotifyDingTalk, "notify_url", heard.url + "/?access_token={token}")
        monkeypatch.setattr(NotifyWeComBot, "notify_url", heard.url + "/?key={key}")
        yield heard


@pytest.mark.parametrize(
    "url",
    [
        SLACK,
        f"tgram://123456789:{TOKEN}abcdefghijk/12315544",
        f"feishu://{TOKEN}",
        f"dingtalk://{TOKEN}",
        "wecombot://aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    ],
    ids=lambda url: url.partition(":")[0],
)
def test_a_service_gets_one_message_with_title_and_text(url: str, service: Service) -> None:
    if url == SLACK:
        service.answer = b"ok"
    attempt = deliver(url)

    assert (attempt.outcome, attempt.detail) == (Outcome.DELIVERED, None)
    [message] = service.received
    told = json.dumps(message, ensure_ascii=False)
    assert "Northlake Bank 负面新闻增多" in told
    assert "Shares fall" in told


@pytest.fixture
def pagerduty_service(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    regions = dict.fromkeys(pagerduty.PAGERDUTY_API_LOOKUP, f"{service.url}/v2/enqueue")
    monkeypatch.setattr(pagerduty, "PAGERDUTY_API_LOOKUP", regions)
    return service


def test_pagerduty_is_told_how_bad_it_is(pagerduty_service: Service) -> None:
    assert deliver(f"pagerduty://{TOKEN}@{TOKEN}").outcome is Outcome.DELIVERED
    told = pagerduty_service.received[0]["payload"]
    assert told["severity"] == "critical"
    assert "Northlake Bank" in told["summary"]


@pytest.mark.parametrize("more", ["", "?action=trigger&dedup=mine"])
def test_an_incident_of_pagerduty_is_opened_once_and_ends(
    pagerduty_service: Service, more: str
) -> None:
    url = f"pagerduty://{TOKEN}@{TOKEN}/{more}"

    for incident, level in (
        ("alert 1", Level.WARNING),
        ("alert 1", Level.BAD),
        ("alert 2", Level.BAD),
        ("alert 1", Level.GOOD),
    ):
        assert deliver(url, level=level, incident=incident).outcome is Outcome.DELIVERED

    told = [(each["event_action"], each["dedup_key"]) for each in pagerduty_service.received]
    assert told == [
        ("trigger", "alert 1"),
        ("trigger", "alert 1"),
        ("trigger", "alert 2"),
        ("resolve", "alert 1"),
    ]


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_teams_is_sent_to_over_tls_that_can_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = self_signed(tmp_path, "localhost")
    context.load_cert_chain(certificate)
    with http_service(context) as teams:
        port = teams.url.rpartition(":")[2]
        url = f"workflows://localhost:{port}/{'a' * 32}/{TOKEN}/"
        strange = deliver(url)
        attempt = deliver(f"{url}?verify=no")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        trusted = deliver(url)

    assert strange.detail is Reason.NOT_ACCEPTED, "its certificate is nobody's"
    assert attempt.outcome is trusted.outcome is Outcome.DELIVERED
    assert json.dumps(teams.received).count("Shares fall") >= 2


def test_a_mail_is_sent_with_subject_and_text() -> None:
    with mail_server() as (port, mails):
        url = f"mailto://127.0.0.1:{port}?from=watch@example.com&to=desk@example.com&mode=insecure"
        attempt = deliver(url)

    assert attempt.outcome is Outcome.DELIVERED
    [mail] = mails
    assert mail.rcpt_tos == ["desk@example.com"]
    message = message_from_bytes(mail.original_content or b"", policy=policy.default)
    body = message.get_body()
    assert message["subject"] == TITLE
    assert body is not None
    assert "Shares fall" in body.get_content()


def test_a_service_that_refuses_is_a_failed_attempt(service: Service) -> None:
    service.status = 503

    attempt = deliver(SLACK)

    assert (attempt.outcome, attempt.detail) == (Outcome.FAILED, Reason.NOT_ACCEPTED)


def test_nothing_inside_the_network_is_connected_to_unless_it_is_listed(service: Service) -> None:
    attempt = deliver(SLACK, allow_hosts=())
    with mail_server() as (port, mails):
        mail = deliver(
            f"mailto://127.0.0.1:{port}?from=a@example.com", allow_hosts=("bus.internal",)
        )

    assert (attempt.outcome, attempt.detail) == (Outcome.FAILED, Reason.ADDRESS_REFUSED)
    assert (mail.outcome, mail.detail) == (Outcome.FAILED, Reason.ADDRESS_REFUSED)
    assert (service.received, mails) == ([], [])


def test_a_redirect_is_not_followed(service: Service) -> None:
    with http_service() as trap:
        service.status, service.location = 302, f"{trap.url}/admin"
        attempt = deliver(SLACK)

    assert attempt.outcome is Outcome.FAILED
    assert trap.received == []


def test_a_connection_of_the_library_that_nobody_checks_is_refused(service: Service) -> None:
    service.answer = b"ok"

    target = Apprise.instantiate(SLACK)

    assert target is not None
    assert not target.notify(body="x", notify_type=NotifyType.INFO)
    assert service.received == []


def test_other_connections_of_the_process_are_left_alone(service: Service) -> None:
    deliver(SLACK, allow_hosts=())

    host, port = service.url.removeprefix("http://").split(":")
    socket.create_connection((host, int(port))).close()


def test_tokens_are_never_logged(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        deliver(SLACK)
        service.status = 500
        deliver(SLACK)
        deliver(SLACK, allow_hosts=())
        deliver(f"slack://broken/{TOKEN}")

    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (SLACK, "slack://"),
        (f"tgram://123456789:{TOKEN}abcdefghijk/12315544", "tgram://"),
        ("mailtos://8.8.8.8?from=b@example.com&to=a@example.org", "mailtos://8.8.8.8"),
        ("mailtos://desk:secret@example.com?to=a@example.org&smtp=9.9.9.9", "mailtos://9.9.9.9"),
    ],
)
def test_no_more_than_scheme_and_host_of_a_target_is_shown(url: str, shown: str) -> None:
    assert is_chat(url)
    assert check_target(url, allow_hosts=()) == shown


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("json://127.0.0.1/", "must begin with"),
        ("jsons://hooks.example.com/", "must begin with"),
        ("file:///etc/passwd", "must begin with"),
        ("syslog://", "must begin with"),
        ("slack://", "not complete"),
        (f"slack://{TOKEN}", "not complete"),
        ("mailto://127.0.0.1?from=b@example.com&to=a@example.org", "not public"),
        ("mailtos://desk:secret@example.com?smtp=169.254.169.254", "not public"),
        (f"workflows://10.0.0.1:443/{'a' * 32}/{TOKEN}/", "not public"),
        (f"tgram://123456789:{TOKEN}\udce8/12315544/", "cannot be read: UnicodeEncodeError"),
        (f"tgram://123456789:#{TOKEN}", "cannot be read: IndexError"),
    ],
)
def test_other_targets_are_refused_without_repeating_them(url: str, problem: str) -> None:
    with pytest.raises(BadTarget, match=problem) as refused:
        check_target(url, allow_hosts=())

    assert TOKEN not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_mail_server_inside_may_be_listed() -> None:
    url = "mailto://127.0.0.1?from=b@example.com&to=a@example.org"

    assert check_target(url, allow_hosts=LOOPBACK) == "mailto://127.0.0.1"
