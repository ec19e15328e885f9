"""The services of a demo: the environment they get, and the database they find."""

import json
import socket
import sys
from contextlib import closing
from pathlib import Path

import psycopg

from pipeline.demo.embedded import EmbeddedBroker, EmbeddedPostgres
from pipeline.demo.state import State
from pipeline.schema import migrate
from pipeline.settings import KafkaSettings
from pipeline.topics import ensure_topics

COMPANIES = Path(__file__).parent / "companies.csv"
STREAM = Path(__file__).parent / "stream.jsonl.gz"
# For a subscriber who came when the stream was over: bad news of the day after.
ENCORE = Path(__file__).parent / "encore.jsonl"
_DATABASE = "tapewatch"
_LOOPBACK = "127.0.0.1"
_WEB_PORT = 8000
# A group's first join takes half of it, and a killed worker's partitions wait for all of it.
_SESSION_TIMEOUT_S = 8


def command(*arguments: str) -> list[str]:
    """Return the command line of ``tapewatch ARGUMENTS`` in this Python."""
    return [sys.executable, "-m", "pipeline.cli.main", *arguments]


def fresh_database(postgres: EmbeddedPostgres) -> str:
    """Drop the database of the last demo and make an empty one with the current schema.

    The broker starts empty, so offsets that an older database remembers would be wrong.

    Args:
        postgres: The running server.

    Returns:
        Its URL.
    """
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {_DATABASE}")
    url = postgres.url_of(_DATABASE)
    migrate(url)
    return url


def make_topics(broker: EmbeddedBroker, *, partitions: int) -> None:
    """Create the topics; BrokerAway if the broker does not answer."""
    ensure_topics(KafkaSettings(bootstrap_servers=broker.bootstrap_servers, partitions=partitions))


def service_env(
    state: State,
    *,
    database_url: str,
    broker: EmbeddedBroker,
    partitions: int,
    with_companies: bool,
) -> dict[str, str]:
    """Return the settings that the demo decides, as environment variables.

    Args:
        state: Where secrets and scratch folders are.
        database_url: Of the demo's database.
        broker: The running broker.
        partitions: Of its topics.
        with_companies: Whether the gazetteer gets the invented companies.

    Returns:
        Variables that win over those of the caller's environment.
    """
    secrets = state.secrets()
    env = {
        "TAPEWATCH_DATABASE__URL": database_url,
        "TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "TAPEWATCH_KAFKA__PARTITIONS": str(partitions),
        "TAPEWATCH_KAFKA__SESSION_TIMEOUT_S": str(_SESSION_TIMEOUT_S),
        "TAPEWATCH_SECRET_KEY": secrets.fernet_key,
        "TAPEWATCH_WEB__API_KEY": secrets.api_key,
        "TAPEWATCH_WEB__HOST": _LOOPBACK,
        "TAPEWATCH_WEB__PORT": str(_port_for_web()),
        "TAPEWATCH_WORKER__STATE_DIR": str(state.folder / "worker"),
        # The demo's receiver, and those that its user starts on this machine.
        "TAPEWATCH_DELIVERY__ALLOW_HOSTS": f"{_LOOPBACK},localhost",
        "TAPEWATCH_DELIVERY__TICK_S": "0.5",
        "TAPEWATCH_DETECT__TICK_S": "1",
        "TAPEWATCH_METRICS_PORT": "0",
    }
    if with_companies:
        env["TAPEWATCH_MODEL__COMPANIES"] = json.dumps([str(COMPANIES)])
    return env


def answers(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    try:
        with socket.create_connection((_LOOPBACK, port), timeout=0.2):
            return True
    except OSError:
        return False


def _port_for_web() -> int:
    for port in (_WEB_PORT, 0):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return _WEB_PORT  # the web service will say what is wrong
