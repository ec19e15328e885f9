"""Group accounts into stories by their titles: a first version, on shared words alone.

Exact copies are found elsewhere, by the hash of their text.
"""

import re
from collections.abc import Sequence

_WORD = re.compile(r"[^\W_]+")
_HAN = re.compile(r"[\u3400-\u9fff]+")
# Words that two unrelated headlines share.
_STOP = frozenset(
    re.findall(
        r"\w+",
        "a after amid an and are as at be been but by can could for from has have he her his how if"
        " in into is it its more new not of on or our over s say says she so t than that the their"
        " they this to up us was we were what when which who why will with would you your",
    )
)
# Half of the shorter title: re-tellings of one event share their names and the verb.
_MIN_OVERLAP = 0.5
# Fewer shared words are a company's name and nothing more.
_MIN_SHARED = 3


def group_stories(titles: Sequence[str]) -> list[int]:
    """Return for each title the number of its story, counting from 0 by first appearance.

    Greedy: a title joins the first story whose first title it overlaps enough. A title without
    a single word is a story of its own.
    """
    leaders: list[frozenset[str]] = []
    stories: list[int] = []
    for title in titles:
        words = _words(title)
        known = (story for story, leader in enumerate(leaders) if _same(words, leader))
        story = next(known, len(leaders))
        if story == len(leaders):
            leaders.append(words)
        stories.append(story)
    return stories


def _same(one: frozenset[str], other: frozenset[str]) -> bool:
    if one == other:
        return bool(one)
    shared = len(one & other)
    return shared >= _MIN_SHARED and shared >= _MIN_OVERLAP * min(len(one), len(other))


def _words(title: str) -> frozenset[str]:
    """Return the words of a title; a run of Han characters gives its pairs of neighbours."""
    words: set[str] = set()
    for run in _HAN.findall(title):
        words.update(run[i : i + 2] for i in range(max(len(run) - 1, 1)))
    words.update(_WORD.findall(_HAN.sub(" ", title.lower())))
    return frozenset(words) - _STOP
