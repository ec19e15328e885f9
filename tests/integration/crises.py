"""A small archive in which alerts fire, grow, resolve and fire again."""

import random
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import text

from db.alert_events import alert_events
from db.alert_rows import AlertEventRow
from db.engine import Engine, transaction
from db.items import store_items
from db.rows import EntityRow, ItemRow
from pipeline.rules import Rules, load_rules
from pipeline.stages import detect
from pipeline.stages.accounts import SharedAccounts
from tests.integration.samples import NEGATIVE, NEUTRAL, item

START = datetime(2023, 3, 1, 0, 0, 7, tzinfo=UTC)
END = START + timedelta(days=6)
COMPANIES = tuple(EntityRow(f"x:{name}", name.title()) for name in ("acme", "birch", "cedar"))
# Days after the start, hours it lasts, items an hour.
_CRISES = {"x:acme": ((2.6, 3, 6), (3.1, 9, 9)), "x:birch": ((4.3, 5, 4),)}
RULES = load_rules()


def archive() -> list[ItemRow]:
    """Return the items of six days, by event time: noise on all companies, crises on two."""
    rng = random.Random(7)  # noqa: S311  # a fixture
    rows: list[ItemRow] = []

    def add(company: EntityRow, at: datetime, tone: tuple[float, float, float]) -> None:
        name = f"i{len(rows)}"
        copied = rng.random() < 0.2
        rows.append(
            item(
                name,
                at=at,
                tone=tone,
                source=f"source {rng.randrange(6)}",
                text_hash=f"copied {company.id} {at.date()}" if copied else None,
                entities=(company,),
            )
        )

    for company in COMPANIES:
        at = START
        while at < END:
            add(company, at, NEGATIVE if rng.random() < 0.15 else NEUTRAL)
            at += timedelta(seconds=rng.randrange(60, 6 * 3600))
        for day, hours, rate in _CRISES.get(company.id, ()):
            for _ in range(hours * rate):
                after = timedelta(days=day, seconds=rng.randrange(hours * 3600))
                add(company, START + after, NEGATIVE)
    return sorted(rows, key=lambda row: (row.published_at, row.id))


def store(engine: Engine, rows: list[ItemRow]) -> None:
    """Store the items as a worker does."""
    with transaction(engine) as session:
        store_items(session, rows, [], place=partial(SharedAccounts().place, texts={}))


def evaluate(engine: Engine, until: datetime, rules: Rules = RULES) -> None:
    """Tick as the scheduler does, one transaction after the other, up to a watermark."""
    step: detect.Step | None = None
    while step is None or step.until < until:
        with transaction(engine) as session:
            step = detect.tick(session, watermark=until, rules=rules)
        if step is None:
            return


def said(engine: Engine) -> list[AlertEventRow]:
    """Return what was said about alerts, in the order in which it was said."""
    with transaction(engine) as session:
        return [event for _, event in alert_events(session)]


def forget(engine: Engine) -> None:
    """Remove all alerts and what detection remembers; the items stay."""
    with transaction(engine) as session:
        session.execute(text("TRUNCATE alerts, alert_events, detect_states CASCADE"))
