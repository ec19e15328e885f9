"""Webhook endpoints for tests: a real receiver on loopback and fakes that need no network."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID

from alerts.delivery.webhook import Attempt, Outcome
from db.delivery_rows import DeliveryRow

DELIVERED = Attempt(Outcome.DELIVERED, 204)
REFUSED = Attempt(Outcome.FAILED, 503)
GONE = Attempt(Outcome.GONE, 410)


@dataclass
class Clock:
    """A clock that moves when it is told to."""

    at: datetime

    def __call__(self) -> datetime:
        """Return the time."""
        return self.at

    def advance(self, by: timedelta) -> None:
        """Move on."""
        self.at += by


@dataclass
class FakeSend:
    """Answers as it is told, by subscription, and remembers what was sent.

    Attributes:
        hangs: Subscriptions whose attempts wait for ``released``.
        takes: How long an attempt takes on the clock.
    """

    clock: Clock | None = None
    answers: dict[UUID, Attempt] = field(default_factory=dict)
    hangs: set[UUID] = field(default_factory=set)
    takes: timedelta = timedelta(0)
    sent: list[DeliveryRow] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def __call__(self, row: DeliveryRow, *, now: datetime) -> Attempt:  # noqa: ARG002  # the seam's form
        """Make an attempt."""
        self.sent.append(row)
        if row.subscription.id in self.hangs:
            assert self.released.wait(30)
        if self.clock is not None:
            self.clock.advance(self.takes)
        return self.answers.get(row.subscription.id, DELIVERED)

    def bodies(self, subscription: UUID) -> list[str]:
        """Return the bodies that one subscription was sent, in order."""
        return [row.body for row in self.sent if row.subscription.id == subscription]


@dataclass
class Receiver:
    """What a real endpoint received: headers in lower case and the exact bytes.

    Attributes:
        status: What it answers.
        retry_after: A header that it sends along.
    """

    url: str
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    delay_s: float = 0.0
    status: int = 204
    retry_after: str | None = None


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run an endpoint on loopback that answers 204 until it is told otherwise.

    Yields:
        What it received so far.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            heard.received.append((headers, body))
            if stopping.wait(heard.delay_s):
                return
            self.send_response(heard.status)
            if heard.retry_after is not None:
                self.send_header("retry-after", heard.retry_after)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    stopping = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield heard
    finally:
        stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
