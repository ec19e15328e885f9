"""What a worker produces, sized so that the broker takes it. How it is sent: producing.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

if TYPE_CHECKING:
    from pipeline.stages.parse import Rejected

Headers = Sequence[tuple[str, bytes]]

# Key, value and the headers it came with; below max.message.bytes it leaves room for ours.
_MAX_BYTES = 1_900_000
# A key is a hash; one that is longer is part of what is wrong.
_MAX_KEY_BYTES = 100_000
_MAX_DETAIL_BYTES = 10_000
_HEADER_BYTES = 10  # at most what the lengths of a header's name and value take


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message to be produced.

    Attributes:
        stub: Goes instead of it where the broker finds it too large.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    stub: Outbound | None = None


def dead_letter(topic: str, one: Rejected) -> Outbound:
    """Return the message as it came, with why and whence; cut to what a topic takes.

    What is too large loses its own headers first, then the end of its key and of its value.
    """
    message = one.message
    ours = [
        ("tapewatch-reason", one.reason.value.encode()),
        ("tapewatch-detail", one.detail.encode(errors="replace")[:_MAX_DETAIL_BYTES]),
        ("tapewatch-topic", message.topic.encode()),
        ("tapewatch-partition", str(message.partition).encode()),
        ("tapewatch-offset", str(message.offset).encode()),
    ]
    stub = Outbound(
        topic, None, b"", [*ours, *_cut("tapewatch-truncated-from", message.value, b"")]
    )
    key, value, theirs = message.key, message.value, message.headers
    if _size(key) + _size(value) + _headers_size(theirs) > _MAX_BYTES:
        ours += [("tapewatch-dropped-headers", str(len(theirs)).encode())] if theirs else []
        theirs = ()
    if _size(key) + _size(value) > _MAX_BYTES:
        key = None if key is None else key[:_MAX_KEY_BYTES]
        value = None if value is None else value[: _MAX_BYTES - _size(key)]
        ours += _cut("tapewatch-key-truncated-from", message.key, key)
        ours += _cut("tapewatch-truncated-from", message.value, value)
    if key is None and value is None:  # which the client refuses to send
        value = b""
    return Outbound(topic, key, value, [*theirs, *ours], stub)


def is_too_large(error: object) -> bool:
    """Tell whether a message was refused for its size: the same one never gets through."""
    causes = (error, getattr(error, "__cause__", None))  # Faust wraps what its client raises
    return any(
        isinstance(one, MessageSizeTooLargeError | RecordListTooLargeError) for one in causes
    )


def _cut(name: str, whole: bytes | None, kept: bytes | None) -> list[tuple[str, bytes]]:
    """Return the header that says how long a part was, if it was cut."""
    return [] if _size(whole) == _size(kept) else [(name, str(_size(whole)).encode())]


def _size(part: bytes | None) -> int:
    return 0 if part is None else len(part)


def _headers_size(headers: Headers) -> int:
    return sum(len(name.encode()) + len(value) + _HEADER_BYTES for name, value in headers)
