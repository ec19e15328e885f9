"""Finds the characters that a data set's names stand for. Pure."""

import re
from collections.abc import Iterable, Sequence

from models.labels import Span

_NO_SPACE_BEFORE = re.compile(r"[.,;:!?%)\]}”’]+|'[a-z]{1,2}|n't")
_NO_SPACE_AFTER = frozenset("([{$£€@#“‘")


def find_all(text: str, names: Iterable[str]) -> list[tuple[str, Span]]:
    """Return where names occur in a text, in order; longer names first, none overlapping."""
    taken = bytearray(len(text))
    found: list[tuple[str, Span]] = []
    for name in sorted(set(names), key=lambda name: (-len(name), name)):
        start = text.find(name) if name else -1
        while start >= 0:
            end = start + len(name)
            if not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                found.append((name, (start, end)))
            start = text.find(name, end)
    return sorted(found, key=lambda pair: pair[1])


def joined(
    tokens: Sequence[str], tags: Sequence[str], *, spaces: bool
) -> tuple[str, list[tuple[Span, str]]]:
    """Return the text of IOB2-tagged tokens and the type of each span in it.

    Every other text of words is set as people write it, without the space before a comma, so
    that a model sees both: which ones is decided by the words themselves.
    """
    tight = spaces and sum(map(len, tokens)) % 2 == 0
    text = ""
    marked: list[tuple[Span, str]] = []
    open_type = ""
    for place, (token, tag) in enumerate(zip(tokens, tags, strict=True)):
        apart = spaces and place > 0
        if apart and tight:
            apart = not (_NO_SPACE_BEFORE.fullmatch(token) or text[-1:] in _NO_SPACE_AFTER)
        text += " " * apart
        start = len(text)
        text += token
        if tag.startswith("I-") and tag[2:] == open_type:
            (begun, _), kind = marked[-1]
            marked[-1] = ((begun, len(text)), kind)
        elif tag != "O":
            open_type = tag[2:]
            marked.append(((start, len(text)), open_type))
        if tag == "O":
            open_type = ""
    return text, marked
