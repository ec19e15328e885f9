"""Grafana and Prometheus as they are shipped, without running either."""

import json
import re
import subprocess
from shutil import which
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import pipeline.feed_metrics
import pipeline.metrics
import pipeline.scheduler_metrics
import pipeline.web.health_metrics
import pipeline.web.metrics  # noqa: F401  # these put the metrics into the registry
from tests import compose

CONFIG = compose.ROOT / "config"
PROMETHEUS = CONFIG / "prometheus"
BOARDS = sorted((CONFIG / "grafana/dashboards").glob("*.json"))
RULES = yaml.safe_load((PROMETHEUS / "rules.yml").read_text("utf-8"))["groups"][0]["rules"]
PROMTOOL = which("promtool")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="there is no promtool (Debian: apt-get install prometheus)"
)


def panels(path: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["panels"]
    return found


def expressions() -> list[str]:
    asked = [rule["expr"] for rule in RULES]
    for board in BOARDS:
        for panel in panels(board):
            asked += [target["expr"] for target in panel["targets"] if "expr" in target]
    return asked


@needs_promtool
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "rules.yml"),
        ("test", "rules", "rules_test.yml"),
        ("check", "config", "--syntax-only", "prometheus.yml"),
    ],
    ids=" ".join,
)
def test_promtool_finds_no_fault(arguments: tuple[str, ...]) -> None:
    assert PROMTOOL is not None
    done = subprocess.run(  # noqa: S603
        [PROMTOOL, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_that_is_asked_for_exists() -> None:
    known = {
        sample if sample.startswith("tapewatch_") else ""
        for metric in REGISTRY.collect()
        for sample in (metric.name, f"{metric.name}_total", f"{metric.name}_bucket")
    }
    asked = {name for each in expressions() for name in re.findall(r"tapewatch_\w+", each)}

    assert asked <= known
    assert len(asked) >= 10


def test_no_metric_has_a_label_that_prometheus_gives_its_targets() -> None:
    labels = {
        label
        for collector in REGISTRY._collector_to_names
        for label in getattr(collector, "_labelnames", ())
    }

    assert {"task", "reason", "partition"} <= labels
    assert labels.isdisjoint({"job", "instance", "service"})


def test_every_metric_and_every_rule_is_in_the_docs() -> None:
    page = (compose.ROOT / "docs/monitoring.md").read_text("utf-8")
    metrics = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in REGISTRY.collect()
        if metric.name.startswith("tapewatch_")
    }

    assert metrics
    assert {name for name in metrics if f"`{name}`" not in page} == set()
    assert {rule["alert"] for rule in RULES if f"`{rule['alert']}`" not in page} == set()


def test_every_rule_says_how_bad_it_is_and_what_to_do() -> None:
    page = (compose.ROOT / "docs/monitoring.md").read_text("utf-8")
    for rule in RULES:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]
        assert f"`{rule['alert']}`" in page


def test_every_service_that_stays_is_scraped_by_its_name_and_missed_when_it_is_gone() -> None:
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
    web, services = config["scrape_configs"]
    stays = set(compose.own_services()) - {"migrate"}
    [down] = [rule["expr"] for rule in RULES if rule["alert"] == "ServiceDown"]

    assert web["static_configs"] == [{"targets": ["web:8000"], "labels": {"service": "web"}}]
    [by_name] = services["dns_sd_configs"]
    assert {*by_name["names"], "web"} == stays
    assert services["relabel_configs"] == [
        {"source_labels": ["__meta_dns_name"], "target_label": "service"}
    ]
    assert set(re.findall(r'absent\(up\{service="(\w+)"\}\)', down)) == stays


def test_every_panel_asks_a_data_source_that_is_provisioned() -> None:
    path = CONFIG / "grafana/provisioning/datasources/tapewatch.yml"
    sources = {each["uid"]: each for each in yaml.safe_load(path.read_text("utf-8"))["datasources"]}
    for board in BOARDS:
        for panel in panels(board):
            assert panel["datasource"]["type"] == sources[panel["datasource"]["uid"]]["type"]
            assert panel["targets"]
    assert {board.stem for board in BOARDS} == {"trends", "operations"}


def test_grafana_and_prometheus_get_no_secret_but_their_own() -> None:
    found = compose.services(compose.MONITORING, variables=compose.MONITORING_SECRETS)

    assert "POSTGRES_PASSWORD" not in json.dumps(found["grafana"])
    for name in ("grafana", "prometheus"):
        assert compose.SECRETS["POSTGRES_PASSWORD"] not in json.dumps(found[name])
        assert compose.SECRETS["TAPEWATCH_WEB__API_KEY"] not in json.dumps(found[name])


def test_monitoring_listens_on_loopback_only_and_is_hardened() -> None:
    found = compose.services(compose.MONITORING, variables=compose.MONITORING_SECRETS)
    ports = [port for service in found.values() for port in service.get("ports", ())]

    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)
    for service in found.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"]
        assert service["user"]
        assert re.fullmatch(r"[\w./-]+:[\w.-]+", service["image"]), "pinned by a tag"
        assert not service["image"].endswith(":latest")


@pytest.mark.parametrize("secret", ["READER_PASSWORD", "GRAFANA_PASSWORD"])
def test_monitoring_refuses_to_start_without_a_secret(secret: str) -> None:
    given = {**compose.MONITORING_SECRETS, secret: ""}

    with pytest.raises(compose.MissingVariable, match=secret):
        compose.load(compose.MONITORING, variables=given)


def test_what_a_read_only_service_is_given_comes_from_a_file() -> None:
    model = compose.load(
        compose.COMPOSE, compose.GPU, compose.MONITORING, variables=compose.MONITORING_SECRETS
    )

    given = [
        model[kind][one]
        for service in model["services"].values()
        for kind in ("secrets", "configs")
        for one in service.get(kind, ())
        if service.get("read_only")
    ]
    # All else Compose copies into the container, where it cannot.
    assert given
    assert all(set(source) == {"file"} for source in given)


def test_the_key_of_prometheus_enters_neither_git_nor_the_image() -> None:
    model = compose.load(compose.MONITORING, variables=compose.MONITORING_SECRETS)
    ignored = (compose.ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert model["secrets"]["metrics_key"]["file"] == "./metrics_key"
    assert "/metrics_key" in (compose.ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert "!metrics_key" not in ignored
