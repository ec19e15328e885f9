"""Health for supervisors, readiness for load balancers, metrics for Prometheus."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pipeline.web import metrics
from pipeline.web.auth import ByMethod
from pipeline.web.health_metrics import ChainMetrics
from pipeline.web.services import ServicesOf

router = APIRouter()


@router.get("/healthz", tags=["health"])
async def healthz() -> dict[str, str]:  # no thread: they may all be waiting for a broker
    """Tell that the process answers; asks nobody else."""
    return {"status": "ok"}


@router.get("/readyz", tags=["health"], responses={503: {"description": "A check failed."}})
def readyz(services: ServicesOf) -> JSONResponse:
    """Tell whether database, broker, model and lag allow work; 503 where one does not."""
    report = services.readiness.report()
    content: dict[str, Any] = {
        "status": "ready" if report.ready else "not ready",
        "checks": {name: asdict(check) for name, check in report.checks.items()},
        "lag": [asdict(each) | {"messages": each.messages} for each in report.lag],
    }
    return JSONResponse(content, 200 if report.ready else 503)


@router.get("/metrics", tags=["health"], dependencies=[ByMethod], response_class=Response)
def read_metrics(request: Request, services: ServicesOf) -> Response:
    """Return this process's metrics, and the lag and readiness of the chain, for Prometheus."""
    metrics.show(services.readiness.report())
    chain: ChainMetrics = request.app.state.chain_metrics
    chain.show(services)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
