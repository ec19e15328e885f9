"""What is said about alerts, as it is said: server-sent events."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from pipeline.web.auth import still_holds
from pipeline.web.following import Follower
from pipeline.web.problems import Problem
from pipeline.web.services import ServicesOf

router = APIRouter(tags=["alerts"])

_RETRY_MS = 2000
_MAX_POSITION = 2**63 - 1
_MAX_DIGITS = len(str(_MAX_POSITION))


def take_place(services: ServicesOf) -> Iterator[Follower]:
    """Hold a place for a stream until it ends; raises the Problem 503 where none is free."""
    services.schema.require()
    if not services.follower.take():
        raise Problem(503, "too many streams are open", headers={"Retry-After": "30"})
    try:
        yield services.follower
    finally:
        services.follower.give_back()


def last_seen(
    last_event_id: Annotated[
        str | None,
        Header(description="Id of the last event that arrived: those after it follow."),
    ] = None,
) -> int | None:
    """Return the position after which to go on; None: from now. Raises the Problem 400."""
    if last_event_id is None or last_event_id == "":
        return None
    is_number = last_event_id.isdecimal() and len(last_event_id) <= _MAX_DIGITS
    if not is_number or int(last_event_id) > _MAX_POSITION:
        raise Problem(400, "Last-Event-ID is the id of an event of this stream")
    return int(last_event_id)


FollowerOf = Annotated[Follower, Depends(take_place)]
LastSeen = Annotated[int | None, Depends(last_seen)]


@router.get("/v1/alerts/stream", response_class=EventSourceResponse)
async def stream_alerts(
    request: Request, services: ServicesOf, follower: FollowerOf, after: LastSeen
) -> AsyncIterator[ServerSentEvent]:
    """Send each event about an alert when it is stored: the webhook's body, named by its type.

    A reader that comes back with `Last-Event-ID` gets all that it missed, in order and once;
    without it, what is said from now on.
    """
    principal = request.state.principal
    if after is None:
        after = await follower.newest()
        # At once, so that a stream which breaks before the first event misses none either.
        yield ServerSentEvent(id=str(after), retry=_RETRY_MS, comment="from now on")
    async for position, event in follower.follow(
        after, may_go_on=lambda: still_holds(services, principal)
    ):
        yield ServerSentEvent(raw_data=event.body, event=event.type, id=str(position))
