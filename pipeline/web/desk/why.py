"""The page of an item, and the one that shades its words by what they add to a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from db.desk import CompanyRow, StoredItem, stored_item
from db.engine import transaction
from models.labels import Sentiment
from pipeline.stages.text import text_of
from pipeline.web.desk import access
from pipeline.web.desk.pages import render
from pipeline.web.explaining import Busy, Explaining, NotExplained, Question
from pipeline.web.services import Services, ServicesOf, SessionOf

if TYPE_CHECKING:
    from models.explanation.explainer import Explanation
    from models.explanation.words import Word

router = APIRouter(
    prefix="/desk", include_in_schema=False, dependencies=[access.FromHere, access.LoggedIn]
)

# The steps of the integral make a long text cost minutes; the command line takes any.
MOST_CHARS = 4_000
_SHOWN = 12
# Of the strongest word's share: from here on a word is shaded, more, and fully.
_LEVELS = (0.15, 0.4, 0.7)
_BAR_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text.

    Attributes:
        shade: "for1" to "for3", "against1" to "against3"; empty where it says little.
        added: To the log-odds of the label; None between the words.
        bar: Beside the strongest word, of 100.
    """

    text: str
    shade: str = ""
    added: float | None = None
    bar: float = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a question: ``state`` is "told", "waiting", "busy", "failed", "off", "long"."""

    state: str
    explanation: Explanation | None = None
    problem: str = ""


@router.get("/items/{item_id:path}")
def item_page(request: Request, session: SessionOf, item_id: str) -> HTMLResponse:
    """Show one item with the companies in it."""
    item = stored_item(session, item_id)
    if item is None:
        raise HTTPException(404, "there is no such item")
    return render(request, "item.html", item=item, mention=item.mention)


@router.get("/why")
def why_page(
    request: Request,
    services: ServicesOf,
    item: Annotated[str, Query(max_length=1000)],
    label: Sentiment | None = None,
    entity: Annotated[str, Query(max_length=500)] = "",
) -> HTMLResponse:
    """Show which words made the model call an item so; by default what it was called."""
    found = _item(services, item)
    if found is None:
        raise HTTPException(404, "there is no such item")
    company = next((each for each in found.companies if each.id == entity), None)
    if entity and company is None:
        raise HTTPException(404, "the item does not name that company")
    asked = label or Sentiment(company.sentiment if company else found.mention.sentiment)
    told = _ask(services.explaining, found, company, asked)
    explanation = told.explanation
    return render(
        request,
        "why.html",
        item=found,
        mention=found.mention,
        company=company,
        label=asked,
        labels=list(Sentiment),
        told=told,
        explanation=explanation,
        pieces=shaded(explanation) if explanation else [],
        strongest=strongest(explanation) if explanation else [],
    )


def _item(services: Services, item_id: str) -> StoredItem | None:
    # In a transaction of its own: none is held open while the model thinks.
    services.schema.require()
    with transaction(services.engine) as session:
        return stored_item(session, item_id)


def _ask(
    explaining: Explaining | None, item: StoredItem, company: CompanyRow | None, label: Sentiment
) -> Told:
    text = text_of(item)
    if explaining is None:
        return Told("off")
    if len(text) > MOST_CHARS:
        return Told("long")
    names = (company.id, company.name) if company else ()
    question = Question(item.mention.item_id, label, names)
    try:
        answer = explaining.ask(question, text=text, source=item.mention.source)
    except Busy:
        return Told("busy")
    except NotExplained as error:
        return Told("failed", problem=str(error))
    return Told("waiting" if answer is None else "told", answer)


def shaded(told: Explanation) -> list[Piece]:
    """Return the whole text in pieces, each word one of its own."""
    most = _most(told)
    pieces: list[Piece] = []
    end = 0
    for word in told.words:
        pieces += [Piece(told.text[end : word.start]), _piece(told, word, most)]
        end = word.end
    return [*pieces, Piece(told.text[end:])]


def strongest(told: Explanation) -> list[Piece]:
    """Return the words that add or take most, strongest first."""
    words = sorted(told.words, key=lambda word: -abs(word.attribution))
    return [_piece(told, word, _most(told)) for word in words[:_SHOWN]]


def _most(told: Explanation) -> float:
    return max((abs(word.attribution) for word in told.words), default=0.0)


def _piece(told: Explanation, word: Word, most: float) -> Piece:
    weight = abs(word.attribution) / most if most else 0.0
    level = sum(weight >= least for least in _LEVELS)
    side = "for" if word.attribution > 0 else "against"
    return Piece(
        told.text[word.start : word.end],
        f"{side}{level}" if level else "",
        word.attribution,
        round(_BAR_WIDTH * weight, 1),
    )
