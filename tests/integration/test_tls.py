"""TLS to Kafka and PostgreSQL by settings, with real certificates.

The embedded servers are started in plain text: a front before each speaks TLS for it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from db.engine import DatabaseAway, create_engine, transaction
from pipeline.topics import BrokerAway, ensure_topics
from tests.integration.certificates import Issued, issue
from tests.integration.stream import Stream, news, wait_until
from tests.integration.tls_front import TlsFront, broker_behind, settings_of

pytestmark = pytest.mark.integration


@pytest.fixture
def issued(tmp_path: Path) -> Issued:
    return issue(tmp_path / "ours")


@pytest.fixture
def clients(tmp_path: Path) -> Issued:
    """What a client can show to a server that asks for a certificate."""
    return issue(tmp_path / "clients")


@pytest.fixture
def broker(issued: Issued, tmp_path: Path) -> Iterator[TlsFront]:
    """A broker that is reached by TLS alone."""
    front = TlsFront("")
    front.issued = issued
    with broker_behind(front, tmp_path / "broker.log"):
        yield front


def test_a_worker_reads_and_writes_a_broker_by_tls_with_a_certificate_of_its_own(
    broker: TlsFront, clients: Issued, database_url: str, tmp_path: Path
) -> None:
    ensure_topics(settings_of(broker))
    broker.clients_ca = clients.ca
    with pytest.raises(BrokerAway, match="CERT_FILE"):
        ensure_topics(settings_of(broker))
    kafka = settings_of(broker, cert_file=clients.cert, key_file=clients.key)
    ensure_topics(kafka)
    stream = Stream(kafka, database_url, tmp_path)
    try:
        worker = stream.start_worker()
        stream.produce([news(n) for n in range(20)])
        wait_until(lambda: stream.stored() == 20, wait_s=120)
        assert worker.process.poll() is None
    finally:
        stream.stop()


@pytest.fixture
def postgres(database_url: str, issued: Issued) -> Iterator[TlsFront]:
    """A database that is reached by TLS."""
    url = make_url(database_url)
    folder, port = url.query.get("host"), url.port or 5432
    target = f"{folder}/.s.PGSQL.{port}" if folder else (url.host or "127.0.0.1", port)
    with TlsFront(target) as front:
        front.issued, front.is_postgres = issued, True
        yield front


def is_encrypted(front: TlsFront, database_url: str, **parameters: object) -> bool:
    """Ask a database behind a front for something; return whether TLS was used."""
    query = {name: str(value) for name, value in parameters.items()}
    url = make_url(database_url).set(host="127.0.0.1", port=front.port, query=query)
    engine = create_engine(url.render_as_string(hide_password=False))
    try:
        with transaction(engine) as session:
            assert session.execute(text("SELECT 1")).scalar_one() == 1
            driver = session.connection().connection.driver_connection
            assert driver is not None
            return bool(driver.pgconn.ssl_in_use)
    finally:
        engine.dispose()


def test_a_database_is_used_by_tls_with_a_certificate_that_is_verified(
    postgres: TlsFront, database_url: str, issued: Issued
) -> None:
    assert is_encrypted(postgres, database_url, sslmode="verify-full", sslrootcert=issued.ca)


def test_a_database_that_another_authority_vouches_for_is_not_spoken_to(
    postgres: TlsFront, database_url: str, tmp_path: Path
) -> None:
    other = issue(tmp_path / "others")

    with pytest.raises(DatabaseAway, match="SSL error"):
        is_encrypted(postgres, database_url, sslmode="verify-full", sslrootcert=other.ca)


def test_a_database_of_another_name_is_not_spoken_to(
    postgres: TlsFront, database_url: str, tmp_path: Path
) -> None:
    postgres.issued = issue(tmp_path / "elsewhere", "127.0.0.2")

    with pytest.raises(DatabaseAway, match="does not match host name"):
        is_encrypted(postgres, database_url, sslmode="verify-full", sslrootcert=postgres.issued.ca)


def test_a_database_that_asks_for_a_certificate_is_shown_ours(
    postgres: TlsFront, database_url: str, issued: Issued, clients: Issued
) -> None:
    postgres.clients_ca = clients.ca
    trust = {"sslmode": "verify-full", "sslrootcert": issued.ca}

    with pytest.raises(DatabaseAway, match="certificate required"):
        is_encrypted(postgres, database_url, **trust)
    assert is_encrypted(postgres, database_url, **trust, sslcert=clients.cert, sslkey=clients.key)
