"""`tapewatch explain` with a tiny model of random weights: what it prints, writes and refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from models.explanation.explainer import Explanation
from models.explanation.words import Token, Word
from models.labels import Sentiment
from pipeline.cli.explain_views import render, write_page
from pipeline.cli.main import app
from tests.fake_models import KeywordClassifier, OneCompanyFinder
from tests.tiny_models import save_model

NEWS = "The bank falls, fraud of Northwind"
ESCAPE = "\x1b[31m"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def models(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEWATCH_MODEL__PATH", str(tiny))
    monkeypatch.setenv("TAPEWATCH_MODEL__DEVICE", "cpu")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr("pipeline.runtime.build_classifier", lambda _: KeywordClassifier())
    monkeypatch.setattr("pipeline.runtime.build_gazetteer", lambda _: OneCompanyFinder())


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["explain", *map(str, arguments)], input=stdin)


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def test_the_words_of_a_text_add_up() -> None:
    found = told(run(NEWS, "--json"))

    assert [word["text"] for word in found["words"]] == [
        "The", "bank", "falls", ",", "fraud", "of", "Northwind",
    ]  # fmt: skip
    total = sum(word["attribution"] for word in found["words"])
    difference = found["score"] - found["baseline"]
    assert abs(total - difference) <= 0.05 * abs(difference)
    assert (found["text"], found["label"], found["towards"]) == (NEWS, "negative", [])
    assert found["completeness_error"] <= 0.05
    assert NEWS[found["words"][1]["start"] : found["words"][1]["end"]] == "bank"


def test_standard_input_is_read_and_another_label_explained() -> None:
    found = told(run("-", "--label", "positive", "--json", stdin="股价暴跌\n"))

    assert (found["text"], found["label"]) == ("股价暴跌", "positive")


@pytest.mark.parametrize("name", ["northwind", "Northwind Bank", "NORTHWIND"])
def test_the_sentiment_towards_a_company_is_explained(name: str) -> None:
    found = told(run(NEWS, "--entity", name, "--json"))

    assert found["towards"] == ["Northwind"]
    assert found["probability"] != told(run(NEWS, "--json"))["probability"]


def test_a_name_that_is_no_known_company_is_taken_as_it_is_written() -> None:
    assert told(run("The BANK, the bank", "--entity", "bank", "--json"))["towards"] == [
        "BANK",
        "bank",
    ]


def test_a_company_that_the_text_does_not_name_is_refused_with_those_that_it_names() -> None:
    result = run(NEWS, "--entity", "Selby")

    assert result.exit_code == 1
    assert result.stderr == (
        "error: the text does not name 'Selby'; it names Northwind Bank (northwind)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        ([], "give a text or --item, and not both", 2),
        ([NEWS, "--item", "7"], "give a text or --item, and not both", 2),
        (["  "], "there are no words to explain in this text", 1),
        ([NEWS, "--html", "nowhere/page.html"], "No such file or directory", 1),
    ],
    ids=["nothing", "both", "no words", "no folder"],
)
def test_what_cannot_be_explained_is_told_in_one_line(
    arguments: list[str], said: str, status: int
) -> None:
    result = run(*arguments)

    assert result.exit_code == status
    assert result.stderr.startswith("error: ")
    assert said in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_the_terminal_shows_the_text_and_its_strongest_words() -> None:
    result = run(NEWS, "--entity", "northwind")

    assert result.exit_code == 0, result.output
    assert "towards Northwind" in result.stdout
    assert NEWS in result.stdout
    assert "The words add up to the difference" in result.stdout


def explanation(text: str, *attributions: float) -> Explanation:
    """Return one of words that are divided by spaces."""
    words = []
    start = 0
    for word, attribution in zip(text.split(" "), attributions, strict=True):
        end = start + len(word)
        words.append(Word(start, end, (Token(start, end, attribution),)))
        start = end + 1
    return Explanation(
        text, Sentiment.NEGATIVE, (), 0.9, 2.2, -1.0, tuple(words), 0.01, 64, 1, "m@1"
    )


def test_words_for_negative_are_red_and_those_against_it_green() -> None:
    console = Console(record=True, width=100, color_system="standard", force_terminal=True)

    console.print(render(explanation("loss narrows today", 2.0, -1.5, 0.01)))

    text = console.export_text(styles=True)
    assert "\x1b[1;7;31mloss\x1b[0m \x1b[1;7;32mnarrows\x1b[0m today" in text


def test_nothing_in_a_text_is_taken_for_markup_or_control_codes() -> None:
    console = Console(record=True, width=100, color_system="standard", force_terminal=True)

    console.print(render(explanation(f"[red]x[/red] {ESCAPE}y", 1.0, 0.0)))

    shown = console.export_text()
    assert "[red]x[/red]" in shown
    assert ESCAPE not in shown


def test_the_page_escapes_the_text_and_asks_the_network_for_nothing(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    text = "<script>alert(1)</script> \"a\"&b 'c'"

    write_page(explanation(text, 2.0, -1.0, 0.5), page)

    written = page.read_text("utf-8")
    assert "<script" not in written
    assert '<mark class="for" style="--weight:1.000" title="+2.00">&lt;script&gt;' in written
    assert '<mark class="against" style="--weight:0.500" title="-1.00">' in written
    assert "light dark" in written
    assert "http" not in written.replace("http-equiv", "")
    assert "src=" not in written


def test_a_page_is_written_beside_what_is_printed(tmp_path: Path) -> None:
    page = tmp_path / "page.html"

    found = told(run(NEWS, "--json", "--html", page))

    assert found["words"]
    assert "Northwind" in page.read_text("utf-8")


def test_a_terminal_is_told_what_takes_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")

    result = run(NEWS, "--json")

    assert json.loads(result.stdout)["label"] == "negative"
    assert "weighing the words" in result.stderr
