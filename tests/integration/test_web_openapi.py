"""The API against its own description, by schemathesis, on real parts; and the description."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from db.engine import Engine
from pipeline.topics import ensure_topics
from pipeline.web.app import create_app
from pipeline.web.openapi import described
from tests.desk_server import serving
from tests.integration.test_web_desk import fill
from tests.integration.web_client import API_KEY, web_settings

pytestmark = pytest.mark.integration

AUTH = {"Authorization": f"Bearer {API_KEY}"}
MEDIA_TYPE = "application/problem+json"
# Names and times are told apart by looking them up: no schema says which exist.
NOT_BY_SCHEMA = {"positive_data_acceptance"}


@pytest.fixture(name="api")
def _api(database_url: str, engine: Engine, bootstrap_servers: str) -> Iterator[Any]:
    """The description of a service that has news, an alert, a broker and keys."""
    fill(engine)
    topic = "raw-of-schemathesis"
    kafka = web_settings(
        database_url=database_url, bootstrap_servers=bootstrap_servers, raw_topic=topic
    )
    ensure_topics(kafka.kafka)
    unlimited = {"max_requests_per_min": 1_000_000, "max_refused_per_min": 1_000_000}
    web = kafka.web.model_copy(update=unlimited)
    with serving(kafka.model_copy(update={"web": web})) as address:
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json", headers=AUTH)
        # A stream has no end, and not being ready is an answer of /readyz.
        yield schema.exclude(path=["/v1/alerts/stream", "/readyz"])


checked = schemathesis.pytest.from_fixture("api")


@checked.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_the_api_does_what_it_says(case: schemathesis.Case[Any]) -> None:
    excluded: list[Any] = [CHECKS.get_one(name) for name in NOT_BY_SCHEMA]
    case.call_and_validate(headers=AUTH, excluded_checks=excluded)


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    document = described(create_app(web_settings()))
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            yield f"{verb.upper()} {path}", operation


def test_every_error_is_described_as_a_problem() -> None:
    found = 0
    for name, operation in operations():
        for status, response in operation["responses"].items():
            if status.startswith(("4", "5")) and not name.endswith("/readyz"):
                assert list(response["content"]) == [MEDIA_TYPE], (name, status)
                found += 1
    assert found > 50


def test_every_list_has_pages_by_cursor() -> None:
    document = described(create_app(web_settings()))
    lists = ("/v1/alerts", "/v1/items", "/v1/audit", "/v1/deliveries", "/v1/subscriptions")
    for path in lists:
        operation = document["paths"][path]["get"]
        assert {"cursor", "limit"} <= {each["name"] for each in operation["parameters"]}, path
        answer = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        schema = document["components"]["schemas"][answer.rpartition("/")[2]]
        assert "next_cursor" in schema["properties"], path
