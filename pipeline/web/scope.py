"""The query parameters that name a series, alike for alerts and trends."""

from typing import Annotated, Any

from fastapi import Query

from db.engine import Session
from db.rows import ScopeKind, SeriesKey
from pipeline.series import find_one
from pipeline.web.problems import Problem
from pipeline.web.services import Services

EntityParam = Annotated[
    str | None, Query(description="Id, name or alias of a company.", examples=["Apple"])
]
TopicParam = Annotated[str | None, Query(description="A topic.", examples=["macro"])]
QUERY_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The question cannot be read."},
    404: {"description": "Nothing goes by that name."},
}


def named_series(
    session: Session, services: Services, *, entity: str | None, topic: str | None
) -> SeriesKey | None:
    """Return the series that a request names; None if it names none.

    Raises the Problem 400 if it names two, and UnknownSeries as ``find_one`` does.
    """
    if entity is not None and topic is not None:
        raise Problem(400, "give entity or topic, not both")
    companies = services.settings.model.companies
    if entity is not None:
        return find_one(session, ScopeKind.ENTITY, entity, companies=companies)[0]
    if topic is not None:
        return find_one(session, ScopeKind.TOPIC, topic)[0]
    return None
