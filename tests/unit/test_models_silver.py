"""Silver labels: which readings of news are believed, and what comes of them."""

import gzip
import importlib.util
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.entities.gazetteer import Gazetteer
from models.training.casing import Casing, is_shouted, is_titled, titled
from models.training.examples import read_rows
from models.training.silver import consistent, read_texts, silver_rows, tagged
from models.training.silver_names import Name
from pipeline.cli.main import app

KNOWN = {"Jane Roe": "PER", "Northfield Foundry": "ORG", "Norway": "LOC", "Reef Partners": "ORG"}
SENTENCES = [
    "The chief of Northfield Foundry says that sales rise",
    "Police in Norway look into the sales of a foundry",
]


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer.load()


def reader(
    known: dict[str, str] = KNOWN,
) -> Callable[[Sequence[str]], Iterator[list[Name]]]:
    """A reader that knows some names by heart."""

    def read(texts: Sequence[str]) -> Iterator[list[Name]]:
        for text in texts:
            yield sorted(
                Name(text.index(word), text.index(word) + len(word), kind)
                for word, kind in known.items()
                if word in text
            )

    return read


def label(
    texts: Sequence[str], gazetteer: Gazetteer, known: dict[str, str] = KNOWN
) -> list[list[tuple[str, str]]]:
    """The names of the texts that were kept."""
    rows = silver_rows(texts, reader(known), Casing(SENTENCES), gazetteer, limit=len(texts))
    found = []
    for row in rows:
        [example] = read_rows([row], "ner")
        assert example.names is not None
        spans = [name.span for name in example.names]
        first = [tag[2:] for tag in row["tags"] if tag.startswith("B-")]
        pairs = zip(spans, first, strict=True)
        found.append([(example.text[start:end], kind) for (start, end), kind in pairs])
    return found


def test_names_on_which_all_readings_agree_become_tags(gazetteer: Gazetteer) -> None:
    [names] = label(["Jane Roe of Reef Partners went to Norway for a week"], gazetteer)

    assert names == [("Jane Roe", "PER"), ("Reef Partners", "ORG"), ("Norway", "LOC")]


def test_a_text_whose_readings_disagree_is_left_out(gazetteer: Gazetteer) -> None:
    # Written small, the last word is not part of a name any more.
    known = {"Reef Partners Sales": "ORG", "Reef Partners": "ORG"}
    both = ["Reef Partners Sales", "Reef Partners"]

    def read(texts: Sequence[str]) -> Iterator[list[Name]]:
        for text in texts:
            word = next(word for word in both if word in text)
            start = text.index(word)
            yield [Name(start, start + len(word), known[word])]

    casing = Casing(SENTENCES)
    assert not list(silver_rows(["Reef Partners Sales Rise"], read, casing, gazetteer, limit=1))


def test_a_company_that_the_pipeline_misses_or_misreads_is_an_organisation(
    gazetteer: Gazetteer,
) -> None:
    missed = label(["Shares of Microsoft rise for a week"], gazetteer, {})
    misread = label(["Shares of Microsoft rise for a week"], gazetteer, {"Microsoft": "PER"})

    assert missed == misread == [[("Microsoft", "ORG")]]


def test_a_name_loses_its_article_and_its_genitive(gazetteer: Gazetteer) -> None:
    known = {"the Northfield Foundry's": "ORG"}

    [names] = label(["Sales of the Northfield Foundry's mill rise"], gazetteer, known)

    assert names == [("Northfield Foundry", "ORG")]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("SALES OF NORTHFIELD FOUNDRY RISE", {}),
        ("Nobody knows what $QXZJW makes and why it rises", {}),
        ("People look at sales and Police", {"Police": "ORG"}),
        ("A look at bbbb and other things", {"bbbb": "ORG"}),
    ],
    ids=["in capitals", "an unknown symbol", "a common word", "a name without a capital"],
)
def test_doubtful_texts_are_left_out(
    text: str, known: dict[str, str], gazetteer: Gazetteer
) -> None:
    casing = Casing([*SENTENCES, "They say that the police and the police again"])

    assert not list(silver_rows([text], reader(known), casing, gazetteer, limit=1))


def test_what_is_no_name_is_not_tagged(gazetteer: Gazetteer) -> None:
    assert label(["The Nasdaq falls for a week"], gazetteer, {"Nasdaq": "ORG"}) == [[]]


def test_no_more_rows_are_kept_than_wanted(gazetteer: Gazetteer) -> None:
    texts = [f"Sales rise in week {week}" for week in range(20)]

    assert len(list(silver_rows(texts, reader(), Casing(texts), gazetteer, limit=7))) == 7


def test_a_third_of_the_sentences_is_written_in_title_case(gazetteer: Gazetteer) -> None:
    texts = [f"Sales at Northfield Foundry rise in week {week}" for week in range(90)]

    rows = list(silver_rows(texts, reader(), Casing(texts), gazetteer, limit=90))

    shares = sum("Rise" in row["tokens"] for row in rows) / len(rows)
    assert 0.2 < shares < 0.47
    assert all(row["tags"].count("I-ORG") == 1 for row in rows)


def test_a_text_is_cut_into_words_at_the_bounds_of_its_names() -> None:
    text = "The U.S. and Reef-backed firms don't sell Roe's"

    tokens, tags = tagged(text, [Name(4, 8, "LOC"), Name(13, 17, "ORG"), Name(42, 45, "PER")])

    assert " ".join(tokens) == "The U.S. and Reef - backed firms don't sell Roe 's"
    assert [t for t in tags if t != "O"] == ["B-LOC", "B-ORG", "B-PER"]


def test_rows_that_read_a_name_otherwise_than_most_are_left_out() -> None:
    def row(*pairs: tuple[str, str]) -> dict[str, object]:
        tokens, tags = zip(*pairs, strict=True)
        return {"tokens": list(tokens), "tags": list(tags), "language": "en"}

    usual = [row(("Reef", "B-ORG"), ("rises", "O")) for _ in range(4)]
    person, unseen = row(("Reef", "B-PER")), row(("Reef", "O"), ("rises", "O"))

    assert consistent([*usual, person, unseen], Casing(SENTENCES)) == usual


def test_title_case_and_capitals_are_told_from_sentences() -> None:
    assert is_titled("Sales of Steel Rise as Banks Lend")
    assert not is_titled("Sales of steel rise as banks in Norway lend")
    assert is_shouted("SALES OF STEEL RISE")
    assert not is_shouted("$REEF $MILL sales of steel rise")
    assert titled("sales of steel rise") == "Sales of Steel Rise"


def test_texts_are_read_once_without_links(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl.gz"
    texts = ["A &amp; B rise  https://t.co/x", "A & B rise", "C falls"]
    rows = [{"text": text, "category": "business"} for text in texts]
    rows += [{"text": "A film", "category": "entertainment"}, {"text": "D"}]
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)

    assert read_texts(path, "business") == ["A & B rise", "C falls", "D"]


def test_a_line_without_a_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a"}\n{"title": "b"}\n', encoding="utf-8")

    with pytest.raises(ValueError, match=r"t\.jsonl:2: not a JSON line with a text"):
        read_texts(path, None)


def test_without_spacy_the_command_says_what_to_install(tmp_path: Path) -> None:
    if importlib.util.find_spec("spacy"):
        pytest.skip("spaCy is installed")
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a"}\n', encoding="utf-8")

    result = CliRunner().invoke(app, ["label-silver", str(path), "-o", str(tmp_path / "o.jsonl")])

    assert result.exit_code == 1
    assert "pip install -e '.[silver]'" in result.stderr
    assert not (tmp_path / "o.jsonl").exists()


def test_as_many_limits_as_files_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a"}\n', encoding="utf-8")
    limits = ["--limit", "1", "--limit", "2"]

    result = CliRunner().invoke(app, ["label-silver", str(path), "-o", "o.jsonl", *limits])

    assert result.exit_code == 2
    assert "2 limits for 1 files" in result.stderr
