"""Templates with slots, and how they become texts. Which item comes when is not here."""

import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

_FOLDER = files("pipeline.demo") / "grammar"
_RANGES = {
    "pct": (4, 28),
    "pct2": (61, 89),
    "money": (12, 480),
    "money2": (12, 480),
    "few": (4, 9),  # from four, for templates that write "{few}th"
    "goals": (0, 3),
    "day": (9, 28),
    "hour": (8, 18),
}


@dataclass(frozen=True, slots=True)
class Company:
    """An invented company with its English and Chinese names."""

    id: str
    name: str
    short: str
    zh: str
    zh_short: str
    sector: str

    def names(self, language: str) -> tuple[str, str]:
        """Long and short name in a language."""
        return (self.zh, self.zh_short) if language == "zh" else (self.name, self.short)

    @property
    def aliases(self) -> tuple[str, ...]:
        """All names but the first, distinct."""
        return tuple(dict.fromkeys((self.short, self.zh, self.zh_short)))


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of news: any of the titles goes with any of the bodies."""

    tone: str
    weight: int
    titles: tuple[str, ...]
    bodies: tuple[str, ...]


def read(name: str) -> dict[str, Any]:
    """Read one of the grammar's files.

    Args:
        name: File name without its ending.

    Returns:
        Its content.
    """
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def kinds(rows: Sequence[Mapping[str, Any]]) -> tuple[Kind, ...]:
    """Read kinds from their tables; those without a tone are about no company."""
    return tuple(
        Kind(
            row.get("tone", "none"),
            row.get("weight", 1),
            tuple(row["titles"]),
            tuple(row["bodies"]),
        )
        for row in rows
    )


class _Slots(dict[str, str]):
    """Fills a slot when it is first asked for and remembers it for the rest of the item."""

    def __init__(
        self, rng: random.Random, choices: Mapping[str, Sequence[str]], given: Mapping[str, str]
    ) -> None:
        super().__init__(given)
        self._rng = rng
        self._choices = choices

    def __missing__(self, name: str) -> str:
        value = self._number(name) or self._word(name)
        self[name] = value
        return value

    def _word(self, name: str) -> str:
        if name in self._choices:
            return self._rng.choice(self._choices[name])
        if name.endswith("_cap"):
            return self[name.removesuffix("_cap")].capitalize()
        first = self[name.removesuffix("2")]  # town2 is another town than town
        return self._rng.choice([word for word in self._choices[name[:-1]] if word != first])

    def _number(self, name: str) -> str | None:
        if name == "small":
            return f"{self._rng.randint(3, 49) / 10}"
        if name == "n":
            return f"{self._rng.randint(12, 990) * 10:,}"
        return str(self._rng.randint(*_RANGES[name])) if name in _RANGES else None


class Grammar:
    """Writes texts in English and Chinese from the templates; deterministic for a given ``rng``."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        slots, busy = read("slots"), read("busy")["slots"]
        self._sectors = slots.pop("sectors")
        self._slots = {language: {**slots[language], **busy[language]} for language in slots}
        self._seen: set[str] = set()

    def write(self, kind: Kind, language: str, about: Company | None = None) -> tuple[str, str]:
        """Write one item that this grammar has not written before.

        Args:
            kind: Its templates.
            language: "en" or "zh".
            about: The company, for templates that name one.

        Returns:
            Title and body.
        """
        while True:
            title, body = self._try(kind, language, about)
            if title + body not in self._seen:
                self._seen.add(title + body)
                return title, body

    def _try(self, kind: Kind, language: str, about: Company | None) -> tuple[str, str]:
        choices = self._slots[language]
        given = {}
        if about is not None:
            choices = {**choices, **self._sectors[about.sector][language]}
            given = dict(zip(("name", "co"), about.names(language), strict=True))
        slots = _Slots(self._rng, choices, given)
        title = self._rng.choice(kind.titles).format_map(slots)
        sentences = self._rng.sample(kind.bodies, self._rng.choice((1, 2, 2)))
        glue = "" if language == "zh" else " "
        return title, glue.join(sentence.format_map(slots) for sentence in sentences)


def companies() -> tuple[Company, ...]:
    """All companies of the stream; the first has the crisis, the second the busy day."""
    return tuple(Company(*row) for row in read("companies")["companies"])


def outlets() -> dict[str, dict[str, str]]:
    """Outlet name to host, by group: en, zh, regional_en, regional_zh."""
    return {group: dict(rows) for group, rows in read("outlets").items()}


def weighted(rng: random.Random, choices: Sequence[Kind]) -> Iterator[Kind]:
    """Pick kinds for ever, by their weights."""
    weights = [kind.weight for kind in choices]
    while True:
        yield from rng.choices(choices, weights)
