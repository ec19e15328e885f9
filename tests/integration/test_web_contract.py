"""The API against its own description, by schemathesis, on real parts."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from db.engine import Engine
from pipeline.topics import ensure_topics
from tests.desk_server import serving
from tests.integration.desk_archive import fill
from tests.integration.web_client import API_KEY, web_settings

pytestmark = pytest.mark.integration

AUTH = {"Authorization": f"Bearer {API_KEY}"}
# Names and times are told apart by looking them up: no schema says which exist.
EXAMPLES = 20
NOT_BY_SCHEMA = {"positive_data_acceptance"}
# A question may carry parameters that nobody knows: they are ignored, as is usual.
NOT_OF_QUESTIONS = {"negative_data_rejection"}


@pytest.fixture
def api(database_url: str, engine: Engine, bootstrap_servers: str) -> Iterator[Any]:
    """The description of a service that has news, an alert and a broker."""
    fill(engine)
    wanted = web_settings(
        database_url=database_url,
        bootstrap_servers=bootstrap_servers,
        raw_topic="raw-of-schemathesis",
    )
    ensure_topics(wanted.kafka)
    unlimited = {"max_requests_per_min": 1_000_000, "max_refused_per_min": 1_000_000}
    web = wanted.web.model_copy(update=unlimited)
    with serving(wanted.model_copy(update={"web": web})) as address:
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json", headers=AUTH)
        # A stream has no end, and not being ready is an answer of /readyz.
        yield schema.exclude(path=["/v1/alerts/stream", "/readyz"])


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_the_api_does_what_it_says(api: Any, mode: GenerationMode) -> None:
    by_schema: list[Any] = [CHECKS.get_one(name) for name in NOT_BY_SCHEMA]
    of_questions = [*by_schema, *(CHECKS.get_one(name) for name in NOT_OF_QUESTIONS)]
    tried = 0
    for result in api.get_all_operations():
        operation = result.ok()

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        def hold(case: schemathesis.Case[Any]) -> None:
            asks = case.method.upper() == "GET"
            excluded = of_questions if asks else by_schema
            case.call_and_validate(headers=AUTH, excluded_checks=excluded)

        try:
            hold()
        except Unsatisfiable:  # nothing about it could be wrong
            continue
        tried += 1
    assert tried >= 15
