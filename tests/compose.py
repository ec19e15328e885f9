"""Read the compose files as Docker Compose would, without a Docker engine.

Only what these files use: ``${VAR}``, ``${VAR:-default}`` (also with a ``${VAR}`` in it),
``${VAR:?message}``, keys without a value, YAML merges, and one file laid over another.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = ROOT / "docker-compose.yml"
GPU = ROOT / "docker-compose.gpu.yml"
MONITORING = ROOT / "docker-compose.monitoring.yml"
ENV_EXAMPLE = ROOT / ".env.example"

# The three values that .env.example leaves open.
SECRETS = {
    "POSTGRES_PASSWORD": "d41d8cd98f00b204",
    "TAPEWATCH_SECRET_KEY": "RnJlc2hseSBtYWRlIGZvciB0aGUgdGVzdHMgb25seSE=",
    "TAPEWATCH_WEB__API_KEY": "e9800998ecf8427e",
}
# What docker-compose.monitoring.yml needs besides.
MONITORING_SECRETS = {
    **SECRETS,
    "READER_PASSWORD": "0bf56dbc9edc2b4f",
    "GRAFANA_PASSWORD": "6c8ad09a7ec2b3d1",
}

_REFERENCE = re.compile(
    r"\$(?:\$|\{(?P<name>\w+)(?:(?P<how>:[-?])(?P<rest>(?:[^{}]|\{\w+\})*))?\})"
)


class MissingVariable(Exception):
    """A required variable is unset or empty."""


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """Fill in the variables of one string.

    Args:
        text: May hold ``${NAME}`` in any of the forms above; ``$$`` is a dollar.
        variables: What .env and the shell define.

    Returns:
        The text with every reference replaced.

    Raises:
        MissingVariable: If a ``:?`` reference has no value; the text is the file's message.
    """

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        found = variables.get(match["name"], "")
        if found or match["how"] is None:
            return found
        if match["how"] == ":?":
            raise MissingVariable(match["rest"])
        return substitute(match["rest"], variables)

    return _REFERENCE.sub(value, text)


def read_env(path: Path, *, commented: bool = False) -> dict[str, str]:
    """Read a .env file; with ``commented``, also the assignments that stand in comments."""
    pattern = re.compile(rf"^{'#?' if commented else ''}([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
    return dict(pattern.findall(path.read_text(encoding="utf-8")))


def load(*paths: Path, variables: Mapping[str, str] = SECRETS) -> dict[str, Any]:
    """Return the compose model of these files, later ones laid over earlier ones.

    Raises:
        MissingVariable: If a required variable has no value.
    """
    merged: dict[str, Any] = {}
    for path in paths or (COMPOSE,):
        _lay_over(merged, yaml.safe_load(path.read_text(encoding="utf-8")))
    filled: dict[str, Any] = _fill(merged, variables)
    return filled


def services(*paths: Path, variables: Mapping[str, str] = SECRETS) -> dict[str, dict[str, Any]]:
    """Return the services by name."""
    found: dict[str, dict[str, Any]] = load(*paths, variables=variables)["services"]
    return found


def own_services(*paths: Path, variables: Mapping[str, str] = SECRETS) -> dict[str, dict[str, Any]]:
    """Return the services that run our image."""
    found = services(*paths, variables=variables)
    return {name: service for name, service in found.items() if "build" in service}


def arguments(service: Mapping[str, Any]) -> list[str]:
    """Return the command line of one of our services; the image's entry point is ``tapewatch``."""
    return ["tapewatch", *service["command"]]


def environment(
    service: Mapping[str, Any], variables: Mapping[str, str] = SECRETS
) -> dict[str, str]:
    """Return the environment that a container of the service gets.

    A key without a value takes it from ``variables`` and is left out where that has none.
    """
    told = {
        key: variables.get(key) if value is None else str(value)
        for key, value in service["environment"].items()
    }
    return {key: value for key, value in told.items() if value is not None}


def _lay_over(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _lay_over(below[key], value)
        else:
            below[key] = value


def _fill(node: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(node, str):
        return substitute(node, variables)
    if isinstance(node, dict):
        return {key: _fill(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [_fill(value, variables) for value in node]
    return node
