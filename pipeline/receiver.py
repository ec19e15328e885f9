"""A small webhook endpoint that believes only signed events, and takes each of them once.

An event is answered with success only after ``on_event`` returned: what that keeps is safe.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from alerts.messages import MAX_BODY_BYTES, AlertEvent
from alerts.notices import Notice
from alerts.types import TransitionKind

_REQUEST_WAIT_S = 10.0
# Retries of one event lie days apart at most; far more ids than events in that time.
_REMEMBERED = 100_000
_ALERT_TYPES = frozenset(kind.value for kind in TransitionKind)

OnEvent = Callable[[AlertEvent, bytes], None]
OnNotice = Callable[[Notice, bytes], None]


def _ignore(_notice: Notice, _body: bytes) -> None:
    """Whoever wants alerts only need not look at a test or a digest."""


class Receiver:
    """Judges requests; threads may share one.

    ``on_event`` gets each new event of an alert, ``on_notice`` each other one (a test, a digest),
    one at a time. Raises ValueError if ``secret`` is none.
    """

    def __init__(self, secret: str, on_event: OnEvent, on_notice: OnNotice = _ignore) -> None:
        try:
            self._webhook = Webhook(secret)
        except Exception as error:
            raise ValueError("the secret must be whsec_ and base64") from error
        self._on_event = on_event
        self._on_notice = on_notice
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, None] = OrderedDict()

    def accept(self, headers: Mapping[str, str], body: bytes) -> HTTPStatus:
        """Return the answer to one request.

        Args:
            headers: In any case.
            body: As received.

        Returns:
            401 where the signature is wrong, 400 where the body is no event, 204 where it was
            taken, now or before.
        """
        lower = {name.lower(): value for name, value in headers.items()}
        try:
            self._webhook.verify(body, lower)
        except (WebhookVerificationError, ValueError):
            return HTTPStatus.UNAUTHORIZED
        try:
            event = _parse(body)
        except ValidationError:
            return HTTPStatus.BAD_REQUEST
        with self._lock:
            if lower["webhook-id"] not in self._seen:
                if isinstance(event, AlertEvent):
                    self._on_event(event, body)
                else:
                    self._on_notice(event, body)
                self._seen[lower["webhook-id"]] = None
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        return HTTPStatus.NO_CONTENT


def _parse(body: bytes) -> AlertEvent | Notice:
    notice = Notice.model_validate_json(body)
    # Types of later versions are notices too: receivers ignore those that they do not know.
    return AlertEvent.model_validate_json(body) if notice.type in _ALERT_TYPES else notice


def make_server(
    receiver: Receiver, host: str, port: int, *, on_refusal: Callable[[HTTPStatus], None]
) -> ThreadingHTTPServer:
    """Make a server that listens already and answers once ``serve_forever`` runs.

    Raises OSError if the port is taken.

    Args:
        receiver: Judges the requests.
        host: Address to listen on.
        port: 0 takes a free one.
        on_refusal: Told of every request that was not a verified event.

    Returns:
        The server; close it.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = _REQUEST_WAIT_S
        server_version = "tapewatch"
        sys_version = ""

        def do_POST(self) -> None:
            declared = self.headers.get("content-length", "")
            if not declared.isascii() or not declared.isdigit():
                self._answer(HTTPStatus.LENGTH_REQUIRED)
            elif int(declared) > MAX_BODY_BYTES:
                self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            else:
                body = self.rfile.read(int(declared))
                self._answer(receiver.accept(dict(self.headers.items()), body))

        def _answer(self, status: HTTPStatus) -> None:
            if status >= HTTPStatus.BAD_REQUEST:
                on_refusal(status)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing: whoever started the server tells of events."""

    return ThreadingHTTPServer((host, port), Handler)
