"""Named lists of companies that subscriptions filter by."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from db.watchlists import WatchlistInUse, delete_watchlist, list_watchlists, save_watchlist
from pipeline.subscribing import company_ids
from pipeline.targets import BadSubscription
from pipeline.web.problems import Problem
from pipeline.web.services import ServicesOf, SessionOf

router = APIRouter(prefix="/v1/watchlists", tags=["subscriptions"])

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such watchlist."}}

Name = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[\w .-]+$")]


class Members(BaseModel):
    """Who is on a watchlist."""

    model_config = ConfigDict(extra="forbid")

    entities: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        max_length=5000, description="Ids, names or aliases of companies."
    )


class Watchlist(BaseModel):
    """A named list of companies."""

    name: str
    entities: list[str] = Field(description="Ids.")


class Watchlists(BaseModel):
    """All watchlists, by name."""

    watchlists: list[Watchlist]


@router.get("")
def get_watchlists(session: SessionOf) -> Watchlists:
    """List all watchlists."""
    found = list_watchlists(session)
    return Watchlists(
        watchlists=[Watchlist(name=name, entities=list(ids)) for name, ids in found.items()]
    )


@router.put("/{name}")
def put_watchlist(
    name: Name, members: Members, session: SessionOf, services: ServicesOf
) -> Watchlist:
    """Create a watchlist, or replace who is on it; subscriptions follow at once."""
    try:
        ids = company_ids(session, members.entities, companies=services.settings.model.companies)
    except BadSubscription as error:
        problem = {"field": error.field, "problem": str(error)}
        raise Problem(422, f"{error.field}: {error}", more={"errors": [problem]}) from error
    save_watchlist(session, name, ids)
    return Watchlist(name=name, entities=list(ids))


@router.delete(
    "/{name}",
    status_code=204,
    responses=_MISSING | {409: {"description": "A subscription filters by it."}},
)
def remove_watchlist(name: Name, session: SessionOf) -> None:
    """Remove a watchlist that no subscription filters by."""
    try:
        found = delete_watchlist(session, name)
    except WatchlistInUse as error:
        raise Problem(409, "a subscription filters by it") from error
    if not found:
        raise Problem(404, "there is no such watchlist")
