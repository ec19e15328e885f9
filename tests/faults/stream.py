"""The known stream: a few days of news on three companies, two crises, and what is no news item.

Its texts are chosen by asking the model that will read them, so that a crisis is negative and a
quiet day is not. Everything follows from one seed.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from models.labels import Analysis, Classifier, Sentiment
from models.multihead import HeadKind, HeadSpec
from pipeline.messages import Limits, NewsItem, item_from
from tests.tiny_models import SENTIMENTS, save_model

START = datetime(2024, 3, 4, 0, 0, 7, tzinfo=UTC)
DAYS = 3
# Of those tried, the weights that tell bad news from good most clearly.
SEED = 21
COMPANIES = {"northwind": "Northwind Bank", "loss": "Loss Profit", "rises": "Rises Fraud"}
# (company, day, hours, items an hour)
CRISES = (("northwind", 1.3, 4, 8), ("loss", 1.9, 3, 6), ("northwind", 2.5, 3, 7))
# No head that finds names: with random weights it would find one in every other word.
HEADS = (
    HeadSpec("sentiment", HeadKind.SINGLE, SENTIMENTS, temperature=0.5),
    HeadSpec("topics", HeadKind.MULTI, ("banks", "earnings"), threshold=0.55),
    HeadSpec("relevance", HeadKind.MULTI, ("finance",)),
    HeadSpec("entity_sentiment", HeadKind.SPANS, SENTIMENTS, temperature=0.4),
)
RULES = """
[[rules]]
name = "all"
entities = "all"
topics = "all"
market = true
warm_up = "6h"
cooldown = "2h"
alerts_per_day = 20.0
"""
# What the worker cannot read, and the reason that it must give.
POISON = (
    (b"{", "not_json"),
    (b"\xff\xfe", "not_utf8"),
    (b"[]", "not_object"),
    (b'{"published_at": "2024-03-04T00:00:00Z", "source": "a"}', "missing_title"),
    (b'{"published_at": "yesterday", "source": "a", "title": "b"}', "bad_date"),
)

_WORDS = ("northwind", "bank", "loss", "profit", "rises", "falls", "fraud", "the", "of")
_SOURCES = 6
_COPIES, _AGAIN = 0.12, 0.1


@dataclass(frozen=True, slots=True)
class Wave:
    """What is sent together, and confirmed before the next wave is sent.

    Attributes:
        items: In the order of event time; some ids come twice, some texts too.
        poison: What is no item.
    """

    items: tuple[NewsItem, ...]
    poison: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """The whole stream."""

    waves: tuple[Wave, ...]

    @property
    def ids(self) -> frozenset[str]:
        """Of all items."""
        return frozenset(str(item.id) for wave in self.waves for item in wave.items)

    @property
    def messages(self) -> int:
        """How many there are, repeated ones and poison included."""
        return sum(len(wave.items) + len(wave.poison) for wave in self.waves)


def write_companies(path: Path) -> Path:
    """Write the gazetteer's rows and return the file."""
    rows = (f"{key},{name},{name}\n" for key, name in COMPANIES.items())
    path.write_text("id,name,aliases\n" + "".join(rows), "utf-8")
    return path


def write_model(folder: Path) -> Path:
    """Write the tiny model that reads the stream, and return its folder."""
    folder.mkdir(parents=True)
    return save_model(folder, HEADS, seed=SEED)


def make_stream(classifier: Classifier, *, waves: int = 24, seed: int = 3) -> Known:
    """Return the stream.

    Args:
        classifier: The model that will read it.
        waves: How many pieces it is played in.
        seed: Decides all that is random.
    """
    rng = random.Random(seed)  # noqa: S311  # a fixture
    bad, good = _phrases(classifier)
    texts = _Texts(rng)
    raw: list[tuple[datetime, str, str]] = []
    for key in COMPANIES:
        at = START
        while at < START + timedelta(days=DAYS):
            raw.append((at, texts.fresh(rng.choice(good[key])), _source(rng)))
            at += timedelta(minutes=rng.randrange(60, 300))
    for key, day, hours, rate in CRISES:
        for _ in range(hours * rate):
            at = START + timedelta(days=day, seconds=rng.randrange(hours * 3600))
            raw.append((at, texts.fresh(rng.choice(bad[key])), _source(rng)))
    items = [_item(at, title, source) for at, title, source in sorted(raw)]
    return Known(tuple(_waves(rng, items, waves)))


class _Texts:
    """Makes titles that are all different and read the same: the model knows no invented word."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def fresh(self, phrase: str) -> str:
        words = ("".join(self._rng.choices("bcdfgklmnprstvz", k=7)) for _ in range(4))
        return " ".join([phrase, *words])


def _phrases(classifier: Classifier) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return for each company phrases that the model finds clearly negative, and clearly not."""
    bad: dict[str, list[str]] = {}
    good: dict[str, list[str]] = {}
    for key, name in COMPANIES.items():
        phrases = [f"{name} {' '.join(words)}" for words in itertools.permutations(_WORDS, 3)]
        texts = [f"{phrase} q q q q" for phrase in phrases]
        told = classifier.classify(texts, spans=[[(0, len(name))]] * len(texts))
        bad[key] = _best(phrases, [_margin(one, negative=True) for one in told])
        good[key] = _best(phrases, [_margin(one, negative=False) for one in told])
    return bad, good


def _margin(told: Analysis, *, negative: bool) -> float:
    """Return how clearly the tone of text and company is negative, or is not."""
    sign = 1 if negative else -1
    return min(
        sign * (p[Sentiment.NEGATIVE] - max(p[Sentiment.NEUTRAL], p[Sentiment.POSITIVE]))
        for p in (told.probabilities, told.span_sentiments[0])
    )


def _best(phrases: Sequence[str], scores: Sequence[float]) -> list[str]:
    ranked = sorted(zip(scores, phrases, strict=True), reverse=True)[:12]
    assert ranked[-1][0] > 0.05, "the model's weights allow no such text"
    return [phrase for _, phrase in ranked]


def _source(rng: random.Random) -> str:
    return f"wire {rng.randrange(_SOURCES)}"


def _item(at: datetime, title: str, source: str) -> NewsItem:
    content = {"published_at": at.isoformat(), "title": title, "source": source}
    return item_from(content, now=datetime.now(UTC), limits=Limits())


def _waves(rng: random.Random, items: list[NewsItem], count: int) -> Iterator[Wave]:
    size = -(-len(items) // count)
    poison = itertools.cycle(POISON)
    for start in range(0, len(items), size):
        sent: list[NewsItem] = []
        for item in items[start : start + size]:
            sent.append(item)
            if rng.random() < _AGAIN:
                sent.append(item)
            if rng.random() < _COPIES:
                sent.append(_item(item.published_at, item.title, "a portal"))
        dead = tuple(next(poison)[0] for _ in range(rng.randrange(3)))
        yield Wave(tuple(sent), dead)
