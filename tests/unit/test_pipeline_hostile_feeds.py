"""What a feed's server may answer to do harm, and what comes of it."""

import gzip
import tracemalloc
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.messages import Limits, NewsItem
from pipeline.sources import feeds
from pipeline.sources.feed_client import new_client
from pipeline.sources.feeds import MAX_RESPONSE_BYTES, Feed, FeedError, FeedSpec
from tests.unit.streamed import Parts, Server, streamed

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
MB = 1_000_000
ENTRY = "<item><guid>{guid}</guid><title>{title}</title><pubDate>{date}</pubDate></item>"
DATE = "Fri, 01 Mar 2024 10:00:00 GMT"


class Endless(httpx.SyncByteStream):
    """A body without end; counts what was read of it."""

    def __init__(self, part: bytes) -> None:
        self.part = part
        self.read_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.read_bytes += len(self.part)
            yield self.part


def feed(server: Server) -> Feed:
    spec = FeedSpec.model_validate({"url": "https://wire.example/rss"})
    client = new_client(spec.url)
    client._transport = streamed(server)  # all else as it is in use
    return Feed(spec, client, Limits())


def look(response: httpx.Response) -> feeds.Look:
    found = feed(lambda _: response).look(now=NOW)
    assert found is not None
    return found


def rss(*entries: str, head: str = "") -> str:
    return (
        f'<?xml version="1.0"?>{head}<rss version="2.0"><channel>{"".join(entries)}</channel></rss>'
    )


def test_a_feed_of_100_megabytes_is_refused_before_it_is_in_memory() -> None:
    body = Endless(b"<item/>" * 10_000)

    with pytest.raises(FeedError, match="larger"):
        look(httpx.Response(200, stream=body))

    assert body.read_bytes < MAX_RESPONSE_BYTES + 2 * MB


def test_a_gzip_bomb_is_refused_with_no_more_in_memory_than_a_feed_may_have() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b"\0" * MB) for _ in range(200)) + packer.flush()
    assert len(bomb) < MB

    tracemalloc.start()
    with pytest.raises(FeedError, match="larger"):
        look(httpx.Response(200, stream=Parts(bomb), headers={"content-encoding": "gzip"}))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 5 * MAX_RESPONSE_BYTES


def test_a_bomb_in_a_bomb_is_refused_unread() -> None:
    body = Endless(b"x")

    with pytest.raises(FeedError, match="not asked for"):
        look(httpx.Response(200, stream=body, headers={"content-encoding": "gzip, gzip"}))

    assert body.read_bytes == 0


def test_a_feed_that_drips_for_ever_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = iter(range(0, 10_000, 5))
    monkeypatch.setattr("pipeline.sources.feeds.time.monotonic", lambda: float(next(passed)))
    body = Endless(b" ")

    with pytest.raises(FeedError, match="did not end"):
        look(httpx.Response(200, stream=body))

    assert body.read_bytes < 20


def test_a_compressed_feed_is_read() -> None:
    content = gzip.compress(rss(ENTRY.format(guid=1, title="Bank falls", date=DATE)).encode())

    found = look(httpx.Response(200, stream=Parts(content), headers={"content-encoding": "gzip"}))

    assert [record.title for record in found.records if isinstance(record, NewsItem)] == [
        "Bank falls"
    ]


def test_a_compressed_feed_that_is_damaged_is_a_feed_error() -> None:
    with pytest.raises(FeedError, match="unpacked"):
        look(httpx.Response(200, stream=Parts(b"nothing"), headers={"content-encoding": "gzip"}))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-7", "cp037"])
def test_billion_laughs_are_refused_in_any_encoding(encoding: str) -> None:
    entities = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)
    )
    text = rss(ENTRY.format(guid=1, title="&a9;", date=DATE), head=f"<!DOCTYPE rss [{entities}]>")
    declared = text.replace("?>", f' encoding="{encoding}"?>', 1)

    with pytest.raises(FeedError):
        look(httpx.Response(200, content=declared.encode(encoding)))


def test_an_external_entity_is_refused() -> None:
    head = '<!DOCTYPE rss [<!ENTITY file SYSTEM "file:///etc/passwd">]>'
    text = rss(ENTRY.format(guid=1, title="x &file; y", date=DATE), head=head)

    with pytest.raises(FeedError, match="declares entities"):
        look(httpx.Response(200, text=text))


def test_a_feed_that_is_nested_without_measure_is_a_feed_error_or_empty() -> None:
    try:
        found = look(httpx.Response(200, text=rss("<item>" * 20_000))).records
    except FeedError:
        found = ()

    assert not any(isinstance(one, NewsItem) for one in found)


@pytest.mark.parametrize("date", ["Fri, 01 Mar 99999 10:00:00 GMT", "99999-01-01T00:00:00Z", "x"])
def test_an_entry_of_an_impossible_date_stops_no_other(date: str) -> None:
    bad, good = (ENTRY.format(guid=d, title="Bank falls", date=d) for d in (date, DATE))

    found = look(httpx.Response(200, text=rss(bad, good))).records

    assert len(found) == 2
    assert [one.published_at for one in found if isinstance(one, NewsItem)][-1] == datetime(
        2024, 3, 1, 10, tzinfo=UTC
    )


def test_a_redirect_is_followed_without_reading_what_comes_with_it() -> None:
    body = Endless(b"x")

    def server(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/rss":
            return httpx.Response(301, headers={"location": "/new"}, stream=body)
        return httpx.Response(200, text=rss(ENTRY.format(guid=1, title="a", date=DATE)))

    found = feed(server).look(now=NOW)

    assert found is not None
    assert len(found.records) == 1
    assert body.read_bytes == 0


def test_a_cookie_is_sent_back_to_no_feed() -> None:
    asked: list[httpx.Headers] = []

    def server(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers)
        entry = ENTRY.format(guid=1, title="a", date=DATE)
        return httpx.Response(200, text=rss(entry), headers={"set-cookie": "reader=1; Path=/"})

    watched = feed(server)
    watched.look(now=NOW)
    watched.look(now=NOW)

    assert len(asked) == 2
    assert not any("cookie" in headers for headers in asked)


@pytest.mark.parametrize(
    "where", ["https://xn--a/", "https://xn--xn--a/", f"https://127.0.0.1:{'5' * 30}/"]
)
def test_a_redirect_to_a_name_that_cannot_be_read_is_a_feed_error(where: str) -> None:
    with pytest.raises(FeedError):
        feed(lambda _: httpx.Response(302, headers={"location": where})).look(now=NOW)


@pytest.mark.parametrize("name", ["etag", "last-modified"])
def test_a_mark_that_no_header_can_hold_is_not_sent_back(name: str) -> None:
    asked: list[httpx.Headers] = []

    def server(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers)
        text = rss(ENTRY.format(guid=1, title="a", date=DATE))
        return httpx.Response(200, text=text, headers=[(name.encode(), b"\xe9")])

    one = feed(server)
    first = one.look(now=NOW)
    assert first is not None
    one.confirm(first)
    again = one.look(now=NOW)

    assert again is not None
    assert again.records == ()
    assert not {"if-none-match", "if-modified-since"} & set(asked[1])


def test_a_circle_of_redirects_ends() -> None:
    with pytest.raises(FeedError, match="too many redirects"):
        feed(lambda _: httpx.Response(302, headers={"location": "/rss"})).look(now=NOW)


_PIECES = st.sampled_from(
    [
        "<item>",
        "</item>",
        "<title>",
        "</title>",
        "<guid>",
        "<pubDate>",
        "<![CDATA[",
        "]]>",
        "&#0;",
        "&amp;lt;script&gt;",
        "<link>javascript:x</link>",
        "\u202e",
        "<!--",
        "<?php",
        "&a;",
        DATE,
    ]
)


@given(st.lists(st.one_of(_PIECES, st.text(max_size=20)), max_size=30))
@settings(max_examples=60, deadline=None)
def test_any_feed_is_items_rejects_or_a_feed_error(pieces: list[str]) -> None:
    content = rss(*pieces).encode("utf-8", "replace")
    try:
        found = look(httpx.Response(200, content=content))
    except FeedError:
        return
    assert all(one.title for one in found.records if isinstance(one, NewsItem))


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_bytes_of_a_feed_are_items_rejects_or_a_feed_error(content: bytes) -> None:
    try:
        look(httpx.Response(200, content=content))
    except FeedError:
        return


def test_an_answer_that_is_a_path_opens_no_file(tmp_path: Path) -> None:
    own = tmp_path / "own.xml"
    own.write_text(rss(ENTRY.format(guid=1, title="A file of ours", date=DATE)), encoding="utf-8")

    with pytest.raises(FeedError, match="no feed"):
        look(httpx.Response(200, text=str(own)))
