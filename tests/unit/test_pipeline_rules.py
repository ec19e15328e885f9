import re
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.defaults import DEFAULTS
from alerts.types import Detector, Rule
from db.rows import MARKET, ScopeKind, SeriesKey
from pipeline.rules import COMPUTED, Rules, RulesError, load_rules
from tests.compose import ROOT


@pytest.fixture
def load(tmp_path: Path) -> "Load":
    return Load(tmp_path)


class Load:
    """Writes rules, and a list of two companies of one name, and reads the rules."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, text: str) -> Rules:
        """Return the rules of a file with this text."""
        path, companies = self._folder / "rules.toml", self._folder / "companies.csv"
        path.write_text(text, "utf-8")
        companies.write_text("id,name,aliases\nx:1,Twin Co,\nx:2,Twin Co,\nx:3,Acme,\n", "utf-8")
        return load_rules(path, companies=[companies])


def entity(key: str) -> SeriesKey:
    return SeriesKey(ScopeKind.ENTITY, key)


def test_the_shipped_rules_watch_all_companies_with_the_defaults_of_the_detector() -> None:
    rules = load_rules()

    scoped = rules.of(entity("anything"))

    assert scoped is not None
    assert scoped.rule == Rule()
    assert rules.of(SeriesKey(ScopeKind.TOPIC, "macro")) is None
    assert rules.of(MARKET) is None


def test_a_rule_of_a_name_and_a_scope_alone_has_the_defaults_too(load: Load) -> None:
    [scoped] = load('[[rules]]\nname = "a"\nmarket = true').rules

    assert scoped.rule == Rule()


def test_every_threshold_can_be_set_and_is_documented(load: Load) -> None:
    lengths = {
        "window": '"3h"',
        "long_window": '"9h"',
        "clear_for": '"10m"',
        "cooldown": '"0"',
        "warm_up": '"1d"',
    }
    names = [field.name for field in fields(Rule) if field.name not in {COMPUTED, "detector"}]
    lines = "\n".join(f"{name} = {lengths.get(name, '7')}" for name in names)

    [scoped] = load(f'[[rules]]\nname = "a"\nmarket = true\n{lines}').rules

    assert scoped.rule.window == timedelta(hours=3)
    assert scoped.rule.cooldown == timedelta(0)
    numbers = {getattr(scoped.rule, name) for name in names if name not in lengths}
    assert numbers == {7}
    page = (ROOT / "docs" / "rules.md").read_text("utf-8")
    assert {name for name in names if f"| `{name}` |" not in page} == set()


def test_each_detector_has_defaults_of_its_own_and_a_rule_of_its_own_for_a_series(
    load: Load,
) -> None:
    rules = load("""
        [[rules]]
        name = "spikes"
        market = true
        [[rules]]
        name = "surges"
        detector = "attention_surge"
        market = true
        min_sources = 9
    """)

    surges = rules.of(MARKET, Detector.ATTENTION_SURGE)
    assert surges is not None
    assert surges.rule == replace(DEFAULTS[Detector.ATTENTION_SURGE], min_sources=9)
    assert rules.of(MARKET) is rules.rules[0]
    assert rules.of(MARKET, Detector.SLOW_BURN) is None
    assert list(rules.by_detector()) == [Detector.ATTENTION_SURGE, Detector.NEGATIVE_SPIKE]
    page = (ROOT / "docs" / "rules.md").read_text("utf-8")
    assert {one for one in Detector if f"| `{one}` |" not in page} == set()


def test_the_first_rule_that_holds_a_series_decides(load: Load) -> None:
    rules = load("""
        [[rules]]
        name = "watchlist"
        entities = ["Acme", "name:quillmere"]
        min_negative = 2
        window = "1h"
        [[rules]]
        name = "rest"
        entities = "all"
        topics = ["macro"]
        long_window = "18h"
        alerts_per_day = 0.2
    """)

    names = {
        key: scoped.name
        for key in ("x:3", "name:quillmere", "x:9")
        if (scoped := rules.of(entity(key)))
    }

    assert names == {"x:3": "watchlist", "name:quillmere": "watchlist", "x:9": "rest"}
    assert rules.of(SeriesKey(ScopeKind.TOPIC, "macro")) is rules.rules[1]
    assert rules.of(SeriesKey(ScopeKind.TOPIC, "earnings")) is None
    assert rules.kinds == [ScopeKind.ENTITY, ScopeKind.TOPIC]
    assert (rules.longest_window, rules.least_negative) == (timedelta(hours=18), 2)
    assert [scoped.alerts_per_day for scoped in rules.rules] == [1.0, 0.2]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules = [", "is not TOML"),
        (f"rules = {'[' * 5_000}", "is not TOML"),
        (f"rules = {'1' * 5_000}", "is not TOML"),
        ('[[rules]]\nname = "a"\nmarket = true\nclear_z = nan', r"', clear_z: .*finite number"),
        ('[[rules]]\nname = "a"\nmarket = true\nmin_ratio = inf', r"', min_ratio: .*finite"),
        ('[[rules]]\nname = "a"\nmarket = true\nalerts_per_day = inf', "finite number"),
        ('[[rules]]\nname = "a"\nmarket = true\nwindow = "13h"', "long_window is shorter"),
        ('[[rules]]\nname = "a"\nmarket = true\nwarm_up = "29d"', "warm_up: .*less than or equal"),
        ("", r"rules: Field required"),
        ("rules = []", r"rules: List should have at least 1 item"),
        ('[[rules]]\nname = "a"', "rule 'a': watches nothing"),
        ('[[rules]]\nname = ""\nmarket = true', "rule 1, name: String should have at least 1"),
        ("[[rules]]\nmarket = true", "rule 1, name: Field required"),
        (
            '[[rules]]\nname = "a"\nmarket = true\n[[rules]]\nname = "b"\nmin_negativ = 2',
            r"rule 'b', min_negativ: is no key of a rule; did you mean min_negative\?",
        ),
        ('[[rules]]\nname = "a"\nmarket = true\nx = 2', "rule 'a', x: is no key of a rule$"),
        ('[[rule]]\nname = "a"', r"rule: is no key of the file; did you mean rules\?"),
        ("rules = [3]", "rule 1: Input should be a valid dictionary"),
        ('[[rules]]\nname = "a"\nentities = 3', "rule 'a', entities: Input should be 'all'"),
        ('[[rules]]\nname = "a"\nmarket = true\nmin_sources = "2"', r"', min_sources: .* integer"),
        (
            '[[rules]]\nname = "a"\nmarket = true\nmin_sources = 0',
            r"', min_sources: .*greater than 0",
        ),
        ('[[rules]]\nname = "a"\nmarket = true\nwindow = 4', r"', window: .*such as .4h."),
        ('[[rules]]\nname = "a"\nmarket = true\nwindow = "4 hours"', r"', window: .*no length"),
        ('[[rules]]\nname = "a"\nmarket = true\nwindow = "2d"', r"', window: .*less than or equal"),
        ('[[rules]]\nname = "a"\ntopics = ["tulips"]', "no topic is called 'tulips'"),
        ('[[rules]]\nname = "a"\nentities = ["Nobody Knows It"]', "no company is known as"),
        (
            '[[rules]]\nname = "a"\nentities = ["twin co"]',
            r"may be x:1 \(Twin Co\), x:2 \(Twin Co\)",
        ),
        (
            '[[rules]]\nname = "a"\nmarket = true\n[[rules]]\nname = "a"\nmarket = true',
            "two rules are called 'a'",
        ),
    ],
)
def test_rules_that_make_no_sense_are_told_by_rule_and_key(
    load: Load, text: str, problem: str
) -> None:
    with pytest.raises(RulesError, match=problem) as error:
        load(text)

    assert re.search(r"rules\.toml", str(error.value))


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(RulesError, match=r"cannot read the rules in nowhere\.toml: No such file"):
        load_rules(Path("nowhere.toml"))
