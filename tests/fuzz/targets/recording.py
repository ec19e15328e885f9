"""A recording: JSON lines, plain or packed by gzip."""

import gzip
import json
from datetime import timedelta

from pipeline.messages import NewsItem
from pipeline.sources.replay import Lines, Pace, SourceError
from tests.fuzz.items import LIMITS, NOW, check_item
from tests.fuzz.target import Target, written


def run(content: bytes) -> None:
    """Read a recording to its end, or be told that it cannot be read."""
    path = written("recording", content)
    lines = Lines(path, LIMITS[0], until=NOW + timedelta(minutes=30), now=lambda: NOW)
    pace = Pace(3600.0, clock=lambda: 0.0)
    count = 0
    try:
        for record in lines.records():
            count += 1
            assert 0 <= lines.position <= len(content)
            if isinstance(record, NewsItem):
                assert pace.wait_s(record.published_at) >= 0
                check_item(record, LIMITS[0])
            else:
                assert record.origin.startswith("recording:")
                assert record.raw.strip()
    except SourceError as error:
        assert path.name in str(error)
    assert count <= lines.lines


def _line(**fields: object) -> bytes:
    item = {"published_at": "2024-03-01T10:00:00Z", "title": "Bank falls", "source": "wire"}
    return json.dumps(item | fields).encode() + b"\n"


_PLAIN = _line() + b"\n" + _line(title="") + b"{\n\xff\n" + _line(published_at="2024-03-01T12:40Z")
_PACKED = gzip.compress(_PLAIN * 3, mtime=0)

TARGET = Target(
    run,
    seeds=(
        _PLAIN,
        _PACKED,
        _PACKED + gzip.compress(_line(), mtime=0),
        _PACKED[:-9],
        _PACKED[:40] + bytes(byte ^ 0xFF for byte in _PACKED[40:44]) + _PACKED[44:],
        gzip.compress(_PLAIN, 0, mtime=0),
        b"\x1f\x8b",
        b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\xff\xff",
        b"\r\n\r\r\n",
        b"",
    ),
    words=(b"\x1f\x8b\x08\0", b"\x1f\x8b\x08\x1c", b"\n", b'{"', b'"title":', b"\xef\xbb\xbf"),
)
