"""Silences and acknowledgements: by the API, the command line and the desk, and what they do."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from db.alert_rows import AcknowledgementRow, AlertRow, PrecisionRow, SilenceRow
from db.alerts import save_alerts
from db.engine import Engine, transaction
from db.items import store_items
from db.judgements import (
    acknowledge,
    active_silences,
    create_silence,
    end_silence,
    precision,
)
from db.rows import Progress, ScopeKind, SeriesKey
from db.subscriptions import create_subscription
from pipeline.cli.main import app
from tests.integration.samples import NOON, SVB_SERIES, alert, event, item, store, subscription
from tests.integration.web_client import API_KEY, web_client, web_settings

pytestmark = pytest.mark.integration

OTHER = SeriesKey(ScopeKind.ENTITY, "us:KO")


def silence(**more: object) -> SilenceRow:
    ends_at = datetime.now(UTC) + timedelta(hours=1)
    return replace(SilenceRow(uuid4(), "ann", "merger talk", ends_at), **more)  # type: ignore[arg-type]  # any field


def save(engine: Engine, *rows: AlertRow) -> None:
    with transaction(engine) as session:
        save_alerts(session, [(row, event(row)) for row in rows])


def sent(engine: Engine) -> list[tuple[str, int]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT a.scope_id, o.revision FROM outbox AS o"
                " JOIN alerts AS a ON a.id = o.alert_id ORDER BY 1, 2"
            )
        )
        return [(row.scope_id, row.revision) for row in rows]


@pytest.mark.parametrize(
    ("match", "silenced"),
    [
        ({"scope": SVB_SERIES}, True),
        ({"scope": OTHER}, False),
        ({"rule": "companies"}, True),
        ({"rule": "banks"}, False),
        ({"severity": "critical"}, False),
        ({"scope": SVB_SERIES, "severity": "warning"}, True),
        ({"scope": SVB_SERIES, "rule": "banks"}, False),
        ({"scope": SVB_SERIES, "ends_at": datetime.now(UTC) - timedelta(seconds=1)}, False),
    ],
)
def test_a_silence_holds_back_what_matches_until_it_ends(
    engine: Engine, match: dict[str, object], silenced: bool
) -> None:
    with transaction(engine) as session:
        create_subscription(session, subscription())
        create_silence(session, silence(**match))

    save(engine, replace(alert(), rule="companies"))

    assert sent(engine) == ([] if silenced else [(SVB_SERIES.id, 1)])


def test_who_was_told_before_the_silence_is_told_of_the_end_and_nobody_else_is(
    engine: Engine,
) -> None:
    first, other = alert(), alert(key=OTHER)
    with transaction(engine) as session:
        create_subscription(session, subscription())
    save(engine, first)
    with transaction(engine) as session:
        create_silence(session, silence(severity="warning"))

    save(engine, other, alert(revision=2), alert(revision=3, state="resolved"))
    save(engine, alert(key=OTHER, revision=2, state="resolved"))

    assert sent(engine) == [(SVB_SERIES.id, 1), (SVB_SERIES.id, 3)]


def test_a_silence_is_listed_until_it_ends(engine: Engine) -> None:
    row = silence(scope=SVB_SERIES, rule="companies", severity="critical")
    with transaction(engine) as session:
        create_silence(session, row)
        create_silence(session, silence(ends_at=datetime.now(UTC) - timedelta(hours=1)))

    with transaction(engine) as session:
        assert active_silences(session) == [row]
        assert end_silence(session, row.id)
    with transaction(engine) as session:
        assert active_silences(session) == []
        assert not end_silence(session, row.id)


def test_precision_counts_the_last_word_on_what_was_sent(engine: Engine) -> None:
    late = timedelta(days=7)
    rows = [
        replace(alert(), rule="a"),
        replace(alert(fired_at=NOON + timedelta(hours=1)), rule="a"),
        replace(alert(key=OTHER, fired_at=NOON + late, severity="critical"), rule="b"),
    ]
    save(engine, *rows, replace(alert(key=OTHER), rule="a", suppressed_by=rows[0].id))
    with transaction(engine) as session:
        for verdict in ("not_wanted", "wanted"):
            assert acknowledge(session, AcknowledgementRow(rows[0].id, verdict, "ann"))
        assert acknowledge(session, AcknowledgementRow(rows[2].id, "duplicate", "bob"))
        assert not acknowledge(session, AcknowledgementRow(uuid4(), "wanted", "ann"))

    with transaction(engine) as session:
        assert precision(session, by="rule") == [
            PrecisionRow("a", 2, 1, 1),
            PrecisionRow("b", 1, 1, 0),
        ]
        assert precision(session, by="severity", since=NOON + late) == [
            PrecisionRow("critical", 1, 1, 0)
        ]
        assert [row.name for row in precision(session, by="week")] == ["2023-03-06", "2023-03-13"]


@pytest.fixture
async def client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with web_client(web_settings(database_url=database_url)) as client:
        yield client


async def test_the_api_takes_silences_and_verdicts(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    store(engine, item("a"))
    row = replace(alert(), rule="companies")
    save(engine, row)

    wanted = {"entity": "us:SIVB", "hours": 2, "author": "ann", "reason": "known"}
    made = await client.post("/v1/silences", json=wanted)
    assert made.status_code == 201
    assert (await client.get("/v1/silences")).json() == {"silences": [made.json()]}
    assert (await client.delete(f"/v1/silences/{made.json()['id']}")).status_code == 204
    assert (await client.delete(f"/v1/silences/{made.json()['id']}")).status_code == 404
    everything = {"hours": 2, "author": "ann", "reason": "all"}
    assert (await client.post("/v1/silences", json=everything)).status_code == 400

    path = f"/v1/alerts/{row.id}/acknowledgement"
    assert (await client.get(path)).status_code == 404
    answer = await client.put(path, json={"verdict": "wanted", "author": "ann"})
    assert answer.status_code == 204
    assert (await client.get(path)).json()["verdict"] == "wanted"
    [group] = (await client.get("/v1/precision")).json()["groups"]
    assert (group["name"], group["precision"]) == ("companies", 1.0)


async def test_the_desk_takes_them_from_its_own_pages_only(
    database_url: str, engine: Engine
) -> None:
    store(engine, item("a"))
    row = replace(alert(), rule="companies")
    save(engine, row)
    address = f"/desk/alerts/{row.id}"

    async with web_client(web_settings(database_url=database_url), key="") as client:
        verdict = {"verdict": "wrong_sentiment", "author": "ann", "note": ""}
        refused = await client.post(f"{address}/acknowledgement", data=verdict)
        assert refused.headers["location"].startswith("/desk/login")
        await client.post("/desk/login", data={"key": API_KEY})
        assert (await client.post(f"{address}/acknowledgement", data={})).status_code == 400

        done = await client.post(f"{address}/acknowledgement", data=verdict)
        assert done.headers["location"] == f"{address}#judge"
        hushed = {"author": "ann", "reason": "<b>known</b>", "hours": "24"}
        assert (await client.post(f"{address}/silence", data=hushed)).status_code == 303
        with transaction(engine) as session:
            [one] = active_silences(session)
        assert (one.scope, one.reason) == (SVB_SERIES, "<b>known</b>")
        ended = [await client.post(f"{address}/silence/{one.id}/end") for _ in range(2)]
        assert [answer.status_code for answer in ended] == [303, 404]

    with transaction(engine) as session:
        assert active_silences(session) == []
        assert precision(session, by="entity") == [PrecisionRow(row.scope_name, 1, 1, 0)]


def test_the_command_line_takes_them(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", database_url)
    store(engine, item("a"))
    row = replace(alert(), rule="companies")
    save(engine, row)

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, list(arguments))
        return result.exit_code, result.output

    status, said = run("silence", "--rule", "companies", "--reason", "test", "--author", "ann")
    assert (status, "rule companies" in said) == (0, True)
    assert run("silences", "list")[1] == said
    assert run("silences", "end", said.split()[0])[0] == 0
    assert run("silences", "list") == (0, "")
    assert run("silence", "--reason", "everything")[0] == 2
    assert run("ack", str(row.id), "wanted", "--author", "ann")[0] == 0
    assert run("ack", str(uuid4()), "wanted")[0] == 1
    assert run("ack", str(row.id), "wanted", "--author", "a" * 101)[0] == 2
    assert "1.00" in run("precision", "--by", "severity")[1]
    assert run("precision", "--by", "mood")[0] == 2


def test_precision_on_the_command_line_counts_back_from_the_newest_item_as_the_api_does(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", database_url)
    row = replace(alert(), rule="companies")  # of years ago, as in a replay
    progress = Progress("news.raw.v1", 0, 1, row.fired_at + timedelta(days=1))
    with transaction(engine) as session:
        store_items(session, [item("a")], [progress])
    save(engine, row)

    def groups(since: str) -> bool:
        result = CliRunner().invoke(app, ["precision", "--since", since])
        return "companies" in result.output

    assert groups("2d")
    assert not groups("12h")
