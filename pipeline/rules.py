"""Alert rules from a TOML file: which series are watched, and with which thresholds.

The first rule whose scope holds a series decides for it, so a series has one rule at most. What
the thresholds mean lives in ``alerts.types.Rule``; docs/rules.md describes the file.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    ValidationError,
    model_validator,
)

from alerts.types import DEFAULTS, Detector, Rule
from db.rows import ScopeKind, SeriesKey
from models.entities.unlisted import ID_PREFIX
from models.taxonomy import TOPICS
from pipeline.companies import find_each
from pipeline.series import BadQuery, parse_duration

SHIPPED = "default_rules.toml"
# The one field of Rule that nobody sets: it follows from the budget.
COMPUTED = "threshold"
_NOTHING = timedelta(0)
_DEFAULT = Rule()
ALERTS_PER_DAY = 1.0


class RulesError(ValueError):
    """A file of rules cannot be used; the text names the file, the rule and what is wrong."""


@dataclass(frozen=True, slots=True)
class ScopedRule:
    """One rule.

    Attributes:
        scope: The ids it watches of each kind of series; None: all of the kind.
        alerts_per_day: Over all its series, what the threshold aims at.
    """

    name: str
    scope: Mapping[ScopeKind, frozenset[str] | None]
    rule: Rule
    alerts_per_day: float = ALERTS_PER_DAY

    def holds(self, key: SeriesKey) -> bool:
        """Whether a series is in the scope."""
        if key.kind not in self.scope:
            return False
        ids = self.scope[key.kind]
        return ids is None or key.id in ids


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one file, in its order; at least one."""

    rules: tuple[ScopedRule, ...]

    def of(self, key: SeriesKey, detector: Detector = Detector.NEGATIVE_SPIKE) -> ScopedRule | None:
        """Return the rule of a detector that decides for a series; None if none watches it."""
        found = (rule for rule in self.rules if rule.holds(key) and rule.rule.detector == detector)
        return next(found, None)

    def by_detector(self) -> dict[Detector, "Rules"]:
        """Return the rules of each detector that has any, in their order."""
        found: dict[Detector, tuple[ScopedRule, ...]] = {}
        for rule in self.rules:
            found[rule.rule.detector] = (*found.get(rule.rule.detector, ()), rule)
        return {detector: Rules(found[detector]) for detector in sorted(found)}

    @property
    def kinds(self) -> list[ScopeKind]:
        """The kinds of series that are watched."""
        return sorted({kind for rule in self.rules for kind in rule.scope})

    @property
    def longest_window(self) -> timedelta:
        """Of all rules."""
        return max(rule.rule.long_window for rule in self.rules)

    @property
    def least_negative(self) -> int:
        """No rule fires on fewer negative accounts."""
        return min(rule.rule.min_negative for rule in self.rules)


def load_rules(path: Path | None = None, *, companies: Sequence[Path] = ()) -> Rules:
    """Read a file of rules.

    Args:
        path: TOML; None: the shipped rules.
        companies: CSV files of the user's own, for the names in watchlists.

    Returns:
        The rules, with every company by its id.

    Raises:
        RulesError: If it cannot be read, or a rule makes no sense; ``read_own`` raises
            CompaniesError.
    """
    where = str(path or SHIPPED)
    try:
        text = path.read_text("utf-8") if path else _shipped()
        content = tomllib.loads(text)
    except OSError as error:
        raise RulesError(f"cannot read the rules in {where}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, or no TOML
        raise RulesError(f"{where} is not TOML: {error}") from error
    try:
        file = _File.model_validate(content)
    except ValidationError as error:
        lines = (f"  {_place(problem['loc'])}: {problem['msg']}" for problem in error.errors())
        raise RulesError("\n".join([f"the rules in {where} are wrong:", *lines])) from error
    ids = _ids(where, file.rules, companies)
    return Rules(tuple(_scoped(spec, ids) for spec in file.rules))


def _shipped() -> str:
    return (resources.files("pipeline") / SHIPPED).read_text("utf-8")


def _length(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError('must be a length of time in quotes, such as "4h" or "30m"')  # noqa: TRY004  (pydantic turns only ValueError into its own)
    if value.strip() in {"0", "0m", "0h", "0d"}:
        return _NOTHING
    try:
        return parse_duration(value)
    except BadQuery as error:
        raise ValueError(str(error)) from error


Length = Annotated[timedelta, BeforeValidator(_length), Field(ge=_NOTHING)]
# What is kept of a series is read from trend buckets of five minutes, its history by the hour.
Window = Annotated[Length, Field(ge=timedelta(minutes=5), le=timedelta(hours=24))]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Names = Literal["all"] | list[Name]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class _Spec(_Part):
    """One ``[[rules]]`` table; the thresholds are the fields of ``Rule``."""

    name: Name
    detector: Annotated[Detector, Field(strict=False)] = _DEFAULT.detector
    entities: Names = []
    topics: Names = []
    market: bool = False

    alerts_per_day: PositiveFloat = ALERTS_PER_DAY
    window: Window = _DEFAULT.window
    long_window: Window = _DEFAULT.long_window
    min_negative: PositiveInt = _DEFAULT.min_negative
    min_sources: PositiveInt = _DEFAULT.min_sources
    min_ratio: PositiveFloat = _DEFAULT.min_ratio
    min_z_volume: PositiveFloat = _DEFAULT.min_z_volume
    min_z_share: PositiveFloat = _DEFAULT.min_z_share
    clear_z: float = _DEFAULT.clear_z
    clear_ratio: PositiveFloat = _DEFAULT.clear_ratio
    clear_for: Length = _DEFAULT.clear_for
    cooldown: Length = _DEFAULT.cooldown
    warm_up: Length = _DEFAULT.warm_up
    critical_factor: PositiveFloat = _DEFAULT.critical_factor

    @model_validator(mode="after")
    def _windows_are_in_order(self) -> Self:
        if self.long_window < self.window:
            raise ValueError("long_window is shorter than window")
        return self

    @model_validator(mode="after")
    def _watches_something(self) -> Self:
        if not (self.entities or self.topics or self.market):
            raise ValueError(
                'watches nothing; give it entities = "all" or a list of companies, '
                'topics = "all" or a list of topics, or market = true'
            )
        unknown = [] if self.topics == "all" else sorted(set(self.topics) - set(TOPICS))
        if unknown:
            raise ValueError(f"no topic is called {unknown[0]!r}; there are {', '.join(TOPICS)}")
        return self


class _File(_Part):
    rules: Annotated[list[_Spec], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        names = [spec.name for spec in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two rules are called {twice[0]!r}")
        return self


def _ids(where: str, specs: Sequence[_Spec], companies: Sequence[Path]) -> dict[str, str]:
    """Return the id of every company in a watchlist."""
    names = {name for spec in specs if spec.entities != "all" for name in spec.entities}
    # A company that no list has is known by the id that its alerts show.
    ids = {name: name for name in names if name.startswith(ID_PREFIX)}
    for name, found in find_each(sorted(names - ids.keys()), companies).items():
        if not found:
            raise RulesError(
                f"{where}: no company is known as {name!r}; give its full name, symbol or id"
            )
        if len(found) > 1:
            choices = ", ".join(f"{key} ({label})" for key, label in found)
            raise RulesError(f"{where}: {name!r} may be {choices}; give the id")
        ids[name] = found[0][0]
    return ids


def _scoped(spec: _Spec, ids: Mapping[str, str]) -> ScopedRule:
    scope: dict[ScopeKind, frozenset[str] | None] = {}
    if spec.entities:
        every = spec.entities == "all"
        scope[ScopeKind.ENTITY] = None if every else frozenset(ids[n] for n in spec.entities)
    if spec.topics:
        scope[ScopeKind.TOPIC] = None if spec.topics == "all" else frozenset(spec.topics)
    if spec.market:
        scope[ScopeKind.MARKET] = None
    names = [field.name for field in fields(Rule) if field.name != COMPUTED]
    given = {name: getattr(spec, name) for name in names if name in spec.model_fields_set}
    rule = replace(DEFAULTS[spec.detector], **given)
    return ScopedRule(spec.name, scope, rule, spec.alerts_per_day)


def _place(location: tuple[int | str, ...]) -> str:
    """Return where in the file something is, as people count: rules[2].window."""
    steps = [f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in location]
    return "".join(steps).lstrip(".") or "file"
