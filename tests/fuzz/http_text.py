r"""Requests and answers as text that mutates well: a first line, headers, a blank line, a body.

What no HTTP server or client would let through is left out here: it never reaches our code.
"""

import re

Headers = list[tuple[bytes, bytes]]

_NAME = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
# The length is that of the body.
_OURS = {b"content-length", b"transfer-encoding"}


def split(content: bytes) -> tuple[bytes, Headers, bytes]:
    """Return the first line, the headers with names in lower case, and the body."""
    head, _, body = content.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    headers = []
    for line in lines:
        name, _, value = (part.strip() for part in line.partition(b":"))
        if _NAME.fullmatch(name) and _VALUE.fullmatch(value) and name.lower() not in _OURS:
            headers.append((name.lower(), value))
    return first, headers, body
