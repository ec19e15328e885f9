"""A login to Kafka by SASL, over TLS, by each of our clients (kafka-python's and Faust's)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaTimeoutError

from pipeline.ingest import Publisher
from pipeline.kafka_security import client_options, faust_credentials
from pipeline.messages import Limits, item_from
from pipeline.offsets import OffsetReader
from pipeline.settings import KafkaSettings
from pipeline.topics import BrokerAway, BrokerRefused, ensure_topics
from tests.integration.certificates import issue
from tests.integration.processes import run_command
from tests.integration.sasl_front import MECHANISMS, SaslFront
from tests.integration.stream import Stream, kafka_environment, news, wait_until
from tests.integration.tls_front import broker_behind, settings_of
from tests.tiny_models import save_model

pytestmark = pytest.mark.integration

# SCRAM has , and = quoted.
USER, PASSWORD = "news,desk=1", "pa55-w0rd-of-kafka"
WRONG = "wr0ng-w0rd"
REFUSED = "check TAPEWATCH_KAFKA__SASL_USERNAME and SASL_PASSWORD"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SaslFront]:
    folder = tmp_path_factory.mktemp("sasl")
    made = SaslFront({})
    made.issued = issue(folder / "ours")
    with broker_behind(made, folder / "broker.log"):
        yield made


@pytest.fixture
def front(shared: SaslFront) -> SaslFront:
    """A broker that one user can log in to."""
    shared.users = {USER: PASSWORD}
    shared.mechanisms, shared.is_impostor = MECHANISMS, False
    shared.logins.clear()
    shared.denied.clear()
    return shared


def login(front: SaslFront, **changes: object) -> KafkaSettings:
    given: dict[str, object] = {
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_username": USER,
        "sasl_password": PASSWORD,
    }
    return settings_of(front, **(given | changes))


@pytest.fixture
def stream(front: SaslFront, database_url: str, tmp_path: Path) -> Iterator[Stream]:
    one = Stream(login(front), database_url, tmp_path)
    yield one
    one.stop()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_every_client_logs_in_and_none_logs_the_password(
    front: SaslFront, stream: Stream, mechanism: str
) -> None:
    kafka = stream.kafka = login(front, sasl_mechanism=mechanism)
    ensure_topics(kafka)
    now = datetime.now(UTC)
    fields = {"published_at": now.isoformat(), "title": "Bank falls", "source": "wire"}

    worker = stream.start_worker(TAPEWATCH_LOG_LEVEL="debug")
    with Publisher(kafka) as publisher:
        publisher.publish_all([item_from(fields, now=now, limits=Limits())])
    wait_until(lambda: stream.stored() == 1, wait_s=120)
    wait_until(lambda: stream.committed() == 1, wait_s=60)

    assert len(stream.read(kafka.scored_topic)) == 1
    assert set(front.logins) == {(mechanism, USER)}
    assert front.denied == []
    worker.terminate()
    assert PASSWORD not in worker.log_path.read_text("utf-8")


def test_what_is_ingested_and_replayed_by_scram_is_stored(stream: Stream, tmp_path: Path) -> None:
    environment = {
        **kafka_environment(stream.kafka),
        "TAPEWATCH_DATABASE__URL": stream.database_url,
        "TAPEWATCH_LOG_LEVEL": "debug",
    }
    recording = tmp_path / "news.jsonl"
    recording.write_bytes(b"\n".join(news(n) for n in range(10)))

    done = [
        run_command("migrate", environment=environment),
        run_command("ingest", "-", environment=environment, stdin=news(10)),
        run_command("replay", str(recording), environment=environment),
    ]
    stream.start_worker()

    said = "".join((each.stdout + each.stderr).decode() for each in done)
    assert [each.returncode for each in done] == [0, 0, 0], said
    assert PASSWORD not in said
    wait_until(lambda: stream.stored() == 11, wait_s=120)


@pytest.mark.parametrize(
    ("changed", "advice"),
    [
        ({"sasl_password": WRONG}, f"refuses the login by SCRAM-SHA-512: {REFUSED}"),
        ({"sasl_username": "nobody"}, f"refuses the login by SCRAM-SHA-512: {REFUSED}"),
        (
            {"sasl_mechanism": "PLAIN", "sasl_password": WRONG},
            f"refuses the login by PLAIN: {REFUSED}",
        ),
        (
            {"sasl_mechanism": "SCRAM-SHA-256"},
            "no login by SCRAM-SHA-256 but by PLAIN, SCRAM-SHA-512:"
            " set TAPEWATCH_KAFKA__SASL_MECHANISM",
        ),
        ({"ca_file": "/nowhere/ca.pem"}, "TAPEWATCH_KAFKA__CA_FILE cannot be used: No such file"),
    ],
)
def test_a_login_that_is_refused_is_told_at_once_with_the_setting_and_no_secret(
    front: SaslFront, changed: dict[str, object], advice: str
) -> None:
    front.mechanisms = ("PLAIN", "SCRAM-SHA-512")
    kafka = login(front, **changed)

    with pytest.raises(BrokerRefused, match=advice) as topics:
        ensure_topics(kafka)
    with OffsetReader(kafka) as offsets, pytest.raises(BrokerRefused, match=advice):
        offsets.end_offsets(kafka.raw_topic)
    with Publisher(kafka) as publisher, pytest.raises(BrokerRefused, match=advice):
        publisher.connect()

    assert front.logins == []
    assert len(front.denied) in (0, 3)  # no client tries again
    assert not any(secret in str(topics.value) for secret in (PASSWORD, WRONG))


@pytest.mark.parametrize("command", ["ingest", "worker", "doctor"])
def test_a_command_that_is_refused_ends_with_one_line(
    front: SaslFront, database_url: str, tmp_path: Path, command: str
) -> None:
    environment = {
        **kafka_environment(login(front, sasl_password=WRONG)),
        "TAPEWATCH_DATABASE__URL": database_url,
        "TAPEWATCH_MODEL__PATH": str(save_model(tmp_path / "model")),
        "TAPEWATCH_WORKER__STATE_DIR": str(tmp_path / "state"),
    }
    arguments = [command, "-"] if command == "ingest" else [command]

    done = run_command(*arguments, environment=environment, stdin=news(1))

    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 1
    assert said.count(REFUSED) == 1
    assert "Traceback" not in said
    assert WRONG not in said
    assert len(front.denied) == 1


def test_a_worker_whose_login_is_taken_away_ends_and_says_why(
    front: SaslFront, stream: Stream
) -> None:
    ensure_topics(stream.kafka)
    worker = stream.start_worker(TAPEWATCH_WORKER__STALLED_AFTER_S="5")
    wait_until(lambda: worker.said("worker_started"), wait_s=60)
    stream.produce([news(1)])
    wait_until(lambda: stream.stored() == 1, wait_s=120)

    front.users = {USER: "an0ther-w0rd"}
    front.cut()
    front.mend()

    assert worker.process.wait(120) == 1
    assert worker.said("broker_refused") == 1
    assert PASSWORD not in worker.log_path.read_text("utf-8")


def test_who_forgets_the_login_is_told_of_it(front: SaslFront) -> None:
    with pytest.raises(BrokerAway, match="if it asks for a login, set TAPEWATCH_KAFKA__SASL"):
        ensure_topics(settings_of(front))

    assert set(front.denied) == {"request 3"}  # Metadata


@pytest.mark.parametrize(("address", "is_ours"), [("127.0.0.2", True), ("127.0.0.1", False)])
async def test_a_broker_of_another_name_or_authority_gets_no_password(
    tmp_path: Path, address: str, is_ours: bool
) -> None:
    front = SaslFront({USER: PASSWORD})
    front.issued = issue(tmp_path / "theirs", address)
    with front:
        own = {} if is_ours else {"ca_file": issue(tmp_path / "ours").ca}
        kafka = login(front, sasl_mechanism="PLAIN", **own)

        with pytest.raises(BrokerRefused, match=r"certificate is not accepted .*CA_FILE"):
            ensure_topics(kafka)
        await fausts_client_fails(kafka)

    assert front.logins == []
    assert front.denied == []


async def test_a_broker_that_does_not_know_the_password_is_not_believed(front: SaslFront) -> None:
    front.users, front.is_impostor = {USER: "an0ther-w0rd"}, True
    kafka = login(front)

    with pytest.raises(BrokerRefused, match="does not prove that it knows the password"):
        ensure_topics(kafka)
    await fausts_client_fails(kafka)
    with pytest.raises(KafkaTimeoutError):
        KafkaAdminClient(
            bootstrap_servers=kafka.bootstrap_servers,
            bootstrap_timeout_ms=500,
            **client_options(kafka),
        )


async def fausts_client_fails(kafka: KafkaSettings) -> None:
    """Hold that it does not go on either, whatever we ask beforehand."""
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap_servers,
        **credentials_to_aiokafka_auth(faust_credentials(kafka)),
    )
    with pytest.raises((KafkaConnectionError, ValueError)):
        await producer.start()
    await producer.stop()
