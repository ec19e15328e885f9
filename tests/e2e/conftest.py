"""What the tests of the whole chain share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A fresh folder in which a PostgreSQL may live."""
    # Not in pytest's own folder: another pytest that starts closes it to the server's user.
    with tempfile.TemporaryDirectory(prefix="tapewatch-test-") as made:
        yield Path(made)
