"""The topics as data, and their creation. How far they reach: offsets.py."""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, KafkaTimeoutError, TopicAlreadyExistsError

from pipeline.kafka_login import Refused, try_login
from pipeline.kafka_security import client_options
from pipeline.setting_types import host_and_port
from pipeline.settings import KafkaSettings

_HOUR_MS = 3_600_000
# An item may have 100,000 characters of three bytes each; a dead letter adds its headers.
MAX_MESSAGE_BYTES = 2 * 1024 * 1024
CONNECT_MS = 5_000
REQUEST_MS = 15_000


class BrokerAway(Exception):
    """The Kafka cluster cannot be used now; the same work may succeed later."""


class BrokerRefused(BrokerAway):
    """The broker does not let us in: not before a setting, which the text names, is changed."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic as `migrate` makes it."""

    name: str
    partitions: int
    replication: int
    retention_ms: int

    def configs(self) -> dict[str, str]:
        """Return the broker's settings of the topic."""
        return {
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            "cleanup.policy": "delete",
        }


def topic_specs(settings: KafkaSettings) -> list[TopicSpec]:
    """Return the three topics; dead letters have one partition, so that they read in order."""
    retention_ms = settings.retention_h * _HOUR_MS
    return [
        TopicSpec(settings.raw_topic, settings.partitions, settings.replication, retention_ms),
        TopicSpec(settings.scored_topic, settings.partitions, settings.replication, retention_ms),
        TopicSpec(settings.dead_letter_topic, 1, settings.replication, retention_ms),
    ]


def check_reachable(bootstrap_servers: str) -> str:
    """Return the first broker that takes connections, as host:port.

    Asked before a client is made: kafka-python needs its whole timeout to say that nobody
    listens, and leaves a socket behind each time.

    Raises BrokerAway if none does.
    """
    problems = []
    for server in bootstrap_servers.split(","):
        try:
            socket.create_connection(host_and_port(server), timeout=CONNECT_MS / 1000).close()
        except OSError as error:
            problems.append(f"{server.strip()}: {error.strerror or error}")
        else:
            return server.strip()
    raise BrokerAway("; ".join(problems))


def check_admitted(settings: KafkaSettings, server: str) -> None:
    """Return if a broker lets us in.

    Raises BrokerRefused if it never will with these settings, BrokerAway if it goes away.
    """
    with broker_away(settings):
        try:
            try_login(settings, server)
        except Refused as error:
            raise BrokerRefused(f"{server}: {error}") from error


def ensure_topics(settings: KafkaSettings) -> list[str]:
    """Create the topics that do not exist; changes none that does.

    Returns the names of those created. Raises BrokerAway if no broker answers, BrokerRefused if
    one does not let us in.
    """
    check_admitted(settings, check_reachable(settings.bootstrap_servers))
    with broker_away(settings):
        admin = KafkaAdminClient(
            bootstrap_servers=settings.bootstrap_servers,
            bootstrap_timeout_ms=CONNECT_MS,
            request_timeout_ms=REQUEST_MS,
            **client_options(settings),
        )
    try:
        with broker_away(settings):
            existing = set(admin.list_topics())
            return [
                spec.name
                for spec in topic_specs(settings)
                if spec.name not in existing and _create(admin, spec)
            ]
    finally:
        admin.close()


def _create(admin: KafkaAdminClient, spec: TopicSpec) -> bool:
    topic = NewTopic(spec.name, spec.partitions, spec.replication, topic_configs=spec.configs())
    try:
        admin.create_topics([topic])
    except TopicAlreadyExistsError:  # another `migrate` was quicker
        return False
    return True


@contextlib.contextmanager
def broker_away(settings: KafkaSettings) -> Iterator[None]:
    """Raise what a client of kafka-python raises in the block as BrokerAway."""
    try:
        yield
    except (KafkaError, OSError) as error:
        hint = _hint(settings) if isinstance(error, KafkaTimeoutError) else ""
        raise BrokerAway(f"{type(error).__name__}: {error}{hint}") from error


def _hint(settings: KafkaSettings) -> str:
    """Return what may be the matter where a broker takes connections and answers nothing."""
    if not settings.tls:
        return "; if it speaks TLS, set TAPEWATCH_KAFKA__TLS"
    if settings.sasl_mechanism is None:
        return "; if it asks for a login, set TAPEWATCH_KAFKA__SASL_MECHANISM"
    return ""
