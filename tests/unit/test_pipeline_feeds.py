"""RSS and Atom feeds as a source: what a look brings, and what is an error."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from pipeline.masking import Personal
from pipeline.messages import Limits, NewsItem, Reason
from pipeline.sources.base import Unreadable
from pipeline.sources.feeds import MAX_RESPONSE_BYTES, Feed, FeedError, FeedSpec, load_feeds
from tests.unit.streamed import streamed

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Wire</title>
<item><guid>1</guid><title>Bank &lt;b&gt;falls&lt;/b&gt;</title><link>https://wire.example/1</link>
<description>&lt;p&gt;Down 6 %&lt;/p&gt;</description>
<pubDate>Fri, 01 Mar 2024 10:00:00 GMT</pubDate></item>
<item><guid>2</guid><title></title><pubDate>Fri, 01 Mar 2024 10:00:00 GMT</pubDate></item>
</channel></rss>"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>W</title>
<entry><id>a</id><title>Bank rises</title><updated>2024-03-01T09:00:00+01:00</updated>
<link href="https://wire.example/a"/><summary>Up</summary></entry></feed>"""


def feed(
    handler: Callable[[httpx.Request], httpx.Response],
    *,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    **changes: object,
) -> Feed:
    spec = FeedSpec.model_validate({"url": "https://www.wire.example/rss", **changes})
    return Feed(spec, httpx.Client(transport=streamed(handler)), limits)


def test_a_feed_yields_cleaned_items_and_its_unreadable_entries() -> None:
    look = feed(lambda _: httpx.Response(200, text=RSS)).look(now=NOW)

    assert look is not None
    item, bad = look.records
    assert isinstance(item, NewsItem)
    assert (item.title, item.body, item.source) == ("Bank falls", "Down 6 %", "wire.example")
    assert item.published_at == NOW.replace(hour=10)
    assert isinstance(bad, Unreadable)
    assert bad.error.reason is Reason.MISSING_TITLE


def test_an_entry_that_is_no_item_is_masked() -> None:
    entry = RSS.replace("<guid>2</guid>", "<guid>2</guid><description>Mail a@b.com</description>")
    limits = Limits(mask=(Personal.EMAIL,))

    look = feed(lambda _: httpx.Response(200, text=entry), limits=limits).look(now=NOW)

    assert look is not None
    [bad] = [record for record in look.records if isinstance(record, Unreadable)]
    assert json.loads(bad.raw)["body"] == "Mail [email]"


def test_atom_is_read_as_well() -> None:
    look = feed(lambda _: httpx.Response(200, text=ATOM), source="W").look(now=NOW)

    assert look is not None
    (item,) = look.records
    assert isinstance(item, NewsItem)
    assert (item.source, item.published_at) == ("W", NOW.replace(hour=8))


def test_a_confirmed_look_is_asked_about_conditionally() -> None:
    asked: list[httpx.Headers] = []

    def server(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers)
        if "if-none-match" in request.headers:
            return httpx.Response(304)
        return httpx.Response(200, text=RSS, headers={"etag": '"1"', "last-modified": "Fri"})

    one = feed(server)
    first = one.look(now=NOW)
    assert first is not None
    one.confirm(first)

    assert one.look(now=NOW) is None
    assert asked[1]["if-none-match"] == '"1"'
    assert asked[1]["if-modified-since"] == "Fri"


def test_a_look_that_was_not_confirmed_comes_again() -> None:
    one = feed(lambda _: httpx.Response(200, text=RSS))

    first, second = one.look(now=NOW), one.look(now=NOW)

    assert first is not None
    assert second is not None
    assert first.records[0] == second.records[0]
    assert len(first.records) == len(second.records)


def test_a_server_that_ignores_conditions_brings_only_new_entries() -> None:
    one = feed(lambda _: httpx.Response(200, text=RSS))
    first = one.look(now=NOW)
    assert first is not None
    one.confirm(first)

    again = one.look(now=NOW)

    assert again is not None
    assert again.records == ()


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(500),
        httpx.Response(404),
        httpx.Response(200, text="<html><body>Not here</body></html>"),
        httpx.Response(200, text=""),
        httpx.Response(200, content=b"x" * (MAX_RESPONSE_BYTES + 1)),
    ],
)
def test_a_broken_feed_is_a_feed_error(response: httpx.Response) -> None:
    with pytest.raises(FeedError):
        feed(lambda _: response).look(now=NOW)


@pytest.mark.parametrize("status", [301, 401, 404, 500])
def test_no_error_of_a_feed_holds_its_address(status: int) -> None:
    one = feed(
        lambda _: httpx.Response(status), url="https://me:pa55@www.wire.example/t0ken?key=s3cret"
    )

    with pytest.raises(FeedError) as failure:
        one.look(now=NOW)

    assert str(failure.value) == f"HTTP status {status}"


def test_an_unreadable_entry_is_traced_to_the_name_of_its_feed_not_to_its_address() -> None:
    look = feed(lambda _: httpx.Response(200, text=RSS), url="https://wire.example/t0ken").look(
        now=NOW
    )

    assert look is not None
    (bad,) = (one for one in look.records if isinstance(one, Unreadable))
    assert bad.origin == "feed wire.example"


def test_a_server_that_cannot_be_reached_is_a_feed_error() -> None:
    def server(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout(f"{request.url} is too slow", request=request)

    with pytest.raises(FeedError, match=r"^ConnectTimeout$"):
        feed(server).look(now=NOW)


def test_a_feeds_file_lists_feeds(tmp_path: Path) -> None:
    path = tmp_path / "feeds.toml"
    path.write_text(
        '[[feed]]\nurl = "https://www.a.example/rss"\n[[feed]]\nurl = "https://b.example"\n'
        'source = "B"\ninterval_s = 60\nlanguage = "zh"\n'
    )

    first, second = load_feeds(path)

    assert (first.name, first.interval_s) == ("a.example", 300.0)
    assert (second.name, second.interval_s, second.language) == ("B", 60.0, "zh")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[[feed]]\nurl = 'not a url'",
        "[[feed]]\nurl='https://a.example'\ntypo=1",
        "[[feed",
        "feed=1",
        f"feed={'1' * 5_000}",
        f"feed={'[' * 5_000}",
        "[[feed]]\nurl='https://a.example'\ninterval_s=inf",
        "[[feed]]\nurl='https://a.example'\ninterval_s=1e300",
    ],
)
def test_a_wrong_feeds_file_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "feeds.toml"
    path.write_text(text)

    with pytest.raises(FeedError, match=r"feeds\.toml"):
        load_feeds(path)


def test_a_missing_feeds_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"nowhere\.toml"):
        load_feeds(tmp_path / "nowhere.toml")
