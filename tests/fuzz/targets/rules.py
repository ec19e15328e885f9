"""The file of alert rules."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import timedelta
from unittest import mock

from alerts.types import Rule
from db.rows import ScopeKind, SeriesKey
from models.entities.table import Row
from pipeline.companies import sectors
from pipeline.rules import RulesError, load_rules
from tests.fuzz.target import Target, written


def run(content: bytes) -> None:
    """Read rules; what is taken can be reckoned with, what is not is refused in words."""
    path = written("rules.toml", content)
    try:
        rules = load_rules(path)
    except RulesError as error:
        assert path.name in str(error)
        return
    assert rules.longest_window > timedelta(0)
    assert rules.least_negative >= 1
    for kind in rules.kinds:
        for detector, its in rules.by_detector().items():
            found = its.of(SeriesKey(kind, "all"), detector)
            assert found is None or found.holds(SeriesKey(kind, "all"))
    for scoped in rules.rules:
        assert set(scoped.scope) <= set(ScopeKind)
        numbers = [getattr(scoped.rule, field.name) for field in fields(Rule)]
        numbers = [each for each in numbers if isinstance(each, int | float)]
        assert all(map(math.isfinite, [*numbers, scoped.alerts_per_day]))


# Of the 38,000, which take longer to read than all else.
_FEW = (
    Row("AAPL", "Apple Inc.", "company", ("Apple", "苹果公司", "$AAPL"), "Technology", "US"),
    Row("TW:1", "Twin Co", "company", ("~twin",)),
    Row("TW:2", "Twin Co", "company", ("!twin",), "Financials"),
)


@contextmanager
def surroundings() -> Iterator[None]:
    """Know few companies, and forget them at the end."""
    with mock.patch("pipeline.companies.read_rows", return_value=_FEW):
        sectors.cache_clear()
        yield
    sectors.cache_clear()


TARGET = Target(
    run,
    seeds=(
        b'[[rules]]\nname = "all"\nentities = "all"\ntopics = "all"\nmarket = true\n',
        b'[[rules]]\nname = "mine"\nentities = ["AAPL", "name:acme", "Apple Inc."]\n'
        b'window = "4h"\nlong_window = "12h"\nclear_for = "0"\ncooldown = "1d"\n'
        b"alerts_per_day = 0.5\nmin_negative = 3\nmin_sources = 2\nmin_ratio = 1.5\n"
        b'[[rules]]\nname = "two"\ntopics = ["macro"]\ndetector = "tone_shift"\n'
        b'warm_up = "2w"\nclear_z = -1.0\ncritical_factor = 2.0\n',
        b'[[rules]]\nname = "a"\nmarket = true\nclear_z = nan\nmin_ratio = inf\n',
        b'[[rules]]\nname = "a"\nmarket = true\nmin_negative = 99999999999999999999999\n',
        b'[[rules]]\nname = "a"\nmarket = true\ndetector = "slow_burn"\nwindow = "99999w"\n',
        b"a = " + b"[" * 2_000,
        b"a = " + b"{a=" * 1_000,
        b"a" + b".a" * 400 + b" = 1",
        b"a = " + b"1" * 5_000,
        b"rules = 2024-13-01T25:00:00Z",
        b"\xff[[rules]]",
    ),
    words=(
        b"[[rules]]\n",
        b"name = ",
        b"detector = ",
        b'"attention_surge"',
        b"entities = ",
        b"topics = ",
        b"market = true\n",
        b"window = ",
        b"long_window = ",
        b"min_z_volume = ",
        b"min_z_share = ",
        b"clear_ratio = ",
        b"critical_factor = ",
        b"inf",
        b"nan",
        b"1e400",
        b"0x7fffffffffffffffffff",
        b'"""',
        b"\xd9\xa3h",
    ),
    surroundings=surroundings,
)
