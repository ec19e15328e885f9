"""`tapewatch explain-alert`: an alert computed anew from what is stored."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from db.engine import Engine, transaction
from pipeline.cli.main import app
from pipeline.explained_alert import explain_alert
from tests.integration import samples
from tests.integration.crises import COMPANIES, END, RULES, archive, evaluate, said, store
from tests.integration.samples import NEGATIVE, item

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def wide(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", database_url)
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def filled(engine: Engine) -> Engine:
    store(engine, archive())
    evaluate(engine, END)
    return engine


def run(alert_id: UUID) -> Result:
    return CliRunner().invoke(app, ["explain-alert", str(alert_id)])


def test_every_alert_is_recomputed_to_the_same_numbers(filled: Engine) -> None:
    ids = {event.alert_id for event in said(filled)}

    with transaction(filled) as session:
        explained = [explain_alert(session, alert_id, RULES) for alert_id in ids]

    assert len(explained) >= 2
    assert all(each.equal for each in explained)
    assert sum(len(each.said) for each in explained) == len(said(filled))
    for each in explained:
        assert each.models == ("test",)
        assert each.said[0].measured.reading.fires
        assert each.during.negative_share is not None
        assert each.before.negative_share is not None
        assert each.during.negative_share > each.before.negative_share


def test_the_evidence_is_shown_and_the_status_is_good(filled: Engine) -> None:
    result = run(said(filled)[0].alert_id)

    assert result.exit_code == 0, result.output
    for words in (
        "Rule: companies",
        "budget's threshold",
        "classified by test",
        "the same numbers",
    ):
        assert words in result.stdout
    assert " was " not in result.stdout


def test_news_that_came_later_is_told_with_a_bad_status(filled: Engine) -> None:
    event = said(filled)[0]
    samples.store(
        filled,
        item(
            "late",
            at=event.at - timedelta(minutes=1),
            source="late source",
            tone=NEGATIVE,
            entities=(COMPANIES[0],),
        ),
    )

    result = run(event.alert_id)

    assert result.exit_code == 1
    assert "accounts was" in result.stdout


def test_an_alert_outlives_the_items_that_raised_it(filled: Engine) -> None:
    with transaction(filled) as session:
        session.execute(text("TRUNCATE items, trend_5m, texts CASCADE"))

    result = run(said(filled)[0].alert_id)

    assert result.exit_code == 1
    assert "classified by nothing that is still stored" in result.stdout


@pytest.mark.usefixtures("engine")
def test_an_alert_that_is_not_stored_is_told() -> None:
    result = run(uuid4())

    assert result.exit_code == 1
    assert "error: no alert has the id" in result.stderr
