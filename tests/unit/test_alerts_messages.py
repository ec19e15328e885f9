"""The body of a webhook and its schema."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from alerts.messages import (
    MAX_BODY_BYTES,
    AlertData,
    AlertEvent,
    Evidence,
    Scope,
    Window,
    event_body,
    json_schema,
)
from alerts.types import Severity, TransitionKind

AT = datetime(2024, 5, 1, 14, 7, 31, tzinfo=timezone(timedelta(hours=2)))
SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "alert.v1.json"


def evidence(
    title: str = "Northlake Bank sinks", url: str | None = "https://a.example/1"
) -> Evidence:
    return Evidence(title=title, source="wire", url=url, published_at=AT, score=-0.87654)


def alert(name: str = "Northlake Bank", *telling: Evidence) -> AlertData:
    return AlertData(
        id=UUID(int=7),
        detector="negative_spike",
        severity=Severity.WARNING,
        scope=Scope(kind="entity", id="northlake", name=name),
        detected_at=AT,
        window=Window(start=AT - timedelta(hours=4), end=AT),
        observed=3,
        expected=0.034567,
        items=9,
        accounts=4,
        stories=1,
        sources=2,
        evidence=telling,
    )


def body_of(data: AlertData) -> str:
    return event_body(AlertEvent(type=TransitionKind.FIRED, timestamp=AT, data=data))


def test_the_body_has_the_published_shape_with_times_in_utc() -> None:
    assert json.loads(body_of(alert("Northlake Bank", evidence()))) == {
        "type": "alert.fired",
        "timestamp": "2024-05-01T12:07:31Z",
        "data": {
            "id": "00000000-0000-0000-0000-000000000007",
            "detector": "negative_spike",
            "severity": "warning",
            "scope": {"kind": "entity", "id": "northlake", "name": "Northlake Bank"},
            "detected_at": "2024-05-01T12:07:31Z",
            "window": {"start": "2024-05-01T08:07:31Z", "end": "2024-05-01T12:07:31Z"},
            "observed": 3.0,
            "expected": 0.03,
            "items": 9,
            "accounts": 4,
            "stories": 1,
            "sources": 2,
            "evidence": [
                {
                    "title": "Northlake Bank sinks",
                    "source": "wire",
                    "url": "https://a.example/1",
                    "published_at": "2024-05-01T12:07:31Z",
                    "score": -0.877,
                }
            ],
            "rule": "",
            "related": [],
            "suppressed_by": None,
            "flapping": False,
            "reasons": None,
        },
    }


def test_the_schema_in_the_docs_is_the_one_of_the_code() -> None:
    assert json.loads(SCHEMA.read_text()) == json_schema(), (
        "write alerts.messages.json_schema() to docs/schemas/alert.v1.json"
    )


@pytest.mark.parametrize("kind", list(TransitionKind))
def test_every_body_is_valid_by_the_schema(kind: TransitionKind) -> None:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    body = event_body(
        AlertEvent(type=kind, timestamp=AT, data=alert("Northlake", evidence(url=None)))
    )

    Draft202012Validator(schema).validate(json.loads(body))


@given(text=st.text(min_size=1, max_size=3), repeat=st.integers(1, 3_000))
def test_a_body_is_never_longer_than_promised(text: str, repeat: int) -> None:
    long = text * repeat
    data = alert(long, *[evidence(long, f"https://a.example/{long}")] * 5)

    body = body_of(data)

    assert len(body.encode()) < MAX_BODY_BYTES
    assert json.loads(body)["data"]["evidence"]


def test_the_least_telling_evidence_is_left_out_first() -> None:
    long = "\x00" * 1_000
    telling = [evidence(f"{number}{long}", f"https://a.example/{'€' * 900}") for number in range(5)]

    kept = json.loads(body_of(alert("Northlake", *telling)))["data"]["evidence"]

    assert [item["title"][0] for item in kept] == ["0", "1", "2", "3"]


def test_an_event_that_cannot_be_made_short_enough_is_an_error() -> None:
    data = alert().model_copy(update={"detector": "x" * MAX_BODY_BYTES})

    with pytest.raises(ValueError, match="longer than"):
        body_of(data)


def test_long_titles_end_in_an_ellipsis_and_long_urls_are_left_out() -> None:
    short = evidence("x" * 400, f"https://a.example/{'y' * 1_000}")

    assert len(short.title) == 300
    assert short.title.endswith("…")
    assert short.url is None


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError):
        Window(start=AT.replace(tzinfo=None), end=datetime(2024, 5, 1, tzinfo=UTC))
