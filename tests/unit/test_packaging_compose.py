"""The compose files, checked without a Docker engine."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from pipeline.settings import Settings, known_variables
from pipeline.sources.feeds import load_feeds
from tests import compose

FILES = (compose.COMPOSE, compose.GPU)
ALL = (*FILES, compose.MONITORING)
_READ_BY_COMPOSE = {"COMPOSE_FILE"}


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_a_compose_file_follows_the_compose_specification(path: Path) -> None:
    spec = find_spec("check_jsonschema")  # only its data: importing it wants one release of click
    assert spec is not None
    assert spec.origin is not None
    vendored = Path(spec.origin).parent / "builtin_schemas/vendor/compose-spec.json"
    schema = json.loads(vendored.read_text(encoding="utf-8"))

    errors = Draft202012Validator(schema).iter_errors(yaml.safe_load(path.read_text("utf-8")))

    assert [error.message for error in errors] == []


def test_every_variable_of_a_service_is_a_setting() -> None:
    for service in compose.own_services(*FILES).values():
        ours = {key for key in service["environment"] if key.startswith("TAPEWATCH_")}
        assert ours <= known_variables()


def test_every_setting_can_be_set_in_the_env_file() -> None:
    told: set[str] = set()
    for service in compose.own_services().values():
        told |= set(service["environment"])

    assert known_variables() <= told


def test_every_variable_of_the_env_example_is_a_setting_or_read_by_a_compose_file() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in ALL)

    for name in compose.read_env(compose.ENV_EXAMPLE, commented=True):
        if name.startswith("TAPEWATCH_"):
            assert name in known_variables()
        else:
            read = f"${{{name}:", f"\n  {name}:\n"
            assert name in _READ_BY_COMPOSE or any(form in text for form in read)


def test_the_compose_files_that_the_env_example_names_exist() -> None:
    named = compose.read_env(compose.ENV_EXAMPLE, commented=True)["COMPOSE_FILE"].split(":")

    assert [compose.ROOT / name for name in named] == [compose.COMPOSE, compose.MONITORING]


@pytest.mark.parametrize("secret", sorted(compose.SECRETS))
def test_compose_refuses_to_start_without_a_secret(secret: str) -> None:
    given = {**compose.SECRETS, secret: ""}

    with pytest.raises(compose.MissingVariable, match=secret):
        compose.load(variables=given)


def test_the_env_example_leaves_every_secret_open() -> None:
    assert compose.read_env(compose.ENV_EXAMPLE) == dict.fromkeys(compose.SECRETS, "")


@pytest.mark.parametrize("name", sorted(compose.own_services()))
def test_the_settings_accept_the_environment_of_a_service(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in compose.environment(compose.own_services()[name]).items():
        monkeypatch.setenv(key, value)

    settings = Settings()

    assert settings.kafka.bootstrap_servers == "kafka:9092"
    assert "@postgres:5432/" in settings.database.url.get_secret_value()


def test_an_example_line_of_the_env_file_reaches_every_service_as_a_valid_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {**compose.read_env(compose.ENV_EXAMPLE, commented=True), **compose.SECRETS}

    for service in compose.own_services(variables=given).values():
        for key, value in compose.environment(service, given).items():
            monkeypatch.setenv(key, value)
        assert Settings().model.companies == (Path("/etc/tapewatch/companies.csv"),)


def test_the_env_file_gives_every_service_another_broker_database_and_authority() -> None:
    given = {
        "TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS": "kafka-1.internal:9093,kafka-2.internal:9093",
        "TAPEWATCH_DATABASE__URL": "postgresql://watch:p@db.internal/watch?sslmode=verify-full",
        "SSL_CERT_FILE": "/etc/tapewatch/authorities.pem",
    }

    for service in compose.own_services(variables={**compose.SECRETS, **given}).values():
        assert given.items() <= compose.environment(service, given).items()


def test_the_env_file_leaves_the_bundled_broker_and_database_out() -> None:
    given = {**compose.SECRETS, "BUNDLED_KAFKA": "0", "BUNDLED_POSTGRES": "0"}

    found = compose.services(variables=given)

    assert {name for name, one in found.items() if one.get("scale") == "0"} == {"kafka", "postgres"}


@pytest.mark.parametrize("name", sorted(compose.own_services()))
def test_the_command_of_a_service_exists(name: str) -> None:
    from pipeline.cli.main import app

    command = compose.arguments(compose.own_services()[name])[1:]

    result = CliRunner().invoke(app, [*command, "--help"])

    assert result.exit_code == 0, result.output


def test_only_the_services_that_need_a_secret_get_it() -> None:
    holders: dict[str, set[str]] = {}
    for name, service in compose.own_services().items():
        for key in compose.environment(service):
            holders.setdefault(key, set()).add(name)

    assert holders["TAPEWATCH_SECRET_KEY"] == {"scheduler", "web"}
    assert holders["TAPEWATCH_WEB__API_KEY"] == {"web"}


def test_every_port_listens_on_loopback_only() -> None:
    ports = [port for service in compose.services().values() for port in service.get("ports", ())]

    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", sorted(compose.services()))
def test_a_service_is_hardened(name: str) -> None:
    service = compose.services()[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert name == "kafka" or (service["read_only"] and service["tmpfs"] and service["user"])


@pytest.mark.parametrize("name", sorted(set(compose.services()) - {"migrate"}))
def test_a_long_running_service_restarts_and_waits_for_what_it_needs(name: str) -> None:
    service = compose.services()[name]

    assert service["restart"] == "unless-stopped"
    if "build" in service:
        conditions = {key: value["condition"] for key, value in service["depends_on"].items()}
        assert conditions == {
            "migrate": "service_completed_successfully",
            "postgres": "service_healthy",
            "kafka": "service_healthy",
        }


@pytest.mark.parametrize("name", ["kafka", "postgres", "ingest", "worker", "scheduler", "web"])
def test_a_service_that_answers_has_a_health_check(name: str) -> None:
    assert compose.services()[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", ["ingest", "worker", "scheduler"])
def test_a_health_check_of_the_metrics_asks_the_port_that_they_are_on(name: str) -> None:
    service = compose.own_services()[name]

    port = service["environment"]["TAPEWATCH_METRICS_PORT"]
    assert f"127.0.0.1:{port}/metrics" in service["healthcheck"]["test"][-1]
    assert service["environment"]["TAPEWATCH_METRICS_HOST"] == "0.0.0.0"  # noqa: S104  # for others


def test_the_worker_can_be_scaled() -> None:
    worker: dict[str, Any] = compose.services()["worker"]

    assert "container_name" not in worker
    assert "ports" not in worker


def test_the_env_file_says_how_many_workers_there_are() -> None:
    given = {**compose.SECRETS, "WORKERS": "3"}

    assert compose.services()["worker"]["scale"] == "1"
    assert compose.services(*FILES, variables=given)["worker"]["scale"] == "3"


def test_data_outlives_the_containers() -> None:
    found = compose.services()

    assert found["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    assert found["kafka"]["volumes"] == ["kafka:/var/lib/kafka/data"]
    assert found["kafka"]["environment"]["KAFKA_LOG_DIRS"] == "/var/lib/kafka/data"


def test_the_gpu_file_adds_a_device_to_the_workers_only() -> None:
    plain, gpu = compose.services(), compose.services(*FILES)

    assert {name for name in plain if plain[name] != gpu[name]} == {"worker"}
    assert gpu["worker"]["environment"]["TAPEWATCH_MODEL__DEVICE"] == "cuda"
    [device] = gpu["worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["driver"] == "nvidia"


def test_a_dollar_can_be_written_in_a_compose_file() -> None:
    assert compose.substitute("$$HOME ${A} ${B:-b}", {"A": "a"}) == "$HOME a b"


def test_a_default_may_hold_a_variable() -> None:
    assert compose.substitute("${B:-b ${A}c}", {"A": "a"}) == "b ac"


def test_the_shipped_list_of_feeds_can_be_read() -> None:
    target = compose.environment(compose.own_services()["ingest"])["TAPEWATCH_INGEST__FEEDS"]

    assert target == "/etc/tapewatch/feeds.toml"
    assert "./config:/etc/tapewatch:ro" in compose.own_services()["ingest"]["volumes"]
    assert load_feeds(compose.ROOT / "config/feeds.toml")
