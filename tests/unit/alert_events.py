"""An alert's event as its receivers get it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from alerts.messages import AlertData, AlertEvent, Evidence, Scope, Window
from alerts.types import Severity, TransitionKind

NOON = datetime(2023, 3, 9, 12, tzinfo=UTC)


def event(kind: TransitionKind = TransitionKind.FIRED, *, title: str = "Bank fails") -> AlertEvent:
    evidence = Evidence(
        title=title, source="wire", url="https://wire.example/1", published_at=NOON, score=-0.93
    )
    alert = AlertData(
        id=UUID(int=7),
        detector="negative_spike",
        severity=Severity.CRITICAL,
        scope=Scope(kind="entity", id="SIVB", name="Silicon Valley Bank"),
        detected_at=NOON,
        window=Window(start=NOON - timedelta(hours=4), end=NOON),
        observed=12,
        expected=0.8,
        items=18,
        accounts=14,
        stories=3,
        sources=7,
        evidence=(evidence,) * 5,
    )
    return AlertEvent(type=kind, timestamp=NOON, data=alert)
