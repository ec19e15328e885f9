"""How well alerts meet the crises that somebody has listed: recall, delay, false alerts."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from db.rows import SeriesKey
from pipeline.backtest.run import Fired
from pipeline.messages import Moment


class TruthError(ValueError):
    """A file of crises cannot be used; the text names the line and what is wrong."""


class Crisis(BaseModel):
    """A time in which an alert on an entity is wanted.

    Attributes:
        entity: Its id or its name, in any case.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    entity: str
    start: Moment
    end: Moment

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end <= self.start:
            raise ValueError("it ends before it starts")
        return self


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of comparing alerts with crises.

    Attributes:
        caught: For each crisis the first alert within it; None where it was missed.
        false: Alerts outside every crisis of their entity.
        series_days: Watched series times days.
    """

    caught: tuple[tuple[Crisis, Fired | None], ...]
    false: tuple[Fired, ...]
    series_days: float

    @property
    def recall(self) -> float:
        """Caught crises of all, in [0, 1]."""
        return sum(alert is not None for _, alert in self.caught) / len(self.caught)

    @property
    def median_delay(self) -> timedelta | None:
        """From the start of a caught crisis to its alert; None if none was caught."""
        delays_s = [
            (alert.last.fired_at - crisis.start).total_seconds()
            for crisis, alert in self.caught
            if alert
        ]
        return timedelta(seconds=median(delays_s)) if delays_s else None

    @property
    def false_per_100_series_days(self) -> float:
        """False alerts for every hundred days that a series was watched."""
        return 100 * len(self.false) / self.series_days if self.series_days else 0.0


def read_truth(path: Path) -> list[Crisis]:
    """Read crises from CSV with the header ``entity,start,end``, or from JSON lines of these.

    Raises TruthError if a line is none, or there is none at all.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TruthError(f"cannot read {path}: {error}") from error
    first = 1 if path.suffix.lower() in {".jsonl", ".json"} else 2
    try:
        rows: list[object] = (
            [json.loads(line) for line in lines if line.strip()]
            if first == 1
            else list(csv.DictReader(lines))
        )
    except ValueError as error:
        raise TruthError(f"{path} is not JSON lines: {error}") from error
    if not rows:
        raise TruthError(f"{path} lists no crisis; write the columns entity,start,end")
    crises = []
    for number, row in enumerate(rows, start=first):
        try:
            crises.append(Crisis.model_validate(row))
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            field = ".".join(map(str, problem["loc"])) or "crisis"
            raise TruthError(f"{path}:{number}: {field}: {problem['msg']}") from error
    return crises


def judge(
    alerts: Sequence[Fired],
    crises: Sequence[Crisis],
    *,
    names: Mapping[SeriesKey, str],
    days: float,
) -> Verdict:
    """Compare alerts with crises.

    Args:
        alerts: In the order of firing.
        crises: At least one.
        names: The watched series, with what people call them.
        days: Over which they were watched.

    Returns:
        The verdict; a crisis whose entity is not among the series is missed.
    """
    words = {key: {key.id.lower(), name.lower()} for key, name in names.items()}

    def within(alert: Fired, crisis: Crisis) -> bool:
        known = words.get(alert.scope, {alert.scope.id.lower(), alert.last.scope_name.lower()})
        in_time = crisis.start <= alert.last.fired_at <= crisis.end
        return in_time and crisis.entity.strip().lower() in known

    caught = tuple(
        (crisis, next((alert for alert in alerts if within(alert, crisis)), None))
        for crisis in crises
    )
    false = tuple(a for a in alerts if not any(within(a, crisis) for crisis in crises))
    return Verdict(caught, false, len(names) * days)
