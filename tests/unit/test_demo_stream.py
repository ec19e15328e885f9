"""The demo's stream: shipped as generated, invented, and with what the demo is to show in it."""

import csv
import gzip
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.entities.gazetteer import Gazetteer
from pipeline.demo import make_stream
from pipeline.demo.services import ENCORE
from pipeline.messages import Limits, parse_item, text_hash

FOLDER = Path(make_stream.__file__).parent
BANK = "quillmere"
BUSY = "lumethra"


@pytest.fixture(scope="module")
def lines() -> list[dict[str, str]]:
    with gzip.open(FOLDER / "stream.jsonl.gz", "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer.load([FOLDER / "companies.csv"])


def ids() -> set[str]:
    with (FOLDER / "companies.csv").open(encoding="utf-8") as file:
        return {row["id"] for row in csv.DictReader(file)}


def text(line: dict[str, str]) -> str:
    return f"{line['title']}\n{line['body']}"


def test_the_shipped_files_are_what_the_script_writes() -> None:
    shipped = gzip.decompress((FOLDER / "stream.jsonl.gz").read_bytes()).decode()

    assert shipped == make_stream.stream_text()
    assert (FOLDER / "companies.csv").read_text(encoding="utf-8") == make_stream.companies_text()


def test_every_line_is_a_news_item_and_they_come_in_order(lines: list[dict[str, str]]) -> None:
    items = [
        parse_item(json.dumps(line).encode(), now=datetime.now(UTC), limits=Limits())
        for line in lines
    ]

    times = [item.published_at for item in items]
    assert times == sorted(times)
    assert times[0] >= make_stream.START
    assert times[-1] < make_stream.START + timedelta(days=make_stream.DAYS)
    assert 2800 <= len(lines) <= 3200
    assert len({line["id"] for line in lines}) == len(lines) - make_stream.REPEATED
    assert {item.language for item in items} == {"en", "zh"}


def test_no_company_of_the_stream_is_in_the_public_lists() -> None:
    public = Gazetteer.load()
    with (FOLDER / "companies.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for name in (row["name"], *row["aliases"].split("|")):
                assert public.find(f"{name} said on Monday") == []


def test_the_texts_name_invented_companies_only(
    lines: list[dict[str, str]], gazetteer: Gazetteer
) -> None:
    found = {entity.id for line in lines for entity in gazetteer.find(text(line))}

    assert found == ids()


def test_the_crisis_has_forty_accounts_in_two_languages_and_many_sources(
    lines: list[dict[str, str]], gazetteer: Gazetteer
) -> None:
    crisis = [
        line
        for line in lines
        if line["published_at"].startswith("2026-03-05")
        and BANK in {entity.id for entity in gazetteer.find(text(line))}
    ]

    assert len({text(line) for line in crisis}) >= 40
    assert {line["language"] for line in crisis} == {"en", "zh"}
    assert len({line["source"] for line in crisis}) >= 12


def test_one_bad_text_is_printed_by_thirty_outlets_word_for_word(
    lines: list[dict[str, str]],
) -> None:
    printed = defaultdict(set)
    for line in lines:
        item = parse_item(json.dumps(line).encode(), now=datetime.now(UTC), limits=Limits())
        if "warns of annual loss" in item.title:
            printed[text_hash(item)].add(item.source)

    assert [len(sources) for sources in printed.values()] == [30]


def test_the_encore_is_of_the_day_after_about_one_company_by_many_outlets(
    lines: list[dict[str, str]], gazetteer: Gazetteer
) -> None:
    encore = [json.loads(line) for line in ENCORE.read_text(encoding="utf-8").splitlines()]
    items = [
        parse_item(json.dumps(line).encode(), now=datetime.now(UTC), limits=Limits())
        for line in encore
    ]

    day_after = make_stream.START + timedelta(days=make_stream.DAYS)
    assert all(day_after <= item.published_at < day_after + timedelta(days=1) for item in items)
    assert max(item.published_at for item in items) - items[0].published_at < timedelta(hours=4)
    assert [{entity.id for entity in gazetteer.find(text(line))} for line in encore] == [
        {"nimbrava"}
    ] * len(encore)
    assert len({item.source for item in items}) >= 4
    assert {item.source for item in items} <= {line["source"] for line in lines}
    assert {item.language for item in items} == {"en", "zh"}
    assert len({item.id for item in items}) == len(items)


def test_the_busy_day_has_hundreds_of_accounts_of_one_company(
    lines: list[dict[str, str]], gazetteer: Gazetteer
) -> None:
    busy = {
        text(line)
        for line in lines
        if line["published_at"].startswith("2026-03-04")
        and BUSY in {entity.id for entity in gazetteer.find(text(line))}
    }

    assert len(busy) >= 300
