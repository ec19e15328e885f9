"""RSS and Atom feeds: the list of them, and one polite look at one of them. No schedule."""

import calendar
import io
import json
import time
import tomllib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import feedparser
import httpx
from feedparser.encodings import convert_to_utf8
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError

from pipeline.messages import BadItem, Limits, NewsItem, item_from
from pipeline.raw_masking import mask_raw
from pipeline.sources.base import Unreadable
from pipeline.sources.feed_client import ANSWER_WITHIN_S, new_client
from pipeline.text import digest

MAX_RESPONSE_BYTES = 10 * 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS
_ENTITY = b"<!entity"
_MAX_REDIRECTS = 5
_MAX_INTERVAL_S = 31 * 86_400.0
# The last two: it redirects to a host whose name cannot be read, or to a port that is none.
_FAILURES = (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError, OverflowError)


class FeedError(Exception):
    """A feed, or the list of feeds, cannot be read."""


class FeedSpec(BaseModel):
    """One feed of the configuration file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: HttpUrl
    source: str | None = Field(default=None, description="Name in the items; else the host.")
    interval_s: float = Field(default=300.0, ge=1.0, le=_MAX_INTERVAL_S)
    language: str | None = None

    @property
    def name(self) -> str:
        """The source's name in the items."""
        return self.source or (self.url.host or "").removeprefix("www.")


class _FeedFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    feed: tuple[FeedSpec, ...] = Field(min_length=1)


def load_feeds(path: Path) -> tuple[FeedSpec, ...]:
    """Return the feeds that a TOML file lists as ``[[feed]]`` tables.

    Raises FeedError if it cannot be read, or says something unknown.
    """
    try:
        return _FeedFile.model_validate(tomllib.loads(path.read_text("utf-8"))).feed
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FeedError(f"{path}: {where}: {first['msg']}") from error
    except (OSError, ValueError, RecursionError) as error:  # not there, not UTF-8, no TOML
        raise FeedError(f"cannot read {path}: {error}") from error


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a feed brought.

    Attributes:
        records: New since the last look that was confirmed.
    """

    records: tuple[NewsItem | Unreadable, ...]
    etag: str | None
    modified: str | None
    seen: frozenset[str]


@dataclass(slots=True)
class Feed:
    """One feed and what is known of its last answer; nothing outlives the process."""

    spec: FeedSpec
    client: httpx.Client
    limits: Limits
    _last: Look | None = field(default=None, init=False)

    def look(self, *, now: datetime) -> Look | None:
        """Return what is new; None where the server says that nothing is.

        Raises FeedError if it cannot be had, is too large, or is no feed; its text never holds
        the address, which may hold a token.
        """
        headers = {}
        if self._last is not None and self._last.etag:
            headers["If-None-Match"] = self._last.etag
        if self._last is not None and self._last.modified:
            headers["If-Modified-Since"] = self._last.modified
        try:
            return self._fetch(headers, now)
        except _FAILURES as error:
            raise FeedError(type(error).__name__) from error

    def _fetch(self, headers: dict[str, str], now: datetime) -> Look | None:
        url = httpx.URL(str(self.spec.url))
        for _ in range(_MAX_REDIRECTS + 1):
            with self.client.stream("GET", url, headers=headers) as response:
                if response.next_request is None:
                    return self._answer(response, now)
                # Not read: it may be without end. Whether it may be followed the client tells.
                url = response.next_request.url
        raise FeedError("too many redirects")

    def _answer(self, response: httpx.Response, now: datetime) -> Look | None:
        if response.status_code == httpx.codes.NOT_MODIFIED:
            return None
        if not response.is_success:
            raise FeedError(f"HTTP status {response.status_code}")
        return self._read(_bounded(response), response.headers, now)

    def confirm(self, look: Look) -> None:
        """Note that the broker has what ``look`` brought; else the next look brings it again."""
        self._last = look

    def _read(self, content: bytes, headers: httpx.Headers, now: datetime) -> Look:
        parsed = _parsed(content, headers.get("content-type", ""))
        before = self._last.seen if self._last is not None else frozenset()
        entries = {_entry_id(self.spec, entry): entry for entry in parsed.entries}
        records = tuple(
            self._record(key, entry, now) for key, entry in entries.items() if key not in before
        )
        return Look(
            records,
            _sendable(headers, "etag"),
            _sendable(headers, "last-modified"),
            frozenset(entries),
        )

    def _record(self, key: str, entry: Any, now: datetime) -> NewsItem | Unreadable:  # noqa: ANN401  # feedparser has no types
        content = {
            "id": key,
            "published_at": _published_at(entry, now),
            "title": entry.get("title"),
            "body": entry.get("summary") or "",
            "source": self.spec.name,
            "url": entry.get("link"),
            "language": self.spec.language,
        }
        try:
            return item_from(content, now=now, limits=self.limits)
        except BadItem as error:
            raw = json.dumps(content, ensure_ascii=False).encode(errors="replace")
            masked = mask_raw(raw, self.limits.mask)
            return Unreadable(masked, error, f"feed {self.spec.name}")


def _sendable(headers: httpx.Headers, name: str) -> str | None:
    """Return a header that can be sent back; without it a feed is read anew each time."""
    value: str | None = headers.get(name)
    return value if value is not None and value.isascii() else None


@contextmanager
def open_feeds(specs: Sequence[FeedSpec], limits: Limits) -> Iterator[list[Feed]]:
    """Open feeds, each with a client of its own.

    Yields:
        One feed for each spec, in order.
    """
    tls = httpx.create_ssl_context()
    with ExitStack() as stack:
        clients = [stack.enter_context(new_client(spec.url, tls=tls)) for spec in specs]
        yield [Feed(spec, own, limits) for spec, own in zip(specs, clients, strict=True)]


def _bounded(response: httpx.Response) -> bytes:
    """Read the answer, which ends in time and unpacks to no more than it may."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip"}:
        raise FeedError("an answer in an encoding that was not asked for")
    unpacker = None if encoding == "identity" else zlib.decompressobj(_GZIP)
    until = time.monotonic() + ANSWER_WITHIN_S
    content = bytearray()
    for part in response.iter_raw():
        room = MAX_RESPONSE_BYTES + 1 - len(content)
        try:
            content += part if unpacker is None else unpacker.decompress(part, room)
        except zlib.error as error:
            raise FeedError("an answer that cannot be unpacked") from error
        if len(content) > MAX_RESPONSE_BYTES:
            raise FeedError(f"the answer is larger than {MAX_RESPONSE_BYTES} bytes")
        if time.monotonic() > until:
            raise FeedError(f"the answer did not end in {ANSWER_WITHIN_S:.0f} s")
    return bytes(content)


def _parsed(content: bytes, media_type: str) -> Any:  # noqa: ANN401  # feedparser has no types
    told = {"content-type": media_type}
    try:
        declares_entities = _ENTITY in convert_to_utf8(told, content, {}).lower()
        # As a stream: bytes it would first take for the path of a file.
        stream = io.BytesIO(content)
        parsed = None if declares_entities else feedparser.parse(stream, response_headers=told)
    except Exception as error:  # whatever its parsers raise on what is no feed
        raise FeedError(f"no feed: {type(error).__name__}") from error
    if parsed is None:  # no feed needs them: they are a bomb, or a way to files of ours
        raise FeedError("it declares entities")
    if not parsed.entries and (parsed.bozo or not parsed.get("version")):
        raise FeedError(f"no feed: {parsed.get('bozo_exception', 'nothing in it')}")
    return parsed


def _entry_id(spec: FeedSpec, entry: Any) -> str:  # noqa: ANN401  # feedparser has no types
    """Return an id that stays while the feed repeats or corrects the entry."""
    own = entry.get("id") or entry.get("link") or entry.get("title") or ""
    return digest(f"{spec.url}\x1f{own}")


def _published_at(entry: Any, now: datetime) -> str:  # noqa: ANN401  # feedparser has no types
    """Return the entry's own time; an entry without one is as old as our first look at it."""
    # Past feedparser's own lookup, which warns of a name that stands for another.
    own = dict.get(entry, "published_parsed") or dict.get(entry, "updated_parsed")
    try:
        at = now if own is None else datetime.fromtimestamp(calendar.timegm(own), tz=UTC)
    except (ValueError, OverflowError):  # a year that nobody has
        return str(dict.get(entry, "published") or dict.get(entry, "updated"))
    return at.isoformat()
