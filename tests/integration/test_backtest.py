"""The backtest against the scheduler's own stage on a real database: the same alerts."""

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db.alert_rows import AlertEventRow
from db.engine import Engine, transaction
from db.rows import ItemRow
from models.entities.gazetteer import Gazetteer
from pipeline.backtest.memory_archive import MemoryArchive, places_in_order
from pipeline.backtest.run import backtest
from pipeline.backtest.scoring import read_recording, score
from pipeline.demo.services import COMPANIES
from pipeline.messages import Limits
from pipeline.rules import Rules, load_rules
from pipeline.stages.accounts import SharedAccounts
from pipeline.stages.archive import StoredArchive
from pipeline.stages.classify import analyse
from pipeline.stages.parse import Message, parse
from pipeline.stages.store import store_batch
from tests.compose import ROOT
from tests.fake_models import FLOORS, KeywordClassifier
from tests.integration.crises import END, RULES, archive, evaluate, said, store
from tests.integration.samples import stories

pytestmark = pytest.mark.integration

_DEMO = ROOT / "pipeline" / "demo" / "stream.jsonl.gz"
_CLASSIFIER = KeywordClassifier(
    bad_words=("crash", "cut", "default", "depositors rush", "fear", "freezes", "loses", "losses")
)
_EVERYTHING = """
[[rules]]
name = "watchlist"
entities = ["name:nobody", "northwind"]
min_negative = 2
window = "2h"

[[rules]]
name = "the rest"
entities = "all"
topics = "all"
market = true
cooldown = "1h"
min_ratio = 1.2
min_z_volume = 1.5
min_z_share = 0.5
warm_up = "1d"
"""


def events(rows: Sequence[ItemRow], rules: Rules) -> list[AlertEventRow]:
    memory = MemoryArchive(rows)
    end = memory.end()
    assert end is not None
    return [change.event for change in backtest(memory, rules, until=end)]


def test_the_backtest_says_what_the_scheduler_said(engine: Engine) -> None:
    rows = archive()
    store(engine, rows)
    evaluate(engine, END)

    changes = backtest(MemoryArchive(rows), RULES, until=END)

    assert len(changes) > 4
    assert [change.event for change in changes] == said(engine)


def test_the_database_gives_the_backtest_that_its_items_give(engine: Engine) -> None:
    store(engine, archive())
    evaluate(engine, END)

    with transaction(engine) as session:
        changes = backtest(StoredArchive(session), RULES, until=END)

    assert [change.event for change in changes] == said(engine)


def test_the_demo_stream_raises_in_a_backtest_what_it_raises_live(
    engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(_EVERYTHING.replace('"northwind"', '"Quillmere Bancorp"'), "utf-8")
    rules = load_rules(file, companies=[COMPANIES])
    finder = Gazetteer.load([COMPANIES])
    recording = read_recording(_DEMO, limits=Limits())
    rows = score(
        recording.items,
        version=_CLASSIFIER.version,
        load=lambda: (_CLASSIFIER, finder),
        floors=FLOORS,
    )

    live = _live(engine, recording.items[-1].published_at, finder, rules)
    tested = events(rows, rules)

    told, begun = stories(engine), places_in_order(rows).stories
    assert told.keys() == begun.keys()
    pairs = {(told[item_id], begun[item_id]) for item_id in told}
    assert len(pairs) == len(set(told.values())) == len(set(begun.values())), "the same stories"
    assert len(pairs) < len(rows) / 2

    kinds = {json.loads(event.body)["data"]["scope"]["kind"] for event in live}
    assert kinds == {"entity", "topic", "market"}
    assert [_told(event) for event in tested] == [_told(event) for event in live]


def _live(engine: Engine, end: datetime, finder: Gazetteer, rules: Rules) -> list[AlertEventRow]:
    """Send the demo stream through the worker's stages, with ticks between the batches."""
    lines = gzip.decompress(_DEMO.read_bytes()).splitlines()
    messages = [Message("news.raw.v1", 0, n, None, line) for n, line in enumerate(lines)]
    accounts = SharedAccounts()
    for first in range(0, len(messages), 200):
        parsed, _ = parse(messages[first : first + 200], now=datetime.now(UTC), limits=Limits())
        analysed, _ = analyse(parsed, classifier=_CLASSIFIER, finder=finder, floors=FLOORS)
        store_batch(engine, analysed, [], accounts)
        evaluate(engine, parsed[-1].item.published_at, rules)
    evaluate(engine, end, rules)
    return said(engine)


def _told(event: AlertEventRow) -> tuple[object, ...]:
    # A company that no list has is called as the batch spells it.
    body = json.loads(event.body)
    body["data"]["scope"].pop("name")
    return event.alert_id, event.revision, event.type, event.at, body
