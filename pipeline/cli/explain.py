"""`tapewatch explain`: which words made a text negative."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.labels import Sentiment
from pipeline.cli.fail import WRONG_USE, fail

if TYPE_CHECKING:
    from models.explanation.explainer import Explanation
    from models.labels import Span
    from pipeline.settings import Settings

_DIGITS = 4


def explain(
    text: Annotated[
        str, typer.Argument(help="What to explain; - reads standard input.", show_default=False)
    ] = "",
    *,
    item: Annotated[
        str | None, typer.Option(metavar="ID", help="Explain this stored item instead.")
    ] = None,
    entity: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Explain the sentiment towards this company: its name or its id."
        ),
    ] = None,
    label: Annotated[Sentiment, typer.Option(help="The label to explain.")] = Sentiment.NEGATIVE,
    html: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write it as a page here as well.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as one JSON object.")] = False,
) -> None:
    """Tell which words made a text negative.

    Words that speak for the label are marked in one colour, those that speak against it in
    another, and the table says how much each adds to its log-odds (docs/explain.md).
    """
    if bool(text) == bool(item):
        raise fail("give a text or --item, and not both", status=WRONG_USE)
    from rich.console import Console

    from models.explanation.explainer import CannotExplain
    from pipeline.runtime import build_explainer, load_settings

    settings = load_settings()
    source = ""
    if item:
        text, source = _stored(settings, item)
    elif text == "-":
        text = sys.stdin.read().strip()
    try:
        # On a terminal alone, and gone at the end: it takes up to a minute and more.
        with Console(stderr=True).status("loading the model ...") as status:
            spans = _places(settings, text, source, entity) if entity else ()
            explainer = build_explainer(settings)
            status.update("weighing the words, in many passes over the text ...")
            told = explainer.explain(text, label=label, spans=spans)
    except CannotExplain as error:
        raise fail(str(error)) from error
    _show(told, html=html, as_json=as_json)


def _show(told: Explanation, *, html: Path | None, as_json: bool) -> None:
    from rich.console import Console

    from pipeline.cli.explain_views import render, write_page

    if html is not None:
        try:
            write_page(told, html)
        except OSError as error:
            raise fail(str(error)) from error
    if as_json:
        typer.echo(json.dumps(to_json(told), ensure_ascii=False, indent=2))
    else:
        Console(highlight=False).print(render(told))


def to_json(told: Explanation) -> dict[str, Any]:
    """Return an explanation as a JSON object; attributions are log-odds."""

    def part(start: int, end: int, attribution: float) -> dict[str, Any]:
        return {"text": told.text[start:end], "attribution": round(attribution, _DIGITS)}

    return {
        "text": told.text,
        "label": told.label,
        "towards": [told.text[start:end] for start, end in told.spans],
        "probability": round(told.probability, _DIGITS),
        "score": round(told.score, _DIGITS),
        "baseline": round(told.baseline, _DIGITS),
        "completeness_error": round(told.error, _DIGITS),
        "steps": told.steps,
        "windows": told.windows,
        "model": told.model,
        "words": [
            {
                **part(word.start, word.end, word.attribution),
                "start": word.start,
                "end": word.end,
                "tokens": [part(t.start, t.end, t.attribution) for t in word.tokens],
            }
            for word in told.words
        ],
    }


def _places(settings: Settings, text: str, source: str, name: str) -> tuple[Span, ...]:
    from pipeline.explaining import places
    from pipeline.runtime import build_classifier, build_floors, build_gazetteer

    return places(
        text,
        [name],
        source=source,
        classifier=build_classifier(settings),
        finder=build_gazetteer(settings),
        floors=build_floors(settings),
    )


def _stored(settings: Settings, item: str) -> tuple[str, str]:
    """Return the text of an item as the worker read it, and its source."""
    from db.items import stored_text
    from pipeline.cli.database import open_session
    from pipeline.stages.text import text_of

    with open_session(settings) as session:
        found = stored_text(session, item)
    if found is None:
        raise fail(f"no item {item!r} is stored; v_items lists the ids")
    return text_of(found), found.source
