"""`tapewatch backtest` on a small stream, with fakes of the models."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from alerts.messages import json_schema
from pipeline.cli.fail import explain
from pipeline.cli.main import app
from tests.fake_models import KeywordClassifier, OneCompanyFinder

START = datetime(2024, 3, 1, tzinfo=UTC)
SPIKE = START + timedelta(days=3)


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.runtime.build_classifier", lambda _: KeywordClassifier())
    monkeypatch.setattr("pipeline.runtime.build_gazetteer", lambda _: OneCompanyFinder())
    monkeypatch.setattr("pipeline.runtime.classifier_version", lambda _: "keywords-1")


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """Three days of calm, then a spike of five accounts within an hour."""
    path = tmp_path / "news.jsonl"
    calm = [(START + timedelta(hours=6 * n), f"Northwind opens branch {n}") for n in range(12)]
    bad = [(SPIKE + timedelta(minutes=9 * n), f"Northwind collapse, part {n}") for n in range(5)]
    later = [(SPIKE + timedelta(hours=24), "Northwind is calm")]
    items = [
        {
            "published_at": at.isoformat(),
            "title": title,
            "source": f"source {n}",
            "url": f"https://news.example/{n}",
        }
        for n, (at, title) in enumerate([*calm, *bad, *later])
    ]
    path.write_text("".join(json.dumps(item) + "\n" for item in items) + "no item\n", "utf-8")
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["backtest", *map(str, arguments)])


def told(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def test_an_alert_is_shown_with_what_it_rests_on(stream: Path) -> None:
    text = told(run(stream))

    assert "18 items, 1 of the stream's lines would be dead letters" in text
    assert "ALERT Northwind Bank (entity northwind), warning 2024-03-04 00:18 UTC" in text
    assert "Northwind collapse, part 0 https://news.example/12" in text
    assert "rule companies; scores: volume" in text
    assert "(the alert budget asked for 1.00 times the rule's); resolved" in text
    assert "; resolved 2024-03-04 1" in text
    assert "2024-03-04 │ 1 │ Northwind Bank" in text
    assert "1 alert on 1 of 1 series" in text


def test_the_events_are_written_as_webhooks_get_them(stream: Path, tmp_path: Path) -> None:
    told(run(stream, "--alerts", tmp_path / "alerts.jsonl"))

    lines = (tmp_path / "alerts.jsonl").read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]

    assert [event["type"] for event in events] == ["alert.fired", "alert.resolved"]
    for event in events:
        Draft202012Validator(json_schema()).validate(event)


def test_since_hides_alerts_and_until_leaves_out_news(stream: Path) -> None:
    assert "0 alerts" in told(run(stream, "--since", "2024-03-04T00:18:01Z"))
    assert "1 alert on" in told(run(stream, "--since", "2024-03-04T00:18:00Z"))
    assert "0 alerts" in told(run(stream, "--until", "2024-03-04T00:18:00Z"))
    assert "still firing" in told(run(stream, "--until", "2024-03-04T00:18:01Z"))


def test_kept_scores_make_the_model_unnecessary(
    stream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = told(run(stream, "--scored", tmp_path / "scored.jsonl"))
    monkeypatch.setattr("pipeline.runtime.build_classifier", lambda _: pytest.fail("loaded"))

    assert told(run(stream, "--scored", tmp_path / "scored.jsonl")) == first


def test_scores_of_another_model_are_told_in_one_line(
    stream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(stream, "--scored", tmp_path / "scored.jsonl")
    monkeypatch.setattr("pipeline.runtime.classifier_version", lambda _: "keywords-2")

    result = run(stream, "--scored", tmp_path / "scored.jsonl")

    assert result.exit_code == 1
    assert "holds results of the model keywords-1" in str(result.exception or result.output)


def test_other_rules_are_compared(stream: Path, tmp_path: Path) -> None:
    strict, lax = tmp_path / "strict.toml", tmp_path / "lax.toml"
    strict.write_text('[[rules]]\nname = "a"\nentities = "all"\nmin_sources = 9\n', "utf-8")
    lax.write_text('[[rules]]\nname = "a"\nentities = "all"\nmin_negative = 2\nmin_z_volume = 2\n')

    gone = told(run(stream, "--compare", strict))
    moved = told(run(stream, "--compare", lax))
    new = told(run(stream, "--rules", strict, "--compare", lax))

    assert "1 alert without the other rules, 0 with them: 1 gone, 0 new, 0 moved" in gone
    assert "1 alert without the other rules, 1 with them: 0 gone, 0 new, 1 moved" in moved
    assert "0 alerts without the other rules, 1 with them: 0 gone, 1 new, 0 moved" in new


def test_an_alert_that_other_rules_hold_for_more_severe_has_not_moved(
    stream: Path, tmp_path: Path
) -> None:
    critical = tmp_path / "critical.toml"
    critical.write_text('[[rules]]\nname = "a"\nentities = "all"\ncritical_factor = 1\n', "utf-8")

    text = told(run(stream, "--compare", critical))

    assert "0 moved, 1 of another severity alone, 0 the same" in text
    assert "│ severity │ Northwind Bank │" in text


def test_alerts_are_measured_by_a_list_of_crises(stream: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text(
        "entity,start,end\nNorthwind Bank,2024-03-03T23:18Z,2024-03-05T00:00Z\n"
        "nobody,2024-03-04T00:00Z,2024-03-05T00:00Z\n"
    )

    text = told(run(stream, "--truth", truth))

    assert "recall 0.50, median delay 1.0 h, 0 false alerts" in text


def test_a_list_of_crises_that_cannot_be_read_is_no_traceback(stream: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("who,when\n")

    assert explain(run(stream, "--truth", truth).exception or ValueError()) is not None


@pytest.mark.parametrize("ending", ["html", "png", "svg"])
def test_a_series_is_drawn_into_one_file_that_loads_nothing(
    stream: Path, tmp_path: Path, ending: str
) -> None:
    pytest.importorskip("matplotlib", reason="the plot extra is not installed")
    path = tmp_path / f"plot.{ending}"

    text = told(run(stream, "--plot", "northwind bank", "--plot-file", path))

    assert "drawn: " in text
    drawn = path.read_bytes()
    if ending == "png":
        assert drawn.startswith(b"\x89PNG")
    else:
        assert b"<svg" in drawn
        assert b"<script" not in drawn
        assert b'href="http' not in drawn
        assert b"<img" not in drawn


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "give a STREAM or --from-db, and not both"),
        (("STREAM", "--from-db"), "give a STREAM or --from-db, and not both"),
        (("--from-db", "--scored", "x"), "--scored is for a stream"),
        (("STREAM", "--plot", "a", "--plot-file", "a.gif"), "must end in .html, .png or .svg"),
        (("STREAM", "--plot", "nobody", "--plot-file", "a.svg"), "no watched series is called"),
    ],
)
def test_a_wrong_use_is_told(stream: Path, arguments: tuple[str, ...], problem: str) -> None:
    result = run(*(stream if word == "STREAM" else word for word in arguments))

    assert result.exit_code in {1, 2}
    assert problem in result.stderr


def test_a_stream_without_news_is_told(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_text("")

    result = run(path)

    assert result.exit_code == 1
    assert "there is no news to test on" in result.stderr
