"""One login to a broker before a client is made, to say in one line why it fails.

The clients try a refused login again until their timeouts, and then say no more than that they
found no broker. What is refused here the same settings will not get: trying again is of no use.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

from kafka.net.sasl import get_sasl_mechanism
from kafka.protocol.metadata import ApiVersionsRequest
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

from pipeline.kafka_security import client_options, tls_context
from pipeline.setting_types import host_and_port

if TYPE_CHECKING:
    from pipeline.settings import KafkaSettings

_WAIT_S = 5.0
_PREFIX = "TAPEWATCH_KAFKA__"


class Refused(Exception):
    """These settings open no broker; the text names the one to change, and no secret."""


def try_login(settings: KafkaSettings, server: str) -> None:
    """Connect to a broker as the clients will, and leave; does nothing without TLS.

    Args:
        settings: TLS and login.
        server: host:port.

    Raises:
        Refused: If the broker's certificate or our login does not hold, or a file cannot be read.
        OSError: If the broker does not answer.
        KafkaError: If what it answers is not Kafka's protocol.
    """
    if not settings.tls:
        return
    try:
        context = tls_context(settings)
    except OSError as error:
        raise Refused(str(error)) from error
    host, port = host_and_port(server)
    with socket.create_connection((host, port), timeout=_WAIT_S) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=host) as connection:
                protocol = KafkaProtocol(client_id="tapewatch")
                # In TLS 1.3 a certificate of ours that is missing shows at the first answer.
                _ask(connection, protocol, ApiVersionsRequest[0]())
                if settings.sasl_mechanism is not None:
                    _authenticate(connection, protocol, client_options(settings))
        except (ssl.SSLEOFError, ConnectionError, TimeoutError) as error:
            # Or it hung up at once, before we could read its alert that a certificate is missing.
            hint = (
                f"if it speaks no TLS, unset {_PREFIX}TLS; if it wants a certificate, set CERT_FILE"
            )
            raise ConnectionError(f"it does not answer; {hint}") from error
        except ssl.SSLError as error:
            raise Refused(_tls_failure(error)) from error


def _tls_failure(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not accepted ({error.verify_message.rstrip('.')}): check"
            f" {_PREFIX}CA_FILE, and the host in {_PREFIX}BOOTSTRAP_SERVERS"
        )
    why = (error.reason or "no reason given").replace("_", " ").lower()
    return f"no TLS with it ({why}): check {_PREFIX}TLS, CERT_FILE and BOOTSTRAP_SERVERS"


def _authenticate(
    connection: ssl.SSLSocket, protocol: KafkaProtocol, options: dict[str, Any]
) -> None:
    name = options["sasl_mechanism"]
    offer = _ask(connection, protocol, SaslHandshakeRequest[1](name))
    if offer.error_code or name not in offer.mechanisms:
        others = ", ".join(offer.mechanisms) or "none"
        raise Refused(f"it takes no login by {name} but by {others}: set {_PREFIX}SASL_MECHANISM")
    mechanism = get_sasl_mechanism(name)(**options)
    while not mechanism.is_done():
        answer = _ask(connection, protocol, SaslAuthenticateRequest[0](mechanism.auth_bytes()))
        if answer.error_code:
            raise Refused(
                f"it refuses the login by {name}: check {_PREFIX}SASL_USERNAME and SASL_PASSWORD"
            )
        try:
            mechanism.receive(answer.auth_bytes)
        except (KeyError, ValueError) as error:
            # SCRAM's last message: the broker's own proof. It may be an error instead.
            raise Refused(
                f"it does not prove that it knows the password: check {_PREFIX}SASL_PASSWORD"
            ) from error


def _ask(connection: ssl.SSLSocket, protocol: KafkaProtocol, request: Any) -> Any:  # noqa: ANN401  # kafka-python has no types
    protocol.send_request(request)
    connection.sendall(protocol.send_bytes())
    while part := connection.recv(65_536):
        for _, response in protocol.receive_bytes(part):
            return response
    raise ConnectionError
