"""A webhook receiver that checks signatures, drops what it had, and can be made to misbehave."""

import contextlib
import json
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

Said = tuple[str, str, str, str]
"""Alert id, type of the event, its time, and whom the alert speaks for besides."""


@dataclass(slots=True)
class Inbox:
    """What a receiver that deduplicates by ``webhook-id`` has seen.

    Attributes:
        seen: The event of each id.
        deliveries: Requests whose signature is ours, repeated ones included.
        refused: Requests whose signature is not.
        behave: Called with each verified request before it is kept; returns how to answer.
    """

    secret: str
    url: str = ""
    seen: dict[str, Said] = field(default_factory=dict)
    deliveries: int = 0
    refused: int = 0
    changed: list[str] = field(default_factory=list)
    behave: Callable[[str], str] = lambda _: "take"
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, headers: dict[str, str], body: bytes) -> str:
        """Return how to answer a request; keeps it unless it is to be lost on the way."""
        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            self.refused += 1
            return "refuse"
        content = json.loads(body)
        data = content["data"]
        related = " ".join(sorted(one["name"] for one in data["related"]))
        said = (data["id"], content["type"], content["timestamp"], related)
        key = headers["webhook-id"]
        answer = self.behave(key)
        if answer in {"take", "lose the answer"}:
            with self.lock:
                self.deliveries += 1
                if self.seen.setdefault(key, said) != said:
                    self.changed.append(key)
        return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, inbox: Inbox) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.inbox = inbox
        self.stopping = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.inbox.take(headers, body)
        self.close_connection = True
        if answer in _STATUSES or answer.isdecimal():
            self._status(_STATUSES.get(answer) or int(answer))
        else:
            _ANSWERS[answer](self)

    def _status(self, status: int) -> None:
        self.send_response(status)
        if status == 302:
            self.send_header("location", "http://127.0.0.1:1/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def hang(self) -> None:
        self.server.stopping.wait(30)

    def drip(self) -> None:
        """Answer so slowly that each piece alone comes in time."""
        with contextlib.suppress(OSError):
            while not self.server.stopping.wait(0.3):
                self.wfile.write(b"H")

    def garbage(self) -> None:
        with contextlib.suppress(OSError):
            self.wfile.write(b"\x00\xffHTTP nothing\r\n" * 20)

    def reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


_STATUSES = {"take": 204, "refuse": 400}
_ANSWERS: dict[str, Callable[[_Handler], None]] = {
    "hang": _Handler.hang,
    "drip": _Handler.drip,
    "garbage": _Handler.garbage,
    "reset": _Handler.reset,
    "lose the answer": _Handler.reset,
}


@contextmanager
def open_inbox(secret: str) -> Iterator[Inbox]:
    """Receive on loopback while the block runs.

    Yields:
        What came so far.
    """
    inbox = Inbox(secret)
    server = _Server(inbox)
    inbox.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


def misbehaves(rng: random.Random, ways: Sequence[str], *, most: int) -> Callable[[str], str]:
    """Return a behaviour: of half of the events the first delivery goes wrong.

    Args:
        rng: Decides which ones, and how.
        ways: What may go wrong.
        most: After so many all goes well.
    """
    tried: set[str] = set()
    left = most

    def behave(key: str) -> str:
        nonlocal left
        if key in tried or left == 0 or rng.random() < 0.5:
            tried.add(key)
            return "take"
        tried.add(key)
        left -= 1
        return rng.choice(ways)

    return behave
