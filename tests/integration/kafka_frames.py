"""The frames of Kafka's protocol that a login needs, from the server's side.

By the protocol's own description (https://kafka.apache.org/protocol): the clients that are tested
have no part in it.
"""

import socket
import struct
from dataclasses import dataclass

SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 17, 18, 36
UNSUPPORTED_SASL_MECHANISM, SASL_AUTHENTICATION_FAILED = 33, 58

_LARGEST = 1_000_000
# SaslAuthenticate from this version on has compact fields, and tags after each structure.
_COMPACT_FROM = 2
_NO_TAGS = b"\x00"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came.

    Attributes:
        frame: All of it, with its length.
        body: What comes after the client's name.
    """

    frame: bytes
    key: int
    version: int
    correlation: int
    body: bytes

    def mechanism(self) -> str:
        """Return what a SaslHandshake asks for."""
        (size,) = struct.unpack_from(">h", self.body)
        return self.body[2 : 2 + size].decode()

    def token(self) -> bytes:
        """Return the mechanism's bytes in a SaslAuthenticate."""
        if self.version < _COMPACT_FROM:
            (size,) = struct.unpack_from(">i", self.body)
            return self.body[4 : 4 + size]
        size, at = _varint(self.body, len(_NO_TAGS))
        return self.body[at : at + size - 1]


def read_request(near: socket.socket) -> Request:
    """Return the next request; raises OSError if the client closes."""
    frame = read_frame(near)
    key, version, correlation, size = struct.unpack_from(">hhih", frame, 4)
    return Request(frame, key, version, correlation, frame[14 + max(size, 0) :])


def read_frame(source: socket.socket) -> bytes:
    """Return the next frame with its length; raises OSError if the other side closes."""
    head = _exactly(source, 4)
    (size,) = struct.unpack(">i", head)
    if not 0 < size <= _LARGEST:
        raise OSError(f"a frame of {size} bytes")
    return head + _exactly(source, size)


def handshake_response(to: Request, error: int, mechanisms: tuple[str, ...]) -> bytes:
    """Return the frame that answers a SaslHandshake (versions 0 and 1 are the same)."""
    body = struct.pack(">ihi", to.correlation, error, len(mechanisms))
    return _framed(body + b"".join(_string(name) for name in mechanisms))


def authenticate_response(to: Request, error: int, text: str | None, token: bytes) -> bytes:
    """Return the frame that answers a SaslAuthenticate; the session has no end."""
    if to.version >= _COMPACT_FROM:
        head = struct.pack(">i", to.correlation) + _NO_TAGS + struct.pack(">h", error)
        said = _compact(text.encode()) if text is not None else b"\x00"
        return _framed(head + said + _compact(token) + struct.pack(">q", 0) + _NO_TAGS)
    said = _string(text) if text is not None else struct.pack(">h", -1)
    body = struct.pack(">ih", to.correlation, error) + said
    body += struct.pack(">i", len(token)) + token
    return _framed(body + (struct.pack(">q", 0) if to.version else b""))


def _framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def _string(text: str) -> bytes:
    return struct.pack(">h", len(text.encode())) + text.encode()


def _compact(content: bytes) -> bytes:
    """Return bytes behind their length and one, as an unsigned varint."""
    size, head = len(content) + 1, b""
    while size > 0x7F:
        head += bytes([size & 0x7F | 0x80])
        size >>= 7
    return head + bytes([size]) + content


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned varint, and where what comes after it begins."""
    number = shift = 0
    while content[at] & 0x80:
        number |= (content[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return number | content[at] << shift, at + 1


def _exactly(source: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        part = source.recv(size - len(got))
        if not part:
            raise OSError("closed")
        got += part
    return got
