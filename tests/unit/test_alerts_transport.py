"""The client of webhooks against real sockets on loopback: names, TLS, endpoints that misbehave."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest

from alerts.delivery.secrets import new_secret
from alerts.delivery.transport import guarded_client
from alerts.delivery.webhook import Outcome, Reason, send
from tests.unit.certificates import self_signed
from tests.unit.dns_server import name_server
from tests.unit.webhook_network import HOST, PUBLIC, ChangingNames, RecordingNetwork, attempt


@contextmanager
def server(
    handle: Callable[[socket.socket], None], *, tls: ssl.SSLContext | None = None, times: int = 1
) -> Iterator[int]:
    """Serve some connections on loopback; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def run() -> None:
            for _ in range(times):
                try:
                    plain, _address = listening.accept()
                except OSError:  # The test is over.
                    return
                plain.settimeout(10)
                try:
                    with tls.wrap_socket(plain, server_side=True) if tls else plain as stream:
                        handle(stream)
                except OSError:  # The client hung up, as some tests want it to.
                    plain.close()

        thread = threading.Thread(target=run)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def reply(text: str) -> Callable[[socket.socket], None]:
    def handle(stream: socket.socket) -> None:
        received = b""
        while b"{}" not in received:
            received += stream.recv(4096)
        stream.sendall(text.encode())

    return handle


NO_CONTENT = "HTTP/1.1 204 No Content\r\n\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a PEM file with a key and a self-signed certificate for ``HOST``."""
    return self_signed(tmp_path_factory.mktemp("tls"), HOST)


def test_a_name_that_changes_after_the_check_is_not_asked_again(certificate: Path) -> None:
    names = ChangingNames([PUBLIC], ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with server(reply(NO_CONTENT), tls=context) as port:
        network = RecordingNetwork(port)
        made = attempt(f"https://{HOST}/", network=network, names=names, trust=certificate)

    assert made.outcome is Outcome.DELIVERED
    assert names.asked == [HOST]
    assert network.connected == [PUBLIC]


def test_a_name_server_that_changes_its_answer_between_check_and_connect_gains_nothing(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with name_server(monkeypatch, [PUBLIC], ["127.0.0.1"]) as names:
        with server(reply(NO_CONTENT), tls=context) as port:
            network = RecordingNetwork(port)
            first = attempt(f"https://{HOST}/", network=network, trust=certificate)
        second = attempt(f"https://{HOST}/", network=network, trust=certificate)

    assert first.outcome is Outcome.DELIVERED
    assert second.detail is Reason.ADDRESS_REFUSED
    assert names.asked == [HOST, HOST], "once for each send"
    assert network.connected == [PUBLIC]


@pytest.mark.parametrize("answer", [[PUBLIC, "10.0.0.1"], [PUBLIC, "::1"], ["fd00::1"]])
def test_a_name_server_that_mixes_in_an_address_inside_is_refused(
    answer: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = RecordingNetwork()
    with name_server(monkeypatch, answer):
        made = attempt(f"https://{HOST}/", network=network)

    assert made.detail is Reason.ADDRESS_REFUSED
    assert network.connected == []


def test_a_name_without_addresses_is_a_failed_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with name_server(monkeypatch, []):
        assert attempt(f"https://{HOST}/").detail is Reason.CONNECT


@pytest.mark.parametrize("host", ["bus.internal", "BUS.internal"])
def test_a_listed_name_may_lead_inside(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with name_server(monkeypatch, ["127.0.0.1"]), server(reply(NO_CONTENT)) as port:
        made = attempt(f"http://{host}:{port}/in", allow_hosts=("bus.internal",))

    assert made.outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    "host", ["bus.internal.", "x.bus.internal", "bus.internal.evil.example", "evil-bus.internal"]
)
def test_a_name_that_only_looks_like_a_listed_one_may_not(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = RecordingNetwork()
    with name_server(monkeypatch, ["127.0.0.1"]):
        made = attempt(f"https://{host}/in", allow_hosts=("bus.internal",), network=network)

    assert made.outcome is Outcome.FAILED
    assert network.connected == []


def test_each_send_is_checked_anew(certificate: Path) -> None:
    names = ChangingNames([PUBLIC], ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    keep_alive = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n"
    with server(reply(keep_alive), tls=context) as port:
        network = RecordingNetwork(port)
        trust = ssl.create_default_context(cafile=certificate)
        with guarded_client(resolve=names, network=network, ssl_context=trust) as client:
            made = [
                send(
                    client,
                    url=f"https://{HOST}/",
                    secrets=[new_secret()],
                    message_id="msg_1",
                    body="{}",
                    now=datetime.now(UTC),
                    timeout_s=5,
                )
                for _ in range(2)
            ]

    assert [one.outcome for one in made] == [Outcome.DELIVERED, Outcome.FAILED]
    assert made[1].detail is Reason.ADDRESS_REFUSED
    assert network.connected == [PUBLIC]


def test_tls_asks_for_and_verifies_the_host_name_not_the_address(certificate: Path) -> None:
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _stream, name, _context: asked.append(name)
    with server(reply(NO_CONTENT), tls=context, times=2) as port:
        network = RecordingNetwork(port)
        right = attempt(
            f"https://{HOST}/", network=network, names=ChangingNames([PUBLIC]), trust=certificate
        )
        wrong = attempt(
            "https://other.example.com/",
            network=network,
            names=ChangingNames([PUBLIC]),
            trust=certificate,
        )

    assert asked == [HOST, "other.example.com"]
    assert right.outcome is Outcome.DELIVERED
    assert (wrong.outcome, wrong.detail) == (Outcome.FAILED, Reason.TLS)


def test_the_next_address_is_tried_where_the_first_is_unreachable(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    addresses = ["2606:4700:4700::1111", PUBLIC]
    with server(reply(NO_CONTENT), tls=context) as port:
        network = RecordingNetwork(port, unreachable=addresses[:1])
        names = ChangingNames(addresses)
        made = attempt(f"https://{HOST}/", network=network, names=names, trust=certificate)

    assert made.outcome is Outcome.DELIVERED
    assert network.connected == addresses


def test_a_name_that_does_not_exist_is_a_failed_connection() -> None:
    def names(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, f"no {host}:{port}")

    assert attempt(f"https://{HOST}/", names=names).detail is Reason.CONNECT
    assert attempt(f"https://{'a' * 70}.example.com/").detail in {Reason.CONNECT, Reason.BAD_URL}


def test_a_listed_host_inside_may_be_reached_by_plain_http() -> None:
    with server(reply(NO_CONTENT)) as port:
        made = attempt(f"http://127.0.0.1:{port}/in", allow_hosts=("127.0.0.1",))

    assert made.outcome is Outcome.DELIVERED


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_into_the_network_is_not_followed(status: int) -> None:
    reached: list[str] = []
    with server(lambda _: reached.append("inside")) as trap:
        headers = f"location: http://127.0.0.1:{trap}/\r\nrefresh: 0; url=http://127.0.0.1:{trap}/"
        with server(reply(f"HTTP/1.1 {status} Elsewhere\r\n{headers}\r\n\r\n")) as port:
            made = attempt(f"http://127.0.0.1:{port}/in", allow_hosts=("127.0.0.1",))

    assert (made.outcome, made.status, made.detail) == (Outcome.FAILED, status, Reason.REDIRECT)
    assert reached == []


def test_an_endpoint_that_trickles_its_answer_is_given_up_in_time() -> None:
    stop = threading.Event()

    def trickle(stream: socket.socket) -> None:
        stream.sendall(b"HTTP/1.1 200 OK\r\n")
        while not stop.wait(0.05):
            stream.sendall(b"x-more: 1\r\n")

    started = monotonic()
    with server(trickle) as port:
        made = attempt(f"http://127.0.0.1:{port}/", allow_hosts=("127.0.0.1",), timeout_s=0.4)
        stop.set()

    assert (made.outcome, made.detail) == (Outcome.FAILED, Reason.TIMEOUT)
    assert monotonic() - started < 3


def test_an_endless_body_is_left_unread() -> None:
    endless = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + "5\r\nhello\r\n" * 100
    with server(reply(endless)) as port:
        made = attempt(f"http://127.0.0.1:{port}/", allow_hosts=("127.0.0.1",))

    assert made.outcome is Outcome.DELIVERED
    assert made.duration_ms < 3_000


def test_something_that_does_not_speak_http_is_a_failed_attempt() -> None:
    with server(reply("220 mail.example.com ESMTP\r\n")) as port:
        made = attempt(f"http://127.0.0.1:{port}/", allow_hosts=("127.0.0.1",))

    assert (made.outcome, made.detail) == (Outcome.FAILED, Reason.PROTOCOL)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    network = RecordingNetwork()

    attempt(f"https://{HOST}/", network=network, names=ChangingNames([PUBLIC]))

    assert network.connected == [PUBLIC]


def test_a_cookie_of_one_endpoint_is_sent_to_nobody() -> None:
    asked: list[bytes] = []

    def handle(stream: socket.socket) -> None:
        asked.append(stream.recv(4096))
        stream.sendall(b"HTTP/1.1 204 No Content\r\nset-cookie: tenant=one; Path=/\r\n\r\n")

    with server(handle, times=2) as port, guarded_client(allow_hosts=["127.0.0.1"]) as client:
        for path in ("one", "two"):
            client.get(f"http://127.0.0.1:{port}/{path}")

    assert len(asked) == 2
    assert b"cookie" not in b"".join(asked).lower()
