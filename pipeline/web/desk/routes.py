"""The desk's addresses: pages for people, behind a login; its styles and script are public."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, FastAPI, Path, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope as RequestScope

from db.rows import MARKET, ScopeKind, SeriesKey
from db.trends import scope_names
from pipeline.series import BadQuery, newest_item_at, parse_moment
from pipeline.web.desk import access, alerts, faults, login, sign_in, subscriptions, views, why
from pipeline.web.desk.pages import Refused, render
from pipeline.web.routes_stream import FollowerOf, LastSeen, stream_alerts
from pipeline.web.services import ServicesOf, SessionOf

public = APIRouter(include_in_schema=False)
router = APIRouter(
    prefix="/desk", include_in_schema=False, dependencies=[access.FromHere, access.LoggedIn]
)

_MAX_QUERY = 100


class _Files(StaticFiles):
    """Styles and script, cached for a while."""

    async def get_response(self, path: str, scope: RequestScope) -> Response:
        """Return a file."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=300"
        return response


def install(app: FastAPI) -> None:
    """Put the desk into the app."""
    app.include_router(public)
    app.include_router(login.router)
    if app.state.provider is not None:
        app.include_router(sign_in.router)
    for pages in (router, alerts.router, subscriptions.router, why.router):
        app.include_router(pages)
    app.mount("/desk/static", _Files(packages=[("pipeline.web.desk", "static")]))
    app.add_exception_handler(access.LoginNeeded, _to_login)
    app.add_exception_handler(Refused, _refused)
    faults.install(app)


async def _to_login(_: Request, error: Exception) -> Response:
    to = error.to if isinstance(error, access.LoginNeeded) else "/desk/login"
    return RedirectResponse(to, 303)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101  # what it is registered for
    return error.page


@public.get("/")
def home() -> Response:
    """Lead people who open the service's address to the desk."""
    return RedirectResponse("/desk", 307)


@router.get("")
def overview(request: Request, session: SessionOf, services: ServicesOf) -> HTMLResponse:
    """Show what fires, the market's tone, and whether the sources are alive."""
    newest = newest_item_at(session, services.settings.kafka.raw_topic)
    return render(
        request,
        "overview.html",
        newest=newest,
        firing=views.firing(session),
        resolved=views.recently_resolved(session, newest),
        chart=views.market_chart(session, newest),
        sources=views.sources(session, newest),
        market=MARKET,
    )


@router.get("/stream", response_class=EventSourceResponse)
async def stream(
    request: Request, services: ServicesOf, follower: FollowerOf, after: LastSeen
) -> AsyncIterator[ServerSentEvent]:
    """Tell an open page that something was said about an alert; the page then looks anew."""
    async for told in stream_alerts(request, services, follower, after):
        yield ServerSentEvent(raw_data=told.event, id=told.id, retry=told.retry)


@router.get("/series")
def series_list(
    request: Request,
    session: SessionOf,
    services: ServicesOf,
    q: Annotated[str, Query(max_length=_MAX_QUERY)] = "",
) -> HTMLResponse:
    """List companies and topics, with the newest day against the week before."""
    newest = newest_item_at(session, services.settings.kafka.raw_topic)
    rows = views.listed(session, q.strip(), newest)
    most = views.MOST_LISTED
    return render(request, "list.html", newest=newest, rows=rows, q=q, most=most)


@router.get("/series/{kind}/{scope_id:path}")
def series_page(
    request: Request,
    session: SessionOf,
    services: ServicesOf,
    kind: ScopeKind,
    scope_id: Annotated[str, Path(max_length=500)],
    at: str | None = None,
) -> HTMLResponse:
    """Show one series over the last days, and the stories behind one of its columns."""
    key = SeriesKey(kind, scope_id)
    newest = newest_item_at(session, services.settings.kafka.raw_topic)
    alerts = views.alerts_of(session, key, newest)
    chart = views.series_chart(session, key, newest, alerts)
    chosen = _chosen(at, [column.start for column in chart.columns if column.accounts], newest)
    stories, more = (
        ([], 0) if chosen is None else views.stories(session, key, chosen, views.SERIES_STEP)
    )
    return render(
        request,
        "series.html",
        newest=newest,
        key=key,
        name=scope_names(session, [key])[key],
        alerts=alerts,
        raised=views.raising(session, alerts),
        chart=chart,
        chosen=chosen,
        until=None if chosen is None else chosen + views.SERIES_STEP,
        stories=stories,
        more=more,
        most=views.MOST_STORIES,
    )


def _chosen(at: str | None, starts: list[datetime], newest: datetime) -> datetime | None:
    """Return the column that holds the moment asked for; the newest with news otherwise."""
    if at is not None:
        try:
            asked = parse_moment(at, newest=newest)
        except BadQuery as error:
            raise HTTPException(400, str(error)) from error
        return next((s for s in reversed(starts) if s <= asked < s + views.SERIES_STEP), None)
    return starts[-1] if starts else None
