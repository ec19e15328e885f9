"""Masks personal data in what came in and is no item, before it becomes a dead letter.

Masking what is still encoded would not do: of a telephone number in JSON's escapes, or in UTF-16,
nothing is to be seen. How texts are masked: masking.py.
"""

import json
from collections.abc import Callable, Collection

from pydantic_core import from_json

from pipeline.masking import Personal, mask
from pipeline.text import clean


def mask_raw(raw: bytes, kinds: Collection[Personal]) -> bytes:
    """Return raw input with personal data of these kinds masked; as it came if there are none.

    JSON is decoded, masked in every text and number, and written anew. Of what cannot be decoded
    nothing is kept but its length: nobody can tell what it holds. No hash either, for that of a
    telephone number is found by trying all of them.
    """
    if not raw or not kinds:
        return raw
    try:
        content = from_json(raw.decode("utf-8-sig"), allow_inf_nan=False)
        masked = json.dumps(
            _each(content, lambda text: _mask_text(text, kinds)), ensure_ascii=False
        )
    except ValueError:  # no UTF-8, no JSON, or a number of thousands of digits
        return f"[masked: {len(raw)} bytes that cannot be read]".encode()
    return masked.encode(errors="replace")


def _each(content: object, masked: Callable[[str], str]) -> object:
    """Return decoded JSON with every text, key and number in it masked."""
    if isinstance(content, dict):
        return {masked(key): _each(value, masked) for key, value in content.items()}
    if isinstance(content, list):
        return [_each(value, masked) for value in content]
    if isinstance(content, str):
        return masked(content)
    if content is None or isinstance(content, bool):
        return content
    written = json.dumps(content)
    return content if (found := masked(written)) == written else found


def _mask_text(text: str, kinds: Collection[Personal]) -> str:
    """Return a text masked; reduced to what is read of it only if markup hid something."""
    found = mask(text, kinds)
    cleaned = clean(found)
    masked = mask(cleaned, kinds)
    return found if masked == cleaned else masked
