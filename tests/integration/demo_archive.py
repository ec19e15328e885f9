"""The demo's stream in a database, read by the shipped model, as if it had come live."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from db.delivery_rows import SubscriptionRow
from db.engine import Engine, transaction
from db.subscriptions import create_subscription
from models.entities.gazetteer import Gazetteer
from models.loading import load_classifier
from pipeline.messages import Limits
from pipeline.rules import load_rules
from pipeline.runtime import build_floors
from pipeline.settings import Settings
from pipeline.sources.base import Unreadable
from pipeline.sources.replay import Lines
from pipeline.stages.accounts import SharedAccounts
from pipeline.stages.classify import analyse
from pipeline.stages.newcomers import Newcomers
from pipeline.stages.parse import Message, Parsed
from pipeline.stages.store import progress_of, store
from tests.compose import ROOT
from tests.integration.crises import evaluate

STREAM = ROOT / "pipeline/demo/stream.jsonl.gz"
COMPANIES = ROOT / "pipeline/demo/companies.csv"
_TOPIC = "news.raw.v1"
_BATCH = 256
# Named, so that the answers of two runs are alike.
_DESK = UUID("00000000-0000-4000-8000-000000000001")


def store_demo(engine: Engine) -> datetime:
    """Store the stream and the alerts it raises; return the newest event time.

    ``stored_at`` is set to the event time, which a live source would come close to: the wall
    clock of a test says nothing about what was known when. One webhook is subscribed; nothing
    is sent to it.
    """
    lines = Lines(STREAM, Limits())
    items = [each for each in lines.records() if not isinstance(each, Unreadable)]
    classifier, finder = load_classifier("shipped"), Gazetteer.load((Path(COMPANIES),))
    newest = max(item.published_at for item in items)
    with transaction(engine) as session:
        create_subscription(
            session, SubscriptionRow(_DESK, "https://desk.example/", b"", "risk desk", (), (), ())
        )
    parsed = [
        Parsed(Message(_TOPIC, 0, offset, None, item.to_bytes()), item)
        for offset, item in enumerate(items)
    ]
    accounts = SharedAccounts()
    for start in range(0, len(parsed), _BATCH):
        batch = parsed[start : start + _BATCH]
        analysed, broken = analyse(
            batch, classifier=classifier, finder=finder, floors=build_floors(Settings())
        )
        assert not broken
        store(
            engine,
            analysed,
            progress_of([one.message for one in batch], batch),
            accounts,
            Newcomers(),
        )
    evaluate(engine, newest, load_rules(companies=(Path(COMPANIES),)))
    with engine.begin() as connection:
        connection.execute(text("UPDATE items SET stored_at = published_at"))
        connection.execute(text("UPDATE alert_events SET stored_at = at"))
    return newest.astimezone(UTC)
