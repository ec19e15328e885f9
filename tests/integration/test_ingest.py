import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pytest

from pipeline.feed_jobs import poll_feeds
from pipeline.ingest import Publisher
from pipeline.messages import Limits, NewsItem, text_hash
from pipeline.sources.feeds import FeedSpec
from pipeline.topics import BrokerAway
from tests.integration.proxies import CuttableProxy
from tests.integration.stream import (
    ROOT,
    Stream,
    kafka_environment,
    new_stream,
    news,
    wait_until,
)

pytestmark = pytest.mark.integration

RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>W</title>
<item><guid>1</guid><title>Bank falls</title><pubDate>Fri, 01 Mar 2024 10:00:00 GMT</pubDate></item>
</channel></rss>"""


@pytest.fixture
def stream(bootstrap_servers: str, tmp_path: Path) -> Iterator[Stream]:
    one = new_stream(bootstrap_servers, "postgresql://nobody@/nowhere", tmp_path, uuid4().hex[:8])
    yield one
    one.stop()


def environment_of(stream: Stream) -> dict[str, str]:
    return {**os.environ, **kafka_environment(stream.kafka)}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from pipeline.cli.main import main; main()", *arguments]


def tapewatch(
    stream: Stream, *arguments: str, stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603
        command(*arguments),
        cwd=ROOT,
        env={**environment_of(stream), **environment},
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )


@contextmanager
def started(
    stream: Stream, *arguments: str, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(  # noqa: S603
        command(*arguments),
        cwd=ROOT,
        env={**environment_of(stream), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with process:
        yield process
        process.kill()


def stopped(process: subprocess.Popen[bytes], number: signal.Signals) -> tuple[bytes, float]:
    """Send a signal; return what the process said after it, and the seconds until it ended."""
    assert process.stderr is not None
    began = time.monotonic()
    process.send_signal(number)
    process.wait(20)
    return process.stderr.read(), time.monotonic() - began


def test_a_file_is_published_and_its_bad_lines_are_dead_letters_with_a_count(
    stream: Stream, tmp_path: Path
) -> None:
    path = tmp_path / "news.jsonl.gz"
    lines = [
        news(1),
        b"{broken",
        b'{"published_at": "2024-03-01T00:00:00Z", "source": "a", "title": ""}',
        news(2, "\u0000Bank <b>fails</b>"),
    ]
    path.write_bytes(gzip.compress(b"\n".join(lines)))

    done = tapewatch(stream, "ingest", str(path))

    assert done.returncode == 0
    assert b"2 items published, 2 lines rejected" in done.stderr
    messages = stream.read(stream.kafka.raw_topic)
    items = [NewsItem.model_validate_json(message.value) for message in messages]
    assert {item.title for item in items} == {"Northwind says thing 1", "Bank fails"}
    assert {m.key for m in messages} == {text_hash(item).encode() for item in items}
    letters = stream.read(stream.kafka.dead_letter_topic)
    assert [dict(one.headers)["tapewatch-reason"] for one in letters] == [
        b"not_json",
        b"missing_title",
    ]
    assert dict(letters[0].headers)["tapewatch-origin"] == b"news.jsonl.gz:2"
    assert letters[0].value.strip() == b"{broken"


def test_standard_input_is_read_to_its_end(stream: Stream) -> None:
    done = tapewatch(stream, "ingest", "-", stdin=news(1) + b"\n" + news(2))

    assert done.returncode == 0
    assert len(stream.read(stream.kafka.raw_topic)) == 2


def test_an_empty_file_says_so_and_is_no_failure(stream: Stream, tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.touch()

    done = tapewatch(stream, "ingest", str(path))

    assert done.returncode == 0
    assert b"is empty" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ingest", "nowhere.jsonl"], b"there is no file nowhere.jsonl"),
        (["ingest"], b"nothing to ingest"),
        (["ingest", "--feeds", "nowhere.toml"], b"nowhere.toml"),
        (["replay", "-", "--speed", "fast"], b"--speed"),
    ],
)
def test_wrong_use_is_one_clear_line_and_status_2(
    stream: Stream, arguments: list[str], said: bytes
) -> None:
    done = tapewatch(stream, *arguments)

    assert done.returncode == 2
    assert said in done.stderr
    assert b"Traceback" not in done.stderr


def test_replay_leaves_out_what_comes_after_until(stream: Stream, tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    path.write_bytes(b"\n".join(news(n) for n in range(100)))

    done = tapewatch(stream, "replay", str(path), "--until", "2024-03-01T00:01:00Z")

    assert done.returncode == 0
    assert len(stream.read(stream.kafka.raw_topic)) == 60


def test_replay_at_a_speed_takes_the_time_of_the_news_divided_by_it(
    stream: Stream, tmp_path: Path
) -> None:
    path = tmp_path / "news.jsonl"
    path.write_bytes(b"\n".join(news(n) for n in (0, 100, 200)))
    started = time.monotonic()

    done = tapewatch(stream, "replay", str(path), "--speed", "100")

    assert done.returncode == 0
    assert time.monotonic() - started >= 2.0
    assert len(stream.read(stream.kafka.raw_topic)) == 3


def test_a_broker_that_stays_away_ends_ingest_with_what_to_do(
    stream: Stream, tmp_path: Path
) -> None:
    path = tmp_path / "news.jsonl"
    path.write_bytes(news(1))

    done = tapewatch(
        stream, "ingest", str(path), "--wait", "2", TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:1"
    )

    assert done.returncode == 1
    assert b"no Kafka broker answered at 127.0.0.1:1 for 2 s" in done.stderr
    assert b"TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_quiet_standard_input_does_not_hold_up_a_stop(
    stream: Stream, number: signal.Signals
) -> None:
    with started(stream, "ingest", "-") as process:
        assert process.stdin is not None
        process.stdin.write(news(1) + b"\n" + news(2) + b"\n" + news(3)[:20])
        process.stdin.flush()
        wait_until(lambda: stream.read(stream.kafka.raw_topic))

        said, took_s = stopped(process, number)

    assert process.returncode == 0
    assert b"2 items published, stopped before the end" in said
    assert took_s < 10
    assert len(stream.read(stream.kafka.raw_topic)) == 2
    assert stream.read(stream.kafka.dead_letter_topic) == []


@pytest.mark.parametrize("source", ["file", "feeds"])
def test_a_broker_that_is_away_does_not_hold_up_a_stop(
    stream: Stream, tmp_path: Path, source: str
) -> None:
    (tmp_path / "news.jsonl").write_bytes(news(1))
    (tmp_path / "feeds.toml").write_text('[[feed]]\nurl = "http://127.0.0.1:1/feed"\n')
    of = {"file": ["news.jsonl"], "feeds": ["--feeds", "feeds.toml"]}[source]
    arguments = [str(tmp_path / one) if "." in one else one for one in of]
    nowhere = {"TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1", "TAPEWATCH_LOG_JSON": "true"}
    with started(stream, "ingest", *arguments, **nowhere) as process:
        assert process.stderr is not None
        assert b'"away"' in process.stderr.readline()

        said, took_s = stopped(process, signal.SIGTERM)

    assert process.returncode == 0
    assert b"Traceback" not in said
    assert took_s < 10


def test_a_publisher_waits_for_a_broker_that_comes_late(stream: Stream) -> None:
    host, port = stream.kafka.bootstrap_servers.split(":")
    item = NewsItem.model_validate_json(news(1))
    with CuttableProxy((host, int(port))) as proxy:
        kafka = stream.kafka.model_copy(update={"bootstrap_servers": proxy.address})
        proxy.cut()
        with Publisher(kafka, wait_s=1) as hasty, pytest.raises(BrokerAway):
            hasty.publish_all([item])
        timer = threading.Timer(1.5, proxy.mend)
        timer.start()
        with Publisher(kafka, wait_s=20) as patient:
            patient.publish_all([item])
        timer.join()

    assert len(stream.read(stream.kafka.raw_topic)) == 1


class FeedServer(BaseHTTPRequestHandler):
    """Serves one feed at /good, and an error elsewhere; counts what it answers."""

    answers: list[tuple[str, int]]

    def do_GET(self) -> None:  # http.server names it
        """Answer one request."""
        unchanged = self.headers.get("If-None-Match") == '"1"'
        status = 500 if self.path != "/good" else 304 if unchanged else 200
        self.answers.append((self.path, status))
        self.send_response(status)
        self.send_header("ETag", '"1"')
        self.end_headers()
        if status == 200:
            self.wfile.write(RSS)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_feeds_are_polled_conditionally_and_a_broken_one_stops_no_other(stream: Stream) -> None:
    FeedServer.answers = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), FeedServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    specs = [
        FeedSpec.model_validate({"url": f"{base}/{path}", "source": path, "interval_s": 1})
        for path in ("broken", "good")
    ]
    stopping = threading.Event()
    with Publisher(stream.kafka) as publisher:
        polling = threading.Thread(
            target=poll_feeds,
            args=(specs, publisher),
            kwargs={"limits": Limits(), "stopping": stopping},
        )
        polling.start()
        wait_until(lambda: ("/good", 304) in FeedServer.answers)
        stopping.set()
        polling.join(10)
    server.shutdown()
    server.server_close()

    assert FeedServer.answers.count(("/broken", 500)) >= 2
    (message,) = stream.read(stream.kafka.raw_topic)
    assert json.loads(message.value)["source"] == "good"
