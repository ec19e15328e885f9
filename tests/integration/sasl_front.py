"""A front that asks Kafka's clients for a login: a test double of a broker's SASL_SSL listener.

The embedded broker cannot be used for it: with ``--authentication`` it serves only who has
logged in, keeps its users in memory, and so lets nobody make the first one. PLAIN it has not.

Here TLS, SaslHandshake and SaslAuthenticate are real and answered as Apache Kafka answers them;
SCRAM is scramp's, which shares no code with the clients. After the login bytes go on to a broker.
"""

import base64
import hmac
import os
import socket
from typing import Any, Protocol

from scramp import ScramException, ScramMechanism  # type: ignore[import-untyped]  # ships no types

from tests.integration.kafka_frames import (
    API_VERSIONS,
    SASL_AUTHENTICATE,
    SASL_AUTHENTICATION_FAILED,
    SASL_HANDSHAKE,
    UNSUPPORTED_SASL_MECHANISM,
    Request,
    authenticate_response,
    handshake_response,
    read_frame,
    read_request,
)
from tests.integration.tls_front import TlsFront

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


class Denied(Exception):
    """The login does not hold."""


class Exchange(Protocol):
    """One login under way.

    Attributes:
        user: Who it is, once ``done``.
        done: Whether the user has proved it.
    """

    user: str
    done: bool

    def answer(self, token: bytes) -> bytes:
        """Return what to answer to the client's bytes; raises Denied."""
        ...


class Plain:
    """RFC 4616: the password itself."""

    def __init__(self, users: dict[str, str]) -> None:
        """Begin a login of one of these users."""
        self._users = users
        self.user, self.done = "", False

    def answer(self, token: bytes) -> bytes:
        """Compare the password; Kafka lets nobody act for somebody else."""
        behalf, user, password = token.decode().split("\0")
        known = self._users.get(user)
        if known is None or not hmac.compare_digest(password, known) or behalf not in ("", user):
            raise Denied
        self.user, self.done = user, True
        return b""


class Scram:
    """RFC 5802 and 7677: a proof of the password, and one in return."""

    def __init__(self, users: dict[str, str], mechanism: str) -> None:
        """Begin a login of one of these users."""
        self._users, self._mechanism = users, ScramMechanism(mechanism)
        self._server = self._mechanism.make_server(self._credentials)  # asks for the stored keys
        self.user, self.done = "", False

    def answer(self, token: bytes) -> bytes:
        """Take the client's first message, then its last."""
        try:
            if not self.user:
                self._server.set_client_first(token.decode())
                return str(self._server.get_server_first()).encode()
            self._server.set_client_final(token.decode())
        except ScramException as error:
            raise Denied from error
        self.done = True
        return str(self._server.get_server_final()).encode()

    def _credentials(self, user: str) -> Any:  # scramp has no types
        self.user = user
        known = self._users.get(user)
        return None if known is None else self._mechanism.make_auth_info(known)


class Impostor(Scram):
    """Says that every proof is right, and cannot give one in return."""

    def answer(self, token: bytes) -> bytes:
        """Pass over the client's proof."""
        try:
            return super().answer(token)
        except Denied:
            self.done = True
            return b"v=" + base64.b64encode(os.urandom(64))


class SaslFront(TlsFront):
    """Lets no request pass before a login, but ApiVersions."""

    mechanisms: tuple[str, ...] = MECHANISMS
    is_impostor = False

    def __init__(self, users: dict[str, str]) -> None:
        """Take the passwords of the users; ``logins`` and ``denied`` tell what came of them."""
        super().__init__("")
        self.users = users
        self.logins: list[tuple[str, str]] = []
        self.denied: list[str] = []

    def _admit(self, near: socket.socket, far: socket.socket) -> None:
        exchange: Exchange | None = None
        mechanism = ""
        while exchange is None or not exchange.done:
            request = read_request(near)
            if request.key == API_VERSIONS:
                far.sendall(request.frame)
                near.sendall(read_frame(far))
            elif request.key == SASL_HANDSHAKE and exchange is None:
                mechanism = request.mechanism()
                exchange = self._begin(near, request, mechanism)
            elif request.key == SASL_AUTHENTICATE and exchange is not None:
                self._go_on(near, request, exchange)
            else:
                self.denied.append(f"request {request.key}")
                raise OSError("a request before the login")
        self.logins.append((mechanism, exchange.user))

    def _begin(self, near: socket.socket, request: Request, mechanism: str) -> Exchange:
        known = mechanism in self.mechanisms
        error = 0 if known else UNSUPPORTED_SASL_MECHANISM
        if not known:  # before whoever hears of it looks here
            self.denied.append(mechanism)
        near.sendall(handshake_response(request, error, self.mechanisms))
        if not known:
            raise OSError("a mechanism that is not offered")
        if mechanism == "PLAIN":
            return Plain(self.users)
        return (Impostor if self.is_impostor else Scram)(self.users, mechanism)

    def _go_on(self, near: socket.socket, request: Request, exchange: Exchange) -> None:
        try:
            token = exchange.answer(request.token())
        except Denied as error:
            self.denied.append("login")
            text = "Authentication failed"
            near.sendall(
                authenticate_response(request, SASL_AUTHENTICATION_FAILED, text, token=b"")
            )
            raise OSError("a login that does not hold") from error
        near.sendall(authenticate_response(request, 0, None, token))
