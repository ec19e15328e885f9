"""Prometheus metrics of the web service, and the middleware that counts its requests."""

import time

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.web.readiness import Report

REQUESTS = Counter(
    "tapewatch_http_requests_total", "Requests answered.", ["method", "route", "status"]
)
REQUEST_SECONDS = Histogram(
    "tapewatch_http_request_seconds", "From a request's arrival to its answer.", ["route"]
)
PUSHED = Counter("tapewatch_pushed_items_total", "Items pushed to the API.", ["result"])
READY = Gauge("tapewatch_ready", "1 where a check of readiness passes, else 0.", ["check"])
LAG = Gauge("tapewatch_lag_messages", "Messages that wait to be stored.", ["partition"])
UNMOVED = Gauge(
    "tapewatch_lag_unmoved_seconds", "How long work waits with nothing stored.", ["partition"]
)
UNDELIVERED = Gauge("tapewatch_undelivered_events", "Outbox rows neither delivered nor dead.")


def show(report: Report) -> None:
    """Set the gauges to what a report says; what is not known is not shown."""
    for name, check in report.checks.items():
        READY.labels(name).set(check.ok)
    LAG.clear()
    UNMOVED.clear()
    for each in report.lag:
        LAG.labels(str(each.partition)).set(each.messages)
        UNMOVED.labels(str(each.partition)).set(each.unmoved_s)
    UNDELIVERED.set(float("nan") if report.undelivered is None else report.undelivered)


class CountRequests:
    """Wraps an app; counts by the route's pattern, not the path: ids would be labels."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if route != "none" else "any"
            REQUESTS.labels(method, route, str(status)).inc()
            REQUEST_SECONDS.labels(route).observe(time.perf_counter() - started)
