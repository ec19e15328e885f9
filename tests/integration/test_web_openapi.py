"""The API's own description."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from pipeline.web.app import create_app
from pipeline.web.examples import REQUESTS
from pipeline.web.openapi import described
from tests.integration.web_client import web_settings

MEDIA_TYPE = "application/problem+json"


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


def test_every_body_has_an_example_that_fits_its_schema() -> None:
    document = described(create_app(web_settings()))
    found = 0
    for name, operation in operations():
        if "requestBody" not in operation:
            continue
        body = operation["requestBody"]["content"]["application/json"]
        schema = {**body["schema"], "components": document["components"]}
        assert "example" in body, f"{name} has none: add it to pipeline/web/examples.py"
        errors = Draft202012Validator(schema).iter_errors(body["example"])
        assert [error.message for error in errors] == [], name
        found += 1
    assert found == len(REQUESTS)


def test_every_list_has_pages_by_cursor() -> None:
    document = described(create_app(web_settings()))
    lists = ("/v1/alerts", "/v1/items", "/v1/audit", "/v1/deliveries", "/v1/subscriptions")
    for path in lists:
        operation = document["paths"][path]["get"]
        assert {"cursor", "limit"} <= {each["name"] for each in operation["parameters"]}, path
        answer = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        schema = document["components"]["schemas"][answer.rpartition("/")[2]]
        assert "next_cursor" in schema["properties"], path
