"""An explanation as people read it: on a terminal and as one page of HTML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from models.labels import Sentiment

if TYPE_CHECKING:
    from models.explanation.explainer import Explanation
    from models.explanation.words import Word

_SHOWN = 10
_BAR_CHARS = 24
# Of the strongest word's attribution: from here on a word is marked, and marked fully.
_WEAK, _STRONG = 0.15, 0.5
# For and against each label; plain names, so that they fit whatever colours a terminal has.
_COLOURS = {
    Sentiment.NEGATIVE: ("red", "green"),
    Sentiment.NEUTRAL: ("blue", "yellow"),
    Sentiment.POSITIVE: ("green", "red"),
}


def render(told: Explanation, *, shown: int = _SHOWN) -> RenderableType:
    """Return an explanation as text with its words marked, and the ``shown`` strongest ones.

    Nothing in it is taken for markup or for a terminal's control codes.
    """
    head = Text()
    head.append(f"{told.label} {told.probability:.2f}", "bold")
    if told.spans:
        head.append(f" towards {_safe(_towards(told))}")
    head.append(f"  log-odds {told.score:+.2f}, without words {told.baseline:+.2f}", "dim")
    text = Text(_safe(told.text))
    for word in told.words:
        if style := _style(told, word):
            text.stylize(style, word.start, word.end)
    table = Table.grid(padding=(0, 2))
    for word in _strongest(told)[:shown]:
        bar = Text("█" * max(1, round(_BAR_CHARS * _weight(told, word))), _colour(told, word))
        table.add_row(_safe(told.text[word.start : word.end]), f"{word.attribution:+.2f}", bar)
    return Group(head, "", text, "", table, "", Text(_note(told), "dim"))


def write_page(told: Explanation, path: Path) -> None:
    """Write an explanation as one page that asks the network for nothing; replaces a file."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    pieces: list[tuple[str, dict[str, str] | None]] = []
    end = 0
    for word in told.words:
        pieces.append((told.text[end : word.start], None))
        pieces.append((told.text[word.start : word.end], _mark(told, word)))
        end = word.end
    pieces.append((told.text[end:], None))
    page = environment.get_template("explain.html.jinja").render(
        told=told,
        towards=_towards(told),
        pieces=pieces,
        rows=[(told.text[word.start : word.end], _mark(told, word)) for word in _strongest(told)],
        colours=_COLOURS[told.label],
        note=_note(told),
    )
    path.write_text(page, encoding="utf-8")


def _mark(told: Explanation, word: Word) -> dict[str, str]:
    return {
        "side": "for" if word.attribution > 0 else "against",
        "weight": f"{_weight(told, word):.3f}",
        "value": f"{word.attribution:+.2f}",
    }


def _weight(told: Explanation, word: Word) -> float:
    """Return how strong a word is beside the strongest one, in [0, 1]."""
    most = max(abs(other.attribution) for other in told.words)
    return abs(word.attribution) / most if most else 0.0


def _strongest(told: Explanation) -> list[Word]:
    return sorted(told.words, key=lambda word: -abs(word.attribution))


def _colour(told: Explanation, word: Word) -> str:
    towards, against = _COLOURS[told.label]
    return towards if word.attribution > 0 else against


def _style(told: Explanation, word: Word) -> str:
    weight = _weight(told, word)
    if weight >= _STRONG:
        return f"bold reverse {_colour(told, word)}"
    return _colour(told, word) if weight >= _WEAK else ""


def _towards(told: Explanation) -> str:
    return ", ".join(dict.fromkeys(told.text[start:end] for start, end in told.spans))


def _note(told: Explanation) -> str:
    windows = f", read in {told.windows} windows" if told.windows > 1 else ""
    return (
        f"The words add up to the difference of {told.score - told.baseline:+.2f} within "
        f"{told.error:.1%} ({told.steps} steps{windows}). Model {told.model}."
    )


def _safe(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)
