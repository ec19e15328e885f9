"""The demo's own subscriber: receives alerts on loopback, verified, and keeps them for the loop."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from alerts.messages import AlertEvent
from pipeline.alert_file import AlertFile
from pipeline.receiver import Receiver, make_server

# A sender waits, and tries again later, when a demo has not shown this many.
_MOST_WAITING = 10_000
_PUT_WAIT_S = 5.0


class Inbox:
    """Verified events, each once, until they are taken.

    Attributes:
        url: Where to send them.
    """

    def __init__(self, file: AlertFile | None) -> None:
        """Events also go to ``file``, on disk before the sender is answered."""
        self.url = ""
        self._file = file
        self._waiting: queue.Queue[AlertEvent] = queue.Queue(_MOST_WAITING)

    def put(self, event: AlertEvent, body: bytes) -> None:
        """Keep an event."""
        if self._file is None or self._file.append(body):
            self._waiting.put(event, timeout=_PUT_WAIT_S)

    def take(self) -> list[AlertEvent]:
        """Return the events that came since the last call."""
        taken = []
        while True:
            try:
                taken.append(self._waiting.get_nowait())
            except queue.Empty:
                return taken


@contextmanager
def open_inbox(secret: str, file: AlertFile | None) -> Iterator[Inbox]:
    """Listen on a free port of loopback while the block runs.

    Args:
        secret: The subscription's.
        file: For the events, besides the inbox.

    Yields:
        An inbox whose ``url`` answers.
    """
    inbox = Inbox(file)
    server = make_server(Receiver(secret, inbox.put), "127.0.0.1", 0, on_refusal=_ignore)
    inbox.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    with server:
        thread.start()
        try:
            yield inbox
        finally:
            server.shutdown()
            thread.join()


def _ignore(_: HTTPStatus) -> None:
    """A forged alert is answered with a refusal; the demo shows verified ones only."""
