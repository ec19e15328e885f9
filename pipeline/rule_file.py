"""What a file of rules may hold, and what is told of one that holds something else.

What becomes of it lives in ``pipeline.rules``; docs/rules.md describes the file.
"""

import difflib
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

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

from alerts.defaults import LONGEST_WARM_UP
from alerts.types import Detector, Rule
from models.taxonomy import TOPICS
from pipeline.series import BadQuery, parse_duration

ALERTS_PER_DAY = 1.0
_NOTHING = timedelta(0)
_DEFAULT = Rule()


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
WarmUp = Annotated[Length, Field(le=LONGEST_WARM_UP)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Names = Literal["all"] | list[Name]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Spec(_Part):
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
    warm_up: WarmUp = _DEFAULT.warm_up
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


class File(_Part):
    """A whole file."""

    rules: Annotated[list[Spec], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        names = [spec.name for spec in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two rules are called {twice[0]!r}")
        return self


def problems(content: Mapping[str, Any], error: ValidationError) -> list[str]:
    """Return what is wrong with the content of a file, a line each: which rule, which key, why."""
    lines = (_problem(content, found["loc"], found) for found in error.errors())
    return list(dict.fromkeys(lines))  # a value that fits none of two forms is told of each


def _problem(
    content: Mapping[str, Any], place: tuple[int | str, ...], found: Mapping[str, Any]
) -> str:
    known, whose, rule = File.model_fields, "the file", []
    if len(place) > 1:
        known, whose, rule = Spec.model_fields, "a rule", [_called(content, int(place[1]))]
        place = place[2:]
    key = [str(step) for step in place[:1]]
    why = str(found["msg"]).removeprefix("Value error, ")
    if found["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key[0], known, n=1)
        why = f"is no key of {whose}" + (f"; did you mean {near[0]}?" if near else "")
    return ": ".join([", ".join([*rule, *key]) or "the file", why])


def _called(content: Mapping[str, Any], index: int) -> str:
    """Return a rule's name as the file has it, or its number where it has none."""
    spec = content["rules"][index]
    name = spec.get("name") if isinstance(spec, dict) else None
    return f"rule {name!r}" if isinstance(name, str) and name.strip() else f"rule {index + 1}"
