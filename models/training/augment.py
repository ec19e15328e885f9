"""Changes a text as people do without changing what it means, so that the model learns not to care.

Typos, case, emoji, links, cashtags, punctuation, quotes, wide forms and traditional characters.
Positions in the text move: a text with entity spans is not for here. What the benchmark of
robustness changes is made elsewhere, on purpose: a model is not to be tested by its own teacher.
"""

import random
import re
import string
from collections.abc import Callable
from functools import cache

from opencc import OpenCC

Change = Callable[[str, random.Random], str]

_HAN = re.compile(r"[\u3400-\u9fff]")
# A longer word that is no ticker and no part of a tag, a link, an address or a number.
_WORD = re.compile(r"(?<![\w$#@/.&'’:-])[A-Za-z][a-z]{4,}(?![\w/'’@]|[.-]\w|:/)")
# A lost letter could hide the turn that these give to a sentence.
_TURNING = frozenset(("never", "without", "cannot", "hardly", "barely", "despite", "neither"))
_LINK = re.compile(r"\s*https?://\S+")
_LAST_TAG = re.compile(r"\s+#\w+\s*$")
_TAIL = re.compile(r"(?:\s*https?://\S+)*\s*$")
_CASHTAG = re.compile(r"\$(?=[A-Z]{1,5}\b)")
_BARE_TICKER = re.compile(r"(?:^|(?<=\())(?=[A-Z]{2,5}(?:: | - |\)))")
_END = re.compile(r"[.!。！]+$")
_ASKING = ("?", "？", "…")
_PAIRED = re.compile(r'"([^"]*)"')
_EMOJI = ("📰", "📊", "👀", "🔔", "📌", "🗞️", "⏰", "💼", "🏦", "🧾", "📣", "🤔")
_TAGS = ("#stocks", "#investing", "#markets", "#trading", "#finance", "#news")
_HAN_TAGS = ("#股票#", "#财经#", "#A股", "#投资#", "#股市#")
_LINK_LETTERS = string.ascii_letters + string.digits
_STRAIGHT = str.maketrans("“”‘’", "\"\"''")
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F) if chr(code).isalnum()}
_NARROW = {wide: code for code, wide in _WIDE.items()}


def augment(text: str, rng: random.Random) -> str:
    """Return the text with one or two random changes that keep its meaning.

    Never changed: numbers, tickers but for their dollar sign and case, and short words such as
    "not" and "up". Equal texts and equal states of ``rng`` give equal results. A text on which
    none of the changes bites comes back as it is.
    """
    changes = _CHINESE if _HAN.search(text) else _ENGLISH
    wanted = 1 if rng.random() < 0.6 else 2
    for change in rng.sample(changes, len(changes)):
        changed = change(text, rng)
        wanted -= changed != text
        text = changed
        if wanted == 0:
            break
    return text


def _typo(text: str, rng: random.Random) -> str:
    """Swap two neighbouring letters inside a word, or drop or double one."""
    words = [m.span() for m in _WORD.finditer(text) if m[0].lower() not in _TURNING]
    if not words:
        return text
    start, end = rng.choice(words)
    place = rng.randrange(start + 1, end - 1)
    match rng.randrange(3):
        case 0:
            wrong = text[place + 1] + text[place]
        case 1:
            wrong = text[place + 1]
        case _:
            wrong = text[place] * 2 + text[place + 1]
    return text[:place] + wrong + text[place + 2 :]


def _case(text: str, rng: random.Random) -> str:
    """Write all of it but links in lower case, capitals or with capital initials."""
    link = _LINK.search(text)
    place = link.start() if link else len(text)
    head = text[:place]
    match rng.randrange(3):
        case 0:
            head = head.lower()
        case 1:
            head = head.upper()
        case _:
            head = " ".join(word[:1].upper() + word[1:] for word in head.split(" "))
    return head + text[place:]


def _emoji(text: str, rng: random.Random) -> str:
    signs = rng.choice(_EMOJI) * rng.randint(1, 2)
    return f"{signs} {text}" if rng.random() < 0.4 else f"{text} {signs}"


def _link(text: str, rng: random.Random) -> str:
    """Take the links out, or append one."""
    if _LINK.search(text):
        return _LINK.sub("", text)
    return f"{text} https://t.co/{''.join(rng.choices(_LINK_LETTERS, k=10))}"


def _tag(text: str, rng: random.Random) -> str:
    """Take the hashtag at the end out, or append one or two."""
    if _LAST_TAG.search(text):
        return _LAST_TAG.sub("", text)
    tags = _HAN_TAGS if _HAN.search(text) else _TAGS
    return " ".join((text, *rng.sample(tags, rng.randint(1, 2))))


def _cashtag(text: str, _: random.Random) -> str:
    """Take the dollar sign from tickers, or give it to those that plainly are."""
    if _CASHTAG.search(text):
        return _CASHTAG.sub("", text)
    return _BARE_TICKER.sub("$", text)


def _ending(text: str, rng: random.Random) -> str:
    """Take the full stop away or set one, before the links."""
    tail = _TAIL.search(text)
    place = tail.start() if tail else len(text)
    head = text[:place]
    if _END.search(head):
        return _END.sub("", head) + text[place:]
    if head.endswith(_ASKING):
        return text
    stop = "。！"[rng.random() < 0.2] if _HAN.search(text) else ".!"[rng.random() < 0.2]
    return head + stop + text[place:]


def _spaces(text: str, rng: random.Random) -> str:
    """Double one space or all; set some between Chinese characters."""
    if _HAN.search(text):
        place = rng.randrange(len(text))
        return text if text[place].isascii() else f"{text[:place]} {text[place:]}"
    if rng.random() < 0.3:
        return text.replace(" ", "  ")
    places = [place for place, letter in enumerate(text) if letter == " "]
    if not places:
        return f" {text}"
    place = rng.choice(places)
    return text[:place] + " " * rng.randint(1, 3) + text[place:]


def _quotes(text: str, _: random.Random) -> str:
    """Make curly quotes straight, or straight ones curly."""
    if text.isascii():
        return _PAIRED.sub(r"“\1”", text).replace("'", "’")
    return text.translate(_STRAIGHT)


def _width(text: str, _: random.Random) -> str:
    """Write letters and digits in full width, or in half width where they are wide; no link."""
    narrow = text.translate(_NARROW)
    if narrow != text:
        return narrow
    link = _LINK.search(text)
    place = link.start() if link else len(text)
    return text[:place].translate(_WIDE) + text[place:]


@cache
def _converter(variant: str) -> OpenCC:
    return OpenCC(variant)


def _traditional(text: str, rng: random.Random) -> str:
    converted: str = _converter(rng.choice(("s2t", "s2tw", "s2hk"))).convert(text)
    return converted


_ENGLISH: tuple[Change, ...] = (
    _typo, _typo, _case, _case, _emoji, _link, _tag, _cashtag, _ending, _spaces, _quotes, _width,
)  # fmt: skip
_CHINESE: tuple[Change, ...] = (
    _traditional, _width, _emoji, _link, _tag, _ending, _spaces, _quotes,
)  # fmt: skip
