"""Events that are about no single alert, and their schemas."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from alerts.messages import MAX_BODY_BYTES
from alerts.notices import AlertDigest, DigestEntry, DigestScope, digest_body, json_schemas

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("event_type", list(json_schemas()))
def test_the_schema_in_the_docs_is_the_one_of_the_code(event_type: str) -> None:
    published = json.loads((SCHEMAS / f"{event_type}.v1.json").read_text())

    Draft202012Validator.check_schema(published)
    assert published == json_schemas()[event_type], (
        f"write alerts.notices.json_schemas()[{event_type!r}] to docs/schemas"
    )


def entry(number: int, *, severity: str = "warning", text: str = "Shares fall") -> DigestEntry:
    return DigestEntry(
        id=UUID(int=number),
        event="alert.fired",
        at=NOON + timedelta(minutes=number),
        severity=severity,
        detector="negative_spike",
        scope=DigestScope(kind="entity", id="northlake", name="Northlake Bank"),
        detected_at=NOON,
        observed=5,
        expected=1,
        title=text,
    )


def told(entries: list[DigestEntry]) -> AlertDigest:
    body = digest_body(entries, since=NOON, until=NOON + timedelta(hours=8))
    Draft202012Validator(json_schemas()["alert.digest"]).validate(json.loads(body))
    assert len(body.encode()) < MAX_BODY_BYTES
    return AlertDigest.model_validate_json(body)


def test_a_digest_tells_critical_alerts_first_and_then_the_newest() -> None:
    digest = told([entry(1), entry(2, severity="critical"), entry(3)]).data

    assert [each.id.int for each in digest.alerts] == [2, 3, 1]
    assert digest.omitted == 0


@settings(deadline=None)
@given(text=st.text(min_size=1, max_size=3), count=st.integers(1, 120))
def test_a_digest_is_never_longer_than_promised_and_counts_what_it_leaves_out(
    text: str, count: int
) -> None:
    digest = told([entry(number, text=text * 100) for number in range(count)]).data

    assert len(digest.alerts) + digest.omitted == count
    assert digest.alerts
