"""The Kubernetes manifests: valid by their schemas, without privileges, and true to the code."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from pipeline.settings import KafkaSettings, known_variables
from pipeline.sources.feeds import load_feeds
from tests.compose import ROOT

_FOLDER = ROOT / "deploy" / "kubernetes"
_BASE = _FOLDER / "base"
_POD_KINDS = {"Deployment", "Job"}

# What KEDA's API asks of a ScaledObject with a Kafka trigger, as far as ours goes.
_TEXT = {"type": "string", "minLength": 1}
_COUNT = {"type": "integer", "minimum": 0}
_SCALED_OBJECT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "keda.sh/v1alpha1"},
        "kind": {"const": "ScaledObject"},
        "metadata": {"type": "object", "required": ["name"]},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["scaleTargetRef", "triggers"],
            "properties": {
                "scaleTargetRef": {"type": "object", "required": ["name"]},
                "minReplicaCount": _COUNT,
                "maxReplicaCount": _COUNT,
                "pollingInterval": _COUNT,
                "cooldownPeriod": _COUNT,
                "advanced": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "horizontalPodAutoscalerConfig": {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {"name": _TEXT, "behavior": {"type": "object"}},
                        },
                    },
                },
                "triggers": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["type", "metadata"],
                        "properties": {
                            "type": {"const": "kafka"},
                            "metadata": {
                                "type": "object",
                                "additionalProperties": _TEXT,  # numbers too are texts there
                                "required": ["bootstrapServers", "consumerGroup", "lagThreshold"],
                            },
                        },
                    },
                },
            },
        },
    },
}


def documents(path: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(path.read_text("utf-8")) if one]


def manifests() -> Iterator[dict[str, Any]]:
    for path in sorted(_BASE.glob("*.yaml")):
        if path.name != "kustomization.yaml":
            yield from documents(path)


def pods() -> list[Any]:
    found = [
        pytest.param(one["spec"]["template"]["spec"], id=one["metadata"]["name"])
        for one in manifests()
        if one["kind"] in _POD_KINDS
    ]
    assert len(found) == 5
    return found


def settings() -> dict[str, str]:
    lines = (_BASE / "settings.env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize(
    "one", list(manifests()), ids=lambda one: f"{one['kind']}-{one['metadata']['name']}"
)
def test_each_manifest_is_valid_by_its_schema(one: dict[str, Any]) -> None:
    kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


def test_a_misspelt_field_is_found() -> None:
    broken = next(one for one in manifests() if one["kind"] == "Deployment")
    broken["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("pod", pods())
def test_pods_have_no_privileges_and_write_only_to_scratch(pod: dict[str, Any]) -> None:
    [container] = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "memory" in container["resources"]["limits"]
    writable = [one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")]
    assert writable == ["/tmp"]  # noqa: S108  # the mount of the scratch folder


@pytest.mark.parametrize("pod", pods())
def test_pods_name_settings_that_exist_and_no_secret_value(pod: dict[str, Any]) -> None:
    [container] = pod["containers"]
    names = {one["name"] for one in container["env"]} | settings().keys()

    assert names <= known_variables()
    secret = [one for one in container["env"] if "KEY" in one["name"] or "URL" in one["name"]]
    assert secret
    assert all(one["valueFrom"]["secretKeyRef"]["name"] == "tapewatch" for one in secret)


@pytest.mark.parametrize("pod", pods())
def test_each_pod_sees_the_files_that_settings_may_name(pod: dict[str, Any]) -> None:
    [container] = pod["containers"]

    files = {"name": "config", "mountPath": "/etc/tapewatch", "readOnly": True}
    assert files in container["volumeMounts"]
    assert {"name": "config", "configMap": {"name": "tapewatch-files"}} in pod["volumes"]


def test_only_metrics_that_ask_for_no_key_are_offered_to_be_scraped() -> None:
    offered = {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"].get("annotations", {})
        for one in manifests()
        if one["kind"] == "Deployment"
    }

    assert {name for name, found in offered.items() if "prometheus.io/scrape" in found} == {
        "ingest",
        "worker",
        "scheduler",
    }


def test_services_that_stay_have_all_probes() -> None:
    for one in manifests():
        if one["kind"] == "Deployment":
            [container] = one["spec"]["template"]["spec"]["containers"]
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                path = container[probe]["httpGet"]["path"]
                assert path == ("/healthz" if one["metadata"]["name"] == "web" else "/metrics")


@pytest.mark.parametrize("pod", pods())
def test_what_listens_in_a_pod_can_be_reached_from_outside_of_it(pod: dict[str, Any]) -> None:
    [container] = pod["containers"]
    told = {one["name"]: one.get("value") for one in container["env"]}

    if container["name"] != "migrate":
        host = "TAPEWATCH_WEB__HOST" if container["name"] == "web" else "TAPEWATCH_METRICS_HOST"
        assert told[host] == "0.0.0.0"  # noqa: S104  # probes come to the pod's address


def test_a_selector_matches_its_own_pods_alone() -> None:
    labels = {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"]
        for one in manifests()
        if one["kind"] in _POD_KINDS
    }
    for one in manifests():
        if one["kind"] == "Deployment":
            selector = one["spec"]["selector"]["matchLabels"]
            matched = [n for n, found in labels.items() if selector.items() <= found.items()]
            assert matched == [one["metadata"]["name"]]


@pytest.mark.parametrize("folder", ["base", "keda", "gpu"])
def test_a_kustomization_names_files_that_exist(folder: str) -> None:
    [kustomization] = documents(_FOLDER / folder / "kustomization.yaml")
    generators = kustomization.get("configMapGenerator", [])
    names = [
        *kustomization["resources"],
        *(patch["path"] for patch in kustomization.get("patches", []) if "path" in patch),
        *(name for one in generators for name in one.get("files", []) + one.get("envs", [])),
    ]

    assert names
    assert all((_FOLDER / folder / name).exists() for name in names)


def test_workers_follow_the_lag_of_the_raw_topic_and_are_no_more_than_its_partitions() -> None:
    [scaled] = documents(_FOLDER / "keda" / "scaled-object.yaml")
    jsonschema.validate(scaled, _SCALED_OBJECT)
    [trigger] = scaled["spec"]["triggers"]
    defaults = KafkaSettings()

    assert scaled["spec"]["scaleTargetRef"]["name"] == "worker"
    assert trigger["metadata"]["topic"] == defaults.raw_topic
    assert trigger["metadata"]["consumerGroup"] == defaults.group
    assert (
        trigger["metadata"]["bootstrapServers"] == settings()["TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS"]
    )
    partitions = int(settings()["TAPEWATCH_KAFKA__PARTITIONS"])
    assert scaled["spec"]["maxReplicaCount"] == partitions


def test_keda_asks_the_brokers_of_the_settings() -> None:
    [kustomization] = documents(_FOLDER / "keda" / "kustomization.yaml")
    [replacement] = kustomization["replacements"]

    assert replacement["source"] == {
        "kind": "ConfigMap",
        "name": "tapewatch",
        "fieldPath": "data.TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS",
    }
    assert replacement["targets"] == [
        {
            "select": {"kind": "ScaledObject", "name": "worker"},
            "fieldPaths": ["spec.triggers.0.metadata.bootstrapServers"],
        }
    ]


def test_the_feeds_can_be_read() -> None:
    assert load_feeds(_BASE / "feeds.toml")
