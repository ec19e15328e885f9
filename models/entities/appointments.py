"""Tells who is appointed to an office in English: "Target names DeRodes CIO". Pure."""

import re

from models.labels import Span

_TITLE = (
    r"(?:c[efiot]o|chief|(?:vice[ -])?chair(?:man|woman)?|president|boss|head"
    r"|(?:managing |finance )?director|governor)\b"
)
_RANK = r"(?:interim |acting |new |senior |vice |deputy |permanent |executive (?!c))*"
# In the present tense: "Sameer Garde appointed Philips president" is passive.
_NAMES = re.compile(r"\b(?:appoint|name|elect|promote)s?\s+$", re.IGNORECASE)
# "Hires Rockwood CEO" names a company: these count with "as" alone.
_TAKES = re.compile(
    r"\b(?:(?:appoint|elect)(?:s|ed)?|(?:name|promote|hire)[sd]?|(?:tap|pick)s|poache[sd])"
    r"\s+(?:[A-Z][\w.&]*['\u2019]s\s+)?$",
    re.IGNORECASE,
)
_AS = re.compile(
    rf"\s+(?:(?:as|to be)\s+(?:(?:its|the|a|an|their)\s+)?(?:\w+\s+){{0,2}}?{_RANK}{_TITLE}"
    r"|to\s+(?:(?:its|the)\s+)?board\b)",
    re.IGNORECASE,
)
# "Names Rockwood chief executive as CEO", "names Rockwood CEO Seifi Ghasemi": that is a company.
_BARE = re.compile(
    rf"\s+(?i:{_RANK}{_TITLE}(?:\s+(?:executive|officer|president|chairman))?+)"
    rf"(?!\s+[A-Z]|\s+as\b.*(?i:{_TITLE}))"
)
# Longer than what any of them reads.
_NEAR = 120


def is_appointed(text: str, name: Span) -> bool:
    """Whether a text says that somebody appoints whom it names there to an office."""
    start, end = name
    before, after = text[max(0, start - _NEAR) : start], text[end : end + _NEAR]
    if _TAKES.search(before) and _AS.match(after):
        return True
    return _NAMES.search(before) is not None and _BARE.match(after) is not None
