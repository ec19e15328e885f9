"""Looks at everything that the services need, once, and says what to do about what is wrong.

Readiness (web/readiness.py) is for machines and asks less; this is for whoever sets it up.
"""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from db.clock import database_time
from db.engine import DatabaseAway, Engine, transaction
from models.version import SHIPPED, FilesChanged, check_sums, resolve
from pipeline.backoff import brief
from pipeline.offsets import OffsetReader
from pipeline.runtime import build_limits, opened_engine
from pipeline.schema import NotMigrated, Schema
from pipeline.settings import Settings
from pipeline.sources.feeds import Feed, FeedError, load_feeds, open_feeds
from pipeline.topics import BrokerAway, BrokerRefused
from pipeline.web.model_files import ModelFilesMissing, check_model_files

# Signatures are refused by receivers at five minutes; leases and retries live by it as well.
MAX_CLOCK_ERROR = timedelta(seconds=30)
MIN_FREE_BYTES = 1_000_000_000
_FEEDS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer.

    Attributes:
        name: What was looked at.
        ok: Whether the services can work with it.
        detail: What was found; never a secret, or an address that may hold one.
        advice: What to do; empty where all is well.
    """

    name: str
    ok: bool
    detail: str
    advice: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Return what was found of each part, in a fixed order; blocks for seconds.

    Args:
        settings: All of them.
    """
    with opened_engine(settings) as engine:
        database = _database(engine)
        return [
            _broker(settings),
            database,
            _migrations(settings) if database.ok else _unknown("migrations"),
            _model(settings.model.path),
            _feeds(settings),
            _clock(engine) if database.ok else _unknown("clock"),
            _disk(settings.worker.state_dir),
        ]


def _broker(settings: Settings) -> Finding:
    kafka = settings.kafka
    topics = (kafka.raw_topic, kafka.scored_topic, kafka.dead_letter_topic)
    try:
        with OffsetReader(kafka) as reader:
            found = {topic: len(reader.end_offsets(topic)) for topic in topics}
    except BrokerRefused as error:
        return Finding("broker", False, str(error), "correct that setting, see docs/settings.md")
    except BrokerAway as error:
        advice = "start the Kafka broker, or set TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS to where it is"
        return Finding("broker", False, f"cannot be used: {brief(error)}", advice)
    if missing := [topic for topic, partitions in found.items() if not partitions]:
        return Finding("broker", False, f"has no topic {missing[0]}", "run `tapewatch migrate`")
    return Finding("broker", True, f"answers; {found[kafka.raw_topic]} partitions of news")


def _database(engine: Engine) -> Finding:
    try:
        with transaction(engine) as session:
            database_time(session)
    except DatabaseAway as error:
        advice = "start PostgreSQL, or set TAPEWATCH_DATABASE__URL to where it is"
        return Finding("database", False, f"cannot be used: {brief(error)}", advice)
    return Finding("database", True, "answers")


def _migrations(settings: Settings) -> Finding:
    try:
        Schema(settings.database.url.get_secret_value()).require()
    except (DatabaseAway, NotMigrated) as error:
        return Finding("migrations", False, brief(error), "run `tapewatch migrate`")
    return Finding("migrations", True, "at head")


def _model(path: str) -> Finding:
    advice = "install tapewatch anew" if path == "shipped" else "set TAPEWATCH_MODEL__PATH anew"
    folder = Path(resolve(path))
    try:
        detail = check_model_files(path)
        if folder == SHIPPED or folder.is_dir():
            check_sums(folder)
    except (ModelFilesMissing, FilesChanged, OSError) as error:
        return Finding("model", False, brief(error), advice)
    return Finding("model", True, detail)


def _feeds(settings: Settings) -> Finding:
    path = settings.ingest.feeds
    if path is None:
        return Finding("feeds", True, "none are listed")
    try:
        specs = load_feeds(path)
    except FeedError as error:
        return Finding("feeds", False, brief(error), "correct the file, see docs/settings.md")
    opened = open_feeds(specs, build_limits(settings))
    with opened as feeds, ThreadPoolExecutor(_FEEDS_AT_ONCE) as pool:
        problems = [problem for problem in pool.map(_look, feeds) if problem]
    if problems:
        detail = f"{len(problems)} of {len(specs)} fail: {'; '.join(problems)}"
        return Finding("feeds", False, detail, "try their addresses from this machine")
    return Finding("feeds", True, f"all {len(specs)} answer")


def _look(feed: Feed) -> str | None:
    try:
        feed.look(now=datetime.now(UTC))
    except FeedError as error:
        return f"{feed.spec.name}: {error}"
    return None


def _clock(engine: Engine) -> Finding:
    try:
        with transaction(engine) as session:
            off = datetime.now(UTC) - database_time(session)
    except DatabaseAway as error:
        return Finding("clock", False, brief(error), "see database")
    detail = f"{abs(off.total_seconds()):.1f} s from the database's"
    if abs(off) > MAX_CLOCK_ERROR:
        return Finding("clock", False, detail, "let both machines keep time by NTP")
    return Finding("clock", True, detail)


def _disk(state_dir: Path) -> Finding:
    """Look at the disk of the worker's folder, or of the nearest one above it that exists."""
    folder = next(f for f in (state_dir.absolute(), *state_dir.absolute().parents) if f.exists())
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free in {folder}"
    if free < MIN_FREE_BYTES:
        return Finding("disk", False, detail, "make room, or set TAPEWATCH_WORKER__STATE_DIR")
    return Finding("disk", True, detail)


def _unknown(name: str) -> Finding:
    return Finding(name, False, "not known", "see database")
