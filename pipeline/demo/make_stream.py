"""Write the demo's news stream: ``python -m pipeline.demo.make_stream``.

Five days of invented news about invented companies, the same at every run. What it holds, and why:
ordinary news (no alert may come of it), one bad text printed by thirty outlets (copies are no
crisis), a busy day at one company (much news is no crisis), and one crisis at a bank that builds
over hours on the fourth day.
"""

import csv
import gzip
import hashlib
import io
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.demo import grammar
from pipeline.demo.grammar import Company, Grammar

SEED = 20260302
START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 5
BUSY_DAY = START + timedelta(days=2)
ITEMS_A_COMPANY = 38
BUSY_ITEMS = 420
BACKGROUND = {
    ("en", "macro"): 230,
    ("en", "world"): 300,
    ("zh", "macro"): 130,
    ("zh", "world"): 170,
}
REPEATED = 12  # lines that a feed sends twice
CHINESE_SHARE = 0.35
# How busy an outlet is in each hour, UTC.
_HOURS = {
    "en": [1] * 6 + [4, 7, 9, 9, 8, 8, 9, 9, 9, 8, 8, 7, 5, 4, 4, 3, 2, 1],
    "zh": [5, 8, 9, 8, 6, 6, 8, 8, 7, 6, 6, 5, 4, 4, 3, 2, 1, 1, 1, 1, 1, 1, 2, 3],
}
# A classifier errs on some calm texts: no four hours hold three that are not good news, so that
# even then nothing rises at a company where nothing happens.
_CALM_WINDOW = timedelta(hours=4)
_CALM_MOST = 2
_BETWEEN_BAD = timedelta(hours=10)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the stream."""

    at: datetime
    title: str
    body: str
    source: str
    language: str

    def row(self, hosts: dict[str, str]) -> dict[str, str]:
        """The line as news item v1."""
        key = f"{self.at.isoformat()} {self.source} {self.title} {self.body}"
        digest = hashlib.sha256(key.encode()).hexdigest()[:16]
        return {
            "id": f"demo-{digest}",
            "published_at": self.at.isoformat().replace("+00:00", "Z"),
            "title": self.title,
            "body": self.body,
            "source": self.source,
            "url": f"https://{hosts[self.source]}.example/{self.at:%Y/%m/%d}/{digest}",
            "language": self.language,
        }


class Newsroom:
    """Draws the items; every random choice comes from one generator."""

    def __init__(self) -> None:
        self._rng = random.Random(SEED)  # noqa: S311  # not for secrets
        self._grammar = Grammar(self._rng)
        self._outlets = grammar.outlets()
        self.companies = grammar.companies()
        self.crisis, self.busy = self.companies[0], self.companies[1]

    def stream(self) -> list[dict[str, str]]:
        """All lines in the order of their time."""
        items = self._background() + self._companies() + self._busy_day()
        items += self._wire_texts() + self._crisis()
        hosts = {name: host for group in self._outlets.values() for name, host in group.items()}
        rows = [item.row(hosts) for item in items]
        rows += self._rng.sample(rows, REPEATED)
        return sorted(rows, key=lambda row: (row["published_at"], row["id"]))

    def _moment(self, language: str, day: datetime) -> datetime:
        hour = self._rng.choices(range(24), _HOURS[language])[0]
        return day + timedelta(hours=hour, seconds=self._rng.randrange(3600))

    def _day(self) -> datetime:
        return START + timedelta(days=self._rng.randrange(DAYS))

    def _source(self, language: str) -> str:
        return self._rng.choice(list(self._outlets[language]))

    def _language(self) -> str:
        return "zh" if self._rng.random() < CHINESE_SHARE else "en"

    def _background(self) -> list[Item]:
        tables = grammar.read("background")
        items = []
        for (language, topic), count in BACKGROUND.items():
            rows = [row for row in tables[language] if row["topic"] == topic]
            picks = grammar.weighted(self._rng, grammar.kinds(rows))
            for kind, _ in zip(picks, range(count), strict=False):
                title, body = self._grammar.write(kind, language)
                at = self._moment(language, self._day())
                items.append(Item(at, title, body, self._source(language), language))
        return items

    def _companies(self) -> list[Item]:
        choices = {
            language: grammar.weighted(
                self._rng, grammar.kinds(grammar.read(f"company_{language}")["kind"])
            )
            for language in ("en", "zh")
        }
        bad_wire = datetime.fromisoformat(grammar.read("copied")["bad"]["at"])
        items = []
        for company in self.companies:
            calm, bad = list[datetime](), list[datetime]()
            if company.id == "norvessa":  # one bad account of its own is in the wire text
                calm, bad = [bad_wire], [bad_wire]
            for _ in range(ITEMS_A_COMPANY):
                language = self._language()
                kind = next(choices[language])
                at = self._moment(language, self._day())
                if not self._fits(company, kind.tone, at, calm, bad):
                    continue
                if kind.tone != "positive":
                    calm.append(at)
                if kind.tone == "negative":
                    bad.append(at)
                title, body = self._grammar.write(kind, language, company)
                items.append(Item(at, title, body, self._source(language), language))
        return items

    def _fits(
        self,
        company: Company,
        tone: str,
        at: datetime,
        calm: Sequence[datetime],
        bad: Sequence[datetime],
    ) -> bool:
        if company is self.crisis and at >= START + timedelta(days=2, hours=18):
            return False
        if company is self.busy and at.date() == BUSY_DAY.date():
            return False
        if tone == "positive":
            return True
        near = sum(abs(at - other) < _CALM_WINDOW for other in calm)
        if tone == "negative" and any(abs(at - other) < _BETWEEN_BAD for other in bad):
            return False
        return near < _CALM_MOST

    def _busy_day(self) -> list[Item]:
        tables = grammar.read("busy")
        picks = {
            language: grammar.weighted(self._rng, grammar.kinds(tables[language]))
            for language in ("en", "zh")
        }
        items = []
        for _ in range(BUSY_ITEMS):
            language = self._language()
            title, body = self._grammar.write(next(picks[language]), language, self.busy)
            at = self._moment(language, BUSY_DAY)
            items.append(Item(at, title, body, self._source(language), language))
        return items

    def _wire_texts(self) -> list[Item]:
        table = grammar.read("copied")
        bad = table["bad"]
        first = datetime.fromisoformat(bad["at"])
        original = Item(first, bad["title"], bad["body"], bad["source"], "en")
        everybody = [*self._outlets["regional_en"], *self._outlets["en"]]
        everybody.remove(original.source)
        items = [original, *self._copies(original, everybody[:29])]
        for title in table["other"]["titles"]:
            at = self._day() + timedelta(seconds=self._rng.randrange(6 * 3600, 20 * 3600))
            story = Item(
                at, title, self._rng.choice(table["other"]["bodies"]), "Tideway Wire", "en"
            )
            takers = self._rng.sample(list(self._outlets["regional_en"]), self._rng.randint(4, 14))
            items += [story, *self._copies(story, takers)]
        return items

    def _copies(self, original: Item, takers: Sequence[str]) -> list[Item]:
        return [
            Item(
                original.at + timedelta(seconds=self._rng.randrange(120, 6000)),
                original.title,
                original.body,
                source,
                original.language,
            )
            for source in takers
        ]

    def _crisis(self) -> list[Item]:
        table = grammar.read("crisis")
        items = []
        for row in table["account"]:
            seconds = self._rng.randrange(60)
            at = datetime.fromisoformat(f"{table['day']}T{row['at']}:{seconds:02}+00:00")
            item = self._told(row, at)
            items += [item, *self._copies(item, row.get("copies", ()))]
        items += [self._told(row, datetime.fromisoformat(row["at"])) for row in table["after"]]
        return items

    def _told(self, row: dict[str, Any], at: datetime) -> Item:
        language = "zh" if row["source"] in self._outlets["zh"] else "en"
        return Item(at, row["title"], row["body"], row["source"], language)


def stream_text() -> str:
    """The stream as JSON lines."""
    rows = Newsroom().stream()
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def companies_text() -> str:
    """The companies as CSV: id, name, aliases separated by ``|``."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "name", "aliases"])
    for company in grammar.companies():
        writer.writerow([company.id, company.name, "|".join(company.aliases)])
    return out.getvalue()


def write_files(folder: Path) -> None:
    """Write stream.jsonl.gz and companies.csv; the shipped ones lie beside this module."""
    # No time of writing and no file name in it: the same bytes every time.
    (folder / "stream.jsonl.gz").write_bytes(gzip.compress(stream_text().encode(), mtime=0))
    (folder / "companies.csv").write_text(companies_text(), encoding="utf-8")


if __name__ == "__main__":
    write_files(Path(__file__).parent)
