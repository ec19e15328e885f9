"""Alert rules from a TOML file: which series are watched, and with which thresholds.

Of each detector the first rule whose scope holds a series decides for it. What the thresholds mean
lives in ``alerts.types.Rule``, what a file may hold in ``pipeline.rule_file``.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from alerts.defaults import DEFAULTS
from alerts.types import Detector, Rule
from db.rows import ScopeKind, SeriesKey
from models.entities.unlisted import ID_PREFIX
from pipeline.companies import find_each
from pipeline.rule_file import ALERTS_PER_DAY, File, Spec, problems

SHIPPED = "default_rules.toml"
# The one field of Rule that nobody sets: it follows from the budget.
COMPUTED = "threshold"


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

    def of(self, key: SeriesKey, detector: Detector | None = None) -> ScopedRule | None:
        """Return the rule that decides for a series, by default of whatever detector comes first.

        None if none watches it.
        """
        holding = (rule for rule in self.rules if rule.holds(key))
        found = (rule for rule in holding if detector in {None, rule.rule.detector})
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
        companies: CSV files of the user's own, for the names in ``entities``.

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
        file = File.model_validate(content)
    except ValidationError as error:
        lines = (f"  {problem}" for problem in problems(content, error))
        raise RulesError("\n".join([f"the rules in {where} are wrong:", *lines])) from error
    ids = _ids(where, file.rules, companies)
    return Rules(tuple(_scoped(spec, ids) for spec in file.rules))


def _shipped() -> str:
    return (resources.files("pipeline") / SHIPPED).read_text("utf-8")


def _ids(where: str, specs: Sequence[Spec], companies: Sequence[Path]) -> dict[str, str]:
    """Return the id of every company that a rule names."""
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


def _scoped(spec: Spec, ids: Mapping[str, str]) -> ScopedRule:
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
