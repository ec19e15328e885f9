"""Events that are about no alert, and their schemas."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from alerts.notices import json_schemas

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("event_type", list(json_schemas()))
def test_the_schema_in_the_docs_is_the_one_of_the_code(event_type: str) -> None:
    published = json.loads((SCHEMAS / f"{event_type}.v1.json").read_text())

    Draft202012Validator.check_schema(published)
    assert published == json_schemas()[event_type], (
        f"write alerts.notices.json_schemas()[{event_type!r}] to docs/schemas"
    )
