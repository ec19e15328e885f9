"""Tell copies: items that repeat an earlier text, word for word or nearly.

MinHash bands (A. Broder, 1997, "On the resemblance and containment of documents") say which texts
are compared (``alerts.accounts.copy_index``); what differs between two of them then decides, for
two companies' headlines in one pattern of words are alike and no copies.
"""

import difflib
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from sys import intern

import numpy as np
import numpy.typing as npt

from alerts.accounts.words import is_number, plain_title, stems, words

# Three rows a band: two texts that share half of their words meet in one band of twelve with
# probability 0.80, two that share seven tenths with 0.99, two that share a fifth with 0.09.
_ROWS = 3
_TITLE_BANDS = 12
_BODY_BANDS = 8
_PRIME = np.uint64((1 << 31) - 1)
_RNG = np.random.default_rng(20140310)
_HASHES = _ROWS * max(_TITLE_BANDS, _BODY_BANDS)
_FACTORS = _RNG.integers(1, int(_PRIME), _HASHES, dtype=np.uint64)
_SHIFTS = _RNG.integers(0, int(_PRIME), _HASHES, dtype=np.uint64)

# What a body says it says at its beginning; longer ones are compared on that. A headline has no
# more words than that, and comparing two takes the square of them.
_BODY_WORDS, _TITLE_WORDS = 300, 64
_SHINGLE = 3
_HASH_BYTES = 4

_NEGATIONS = frozenset(
    ("no", "not", "never", "without", "deny", "deni", "unlikely", "fals", "cannot")
)
_CONTRACTED = "n't"
_CALENDAR = frozenset(
    re.findall(
        r"\w+",
        "monday tuesday wednesday thursday friday saturday sunday jan feb march april june"
        " july aug sept oct nov dec q1 q2 q3 q4 first second third fourth"
        " morn afternoon even weekend",
    )
)
# "Two dead" and "2 dead", "January 6" and "Jan. 6": the forms that stems() leaves.
_AS_FIGURE = {
    form: written
    for written, forms in (
        ("1", "one"),
        ("2", "two"),
        ("3", "three thre"),
        ("4", "four"),
        ("5", "five"),
        ("6", "six"),
        ("7", "seven"),
        ("8", "eight"),
        ("9", "nine"),
        ("10", "ten"),
        ("jan", "january"),
        ("feb", "february"),
        ("aug", "august"),
        ("sept", "september"),
        ("oct", "october"),
        ("nov", "november"),
        ("dec", "december"),
    )
    for form in forms.split()
}
_SAID_OTHERWISE = 0.8  # balk and baulk, offers and offering


@dataclass(frozen=True, slots=True)
class Text:
    """A text as copies are told.

    Attributes:
        heading: All words of the headline, in order.
        title: Those that say something, without their endings.
        body: Sorted hashes of the body's runs of three words as uint32; empty without a body.
        body_words: The body's words, a space before each, for the question which name or figure it
            holds.
        bands: Two copies share one, but for a small chance.
        exact: Equal for texts that are the same word for word.
    """

    heading: tuple[str, ...]
    title: tuple[str, ...]
    body: bytes
    body_words: str
    bands: tuple[int, ...]
    exact: int


def read_text(title: str, body: str) -> Text:
    """Return what is compared of a headline and a body (plain text, any length)."""
    plain = plain_title(title)
    # Texts share most of their words: interned, they share their memory too.
    heading = tuple(intern(_AS_FIGURE.get(word, word)) for word in words(plain)[:_TITLE_WORDS])
    content = tuple(intern(_AS_FIGURE.get(word, word)) for word in stems(plain)[:_TITLE_WORDS])
    body_words = words(body)[:_BODY_WORDS]
    shingles = _shingles(body_words)
    whole = zlib.crc32(" ".join([*heading, "|", *body_words]).encode())
    bands = [
        *_bands("t", {zlib.crc32(word.encode()) for word in content}, _TITLE_BANDS),
        *_bands("b", shingles, _BODY_BANDS),
        zlib.crc32(b"whole", whole),
    ]
    return Text(
        heading=heading,
        title=content,
        body=np.array(sorted(shingles), np.uint32).tobytes(),
        body_words="".join(f" {word}" for word in dict.fromkeys(body_words)),
        bands=tuple(dict.fromkeys(bands)),
        exact=whole,
    )


def is_copy(text: Text, of: Text) -> bool:
    """Tell whether a text repeats another one: its headline, its body, or all of it."""
    if text.exact == of.exact and text.heading == of.heading and text.body == of.body:
        return True
    left, right = set(text.title), set(of.title)
    added, dropped = _differing(left - right, right - left)
    if _contradict(added, dropped, text, of):
        return False
    contained = _containment(text.body, of.body)
    told_anew = bool(text.body and of.body) and contained < _TOLD_ANEW
    if len(left & right) >= _LEAST_SHARED and _same_headline(
        text.heading, of.heading, added, dropped, verbatim=told_anew
    ):
        return True
    one_sided = not added or not dropped
    return _same_body(text, of, _jaccard(left, right), contained, one_sided=one_sided)


# Below it the two bodies are two tellings.
_TOLD_ANEW = 0.3
_LEAST_SHARED = 4
# An agency's headline stays as it is over another beginning of the text; shares of words in order.
_VERBATIM = 0.9
# Without two bodies to compare, a word or two may come or go.
_NEARLY = 0.82


def _same_headline(
    one: Sequence[str], other: Sequence[str], added: set[str], dropped: set[str], *, verbatim: bool
) -> bool:
    if (added or dropped) if verbatim else (added and dropped):
        return False
    in_order = difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()
    return in_order >= (_VERBATIM if verbatim else _NEARLY)


# A short body ("Read more", a daily puzzle's teaser) is no evidence.
_LEAST_BODY = 10
# Share of the shorter body that is in the other one, and likeness of the headlines.
_WHOLE_BODY, _WHOLE_BODY_HEADLINE = 0.95, 0.12
_SAME_BODY, _SAME_BODY_HEADLINE = 0.75, 0.3
_NEAR_BODY, _NEAR_BODY_HEADLINE = 0.45, 0.5


def _same_body(text: Text, of: Text, alike: float, contained: float, *, one_sided: bool) -> bool:
    if min(len(text.body), len(of.body)) < _LEAST_BODY * _HASH_BYTES:
        return False
    if contained >= _WHOLE_BODY:
        return alike >= _WHOLE_BODY_HEADLINE
    if contained >= _SAME_BODY:
        return alike >= _SAME_BODY_HEADLINE
    return one_sided and contained >= _NEAR_BODY and alike >= _NEAR_BODY_HEADLINE


def _differing(added: set[str], dropped: set[str]) -> tuple[set[str], set[str]]:
    """Return what is only in one headline and what is only in the other, spellings aside."""
    if not added or not dropped:
        return added, dropped
    left, right = set(added), set(dropped)
    others = sorted(word for word in dropped if not is_number(word))
    for word in sorted(added):
        alike = (other for other in others if _spelled_alike(word, other))
        if not is_number(word) and (other := next(alike, None)):
            left.discard(word)
            right.discard(other)
            others.remove(other)
    return left, right


def _spelled_alike(word: str, other: str) -> bool:
    if word[0] != other[0] or len(word) < 4 or len(other) < 4:
        return False
    return difflib.SequenceMatcher(None, word, other).ratio() >= _SAID_OTHERWISE


def _contradict(added: set[str], dropped: set[str], text: Text, of: Text) -> bool:
    """Tell whether what differs is the news itself: a figure, a day, a denial, a name."""
    if any(word in _NEGATIONS or word.endswith(_CONTRACTED) for word in added | dropped):
        return True
    if _dated(added) and _dated(dropped):
        return True
    # Each text holds, all over, the word that the other one puts another in place of.
    mine = {word for word in added if _holds(text, word) and not _holds(of, word)}
    theirs = {word for word in dropped if _holds(of, word) and not _holds(text, word)}
    return bool(mine and theirs)


def _holds(text: Text, word: str) -> bool:
    return f" {word}" in text.body_words


def _dated(changed: set[str]) -> bool:
    return any(is_number(word) or word in _CALENDAR for word in changed)


def _shingles(body: Sequence[str]) -> set[int]:
    starts = range(max(len(body) - _SHINGLE + 1, 1)) if body else ()
    return {zlib.crc32(" ".join(body[i : i + _SHINGLE]).encode()) for i in starts}


def _bands(kind: str, members: Iterable[int], count: int) -> list[int]:
    values: npt.NDArray[np.uint64] = np.fromiter(members, np.uint64)
    if values.size == 0:
        return []
    rows = count * _ROWS
    signature = ((values[:, None] % _PRIME) * _FACTORS[:rows] + _SHIFTS[:rows]) % _PRIME
    least = signature.min(axis=0).astype(np.uint32).reshape(count, _ROWS)
    seed = zlib.crc32(kind.encode())
    return [zlib.crc32(band.tobytes(), seed + number) for number, band in enumerate(least)]


def _jaccard(one: set[str], other: set[str]) -> float:
    together = len(one | other)
    return len(one & other) / together if together else 0.0


def _containment(one: bytes, other: bytes) -> float:
    """Return the share of the smaller set of hashes that is in the other one."""
    left, right = (np.frombuffer(hashes, np.uint32) for hashes in (one, other))
    least = min(left.size, right.size)
    if not least:
        return 0.0
    return int(np.intersect1d(left, right, assume_unique=True).size) / least
