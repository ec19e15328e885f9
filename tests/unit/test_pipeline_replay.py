"""Recorded files and standard input as a source, and their pace."""

import gzip
import io
import json
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.messages import Limits, NewsItem, Reason
from pipeline.sources.base import Unreadable
from pipeline.sources.replay import Lines, Pace, SourceError

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)


def line(hour: int, title: str = "Bank falls") -> str:
    at = f"2024-03-01T{hour:02d}:00:00Z"
    return json.dumps({"published_at": at, "title": title, "source": "wire"})


def lines(path: Path, until: datetime | None = None) -> Lines:
    return Lines(path, Limits(), until, now=lambda: NOW)


def test_a_file_yields_items_and_what_it_cannot_read_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    path.write_text(f"{line(1)}\n\n{{broken\n{line(2)}")

    first, second, third = lines(path).records()

    assert isinstance(first, NewsItem)
    assert isinstance(third, NewsItem)
    assert isinstance(second, Unreadable)
    assert (second.origin, second.error.reason) == ("news.jsonl:3", Reason.NOT_JSON)


@pytest.mark.parametrize("name", ["news.jsonl.gz", "named-otherwise"])
def test_gzip_is_recognised_by_its_content(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(line(1).encode()))

    assert len(list(lines(path).records())) == 1


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.touch()
    source = lines(path)

    assert list(source.records()) == []
    assert source.lines == 0


def test_items_from_until_on_are_left_out_even_where_the_file_is_not_in_order(
    tmp_path: Path,
) -> None:
    path = tmp_path / "news.jsonl"
    path.write_text("\n".join([line(1), line(5), line(2)]))

    records = list(lines(path, until=NOW.replace(hour=5)).records())

    assert [record.published_at.hour for record in records if isinstance(record, NewsItem)] == [
        1,
        2,
    ]


def test_a_line_without_end_is_read_past_and_not_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    path.write_bytes(b"x" * 20_000_000 + b"\n" + line(1).encode())

    huge, item = lines(path).records()

    assert isinstance(huge, Unreadable)
    assert huge.error.reason is Reason.TOO_LONG
    assert len(huge.raw) < 100_000
    assert isinstance(item, NewsItem)


def test_a_damaged_gzip_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl.gz"
    path.write_bytes(gzip.compress(line(1).encode() * 100)[:-20])

    with pytest.raises(SourceError, match=r"news\.jsonl\.gz"):
        list(lines(path).records())


def test_a_gzip_that_is_damaged_inside_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl.gz"
    packed = gzip.compress(line(1).encode() * 100)
    path.write_bytes(packed[:12] + b"\xff" * 8 + packed[20:])

    with pytest.raises(SourceError, match=r"news\.jsonl\.gz: Error -3"):
        list(lines(path).records())


def test_a_pace_of_sixty_lets_a_minute_of_event_time_pass_in_a_second() -> None:
    clock = iter([100.0, 100.0, 100.25]).__next__
    pace = Pace(60.0, clock)

    waits = [pace.wait_s(NOW), pace.wait_s(NOW + timedelta(minutes=1))]

    assert waits == [0.0, 0.75]


def test_a_stop_ends_the_wait_for_a_quiet_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    stopping = threading.Event()
    with open(reading, "rb") as stdin, open(writing, "wb", buffering=0) as far:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stdin))
        records = Lines(None, Limits(), now=lambda: NOW).records(stopping)
        far.write(f"{line(1)}\n{line(2)}\n".encode())
        first, second = next(records), next(records)
        threading.Timer(0.1, stopping.set).start()

        rest = list(records)

    assert isinstance(first, NewsItem)
    assert isinstance(second, NewsItem)
    assert rest == []


def test_standard_input_is_read_in_pieces_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as stdin, open(writing, "wb", buffering=0) as far:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stdin))
        whole = f"{line(1)}\n{line(2)}".encode()
        far.write(whole[:40])

        def write_the_rest() -> None:
            far.write(whole[40:])
            far.close()

        threading.Timer(0.1, write_the_rest).start()

        records = list(Lines(None, Limits(), now=lambda: NOW).records(threading.Event()))

    assert [isinstance(one, NewsItem) for one in records] == [True, True]


def test_the_greatest_pace_never_waits() -> None:
    pace = Pace(None)

    assert pace.wait_s(NOW) == pace.wait_s(NOW + timedelta(days=1)) == 0.0
