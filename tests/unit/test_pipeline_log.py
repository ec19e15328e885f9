"""What a line of the log holds, and what it must not."""

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from pipeline.log import configure

TITLE = "Nimbrava halts withdrawals"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail_with(text: str) -> None:
    held = {"title": text}
    raise RuntimeError(f"cannot deal with {len(held)} item")


@pytest.mark.parametrize("json", [True, False])
def test_a_traceback_shows_where_and_what_but_no_values(json: bool) -> None:
    stream = io.StringIO()
    configure(json=json, level="info", stream=stream)

    try:
        fail_with(TITLE)
    except RuntimeError:
        structlog.stdlib.get_logger("ours").exception("agent_failed")
        logging.getLogger("theirs").exception("theirs failed")

    told = stream.getvalue()
    assert told.count("cannot deal with 1 item") == 2
    assert told.count("in fail_with") == 2 or told.count('"fail_with"') == 2
    assert TITLE not in told
