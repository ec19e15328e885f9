"""A day of news and an alert, for the desk's pages."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from alerts.messages import AlertData, AlertEvent, Evidence, Scope, Window, event_body
from alerts.types import Severity, TransitionKind
from db.alert_events import alert_history
from db.alert_rows import AlertEventRow
from db.alerts import find_alerts, save_alerts
from db.engine import Engine, transaction
from db.items import store_items
from db.rows import Progress
from tests.integration.samples import NEUTRAL, NOON, SVB, alert, item, mention

SERIES = "/desk/series/entity/us:SIVB"
ODD_LINK, WEB_LINK = "javascript:alert(1)", "https://paper.example/b"


def fill(engine: Engine) -> str:
    """Store a day of news and a firing alert; return the alert's id."""
    rows = [
        replace(item("a", at=NOON, topics=("liquidity",)), url=ODD_LINK),
        item("copy", at=NOON + timedelta(minutes=1), text_hash="text of a", source="portal"),
        replace(
            item("b", at=NOON + timedelta(minutes=2), tone=NEUTRAL, language="zh"),
            source="<b>paper</b>",
            url=WEB_LINK,
        ),
        item("old", at=NOON - timedelta(days=3), source="gone"),
    ]
    evidence = (
        replace(mention("a"), url=ODD_LINK),
        replace(mention("b"), url=WEB_LINK, language="zh"),
    )
    fired = alert(severity="critical", evidence=evidence)
    data = AlertData(
        id=fired.id,
        detector=fired.detector,
        severity=Severity.CRITICAL,
        scope=Scope(kind="entity", id=SVB.id, name=SVB.name),
        detected_at=fired.fired_at,
        window=Window(start=fired.window_start, end=fired.window_end),
        observed=5,
        expected=0.5,
        items=8,
        accounts=6,
        stories=1,
        sources=3,
        evidence=(
            Evidence(
                title="Title of a",
                source="wire",
                url=ODD_LINK,
                published_at=NOON,
                score=-0.6,
            ),
        ),
    )
    body = event_body(AlertEvent(type=TransitionKind.FIRED, timestamp=NOON, data=data))
    with transaction(engine) as session:
        newest = NOON + timedelta(minutes=2)
        store_items(session, rows, [Progress("raw", 0, 4, newest)])
        save_alerts(session, [(fired, AlertEventRow(fired.id, 1, "alert.fired", NOON, body))])
    return str(fired.id)


def end_alert(engine: Engine, alert_id: str) -> None:
    """Let the alert of ``fill`` end five hours later, at 3 where 3.5 are usual by then."""
    with transaction(engine) as session:
        (fired,) = find_alerts(session, [UUID(alert_id)])
        (event,) = alert_history(session, fired.id)
        over = AlertEvent.model_validate_json(event.body)
        data = over.data.model_copy(update={"observed": 3.0, "expected": 3.5})
        later = NOON + timedelta(hours=5)
        body = event_body(AlertEvent(type=TransitionKind.RESOLVED, timestamp=later, data=data))
        ended = replace(
            fired, state="resolved", resolved_at=later, observed=3.0, expected=3.5, evidence=()
        )
        save_alerts(session, [(ended, AlertEventRow(ended.id, 2, "alert.resolved", later, body))])
