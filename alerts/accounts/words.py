"""Words of headlines and bodies as copies and stories compare them, English and Chinese."""

import re
import unicodedata

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
# A number keeps its decimals: 2.5 and 25 are not alike.
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W_]+(?:'[^\W_]+)*")
_POSSESSIVE = re.compile(r"['’]s\b")
_INITIALS = re.compile(r"\b(?:[a-z]\.){2,}")
_LINK = re.compile(r"https?://\S+|www\.\S+")
_CAPITAL = re.compile(r"\b[A-Z][^\W_]*")

# Words that two unrelated headlines share. Negations are no part of it: they change the news.
STOP = frozenset(
    re.findall(
        r"\w+",
        "a after amid an and are as at be been but by can could for from has have he her his how if"
        " in into is it its more new of on or our over s say says said she so t than that the their"
        " they this to up us was we were what when which who why will with would you your",
    )
)
# What an agency or a portal puts before and after a headline.
_BEFORE = re.compile(
    r"^\s*(?:(?:update|refile|rpt|repeat|corrected|correction|wrapup|wrap|breaking(?: news)?|"
    r"exclusive|watch|video|live|urgent|flash|快讯|更新|突发)\s*\d*\s*[-:–—|：]+\s*)+",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"\s*[(（\[](?:adds|updates?|recasts|corrects|updated|\d|更新|补充)[^)）\]]*[)）\]]\s*$",
    re.IGNORECASE,
)
_OUTLET = re.compile(r"\s+[-–—|]\s+(?=\S)[^-–—|]{2,40}$")
_SHORT_OUTLET_WORDS = 4
_LEAST_HEADLINE_WORDS = 4


def plain_title(title: str) -> str:
    """Return a headline without "UPDATE 1-", " - Reuters", "(Adds details)" and the like."""
    title = _AFTER.sub("", _BEFORE.sub("", title))
    outlet = _OUTLET.search(title)
    if outlet is None:
        return title
    rest = title[: outlet.start()]
    short = len(outlet[0].split()) <= _SHORT_OUTLET_WORDS + 1
    return rest if short and len(words(rest)) >= _LEAST_HEADLINE_WORDS else title


def words(text: str) -> list[str]:
    """Return the words in order; width, case, links, punctuation and a possessive are gone.

    A run of Han characters gives its pairs of neighbours, a lone character itself.
    """
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    text = _POSSESSIVE.sub("", _LINK.sub(" ", text))
    text = _INITIALS.sub(lambda match: match[0].replace(".", ""), text)
    found: list[str] = []
    at = 0
    for run in _HAN.finditer(text):
        found += _WORD.findall(text[at : run.start()])
        han = run[0]
        found += [han[i : i + 2] for i in range(max(len(han) - 1, 1))]
        at = run.end()
    return found + _WORD.findall(text[at:])


def stem(word: str) -> str:
    """Return the word without an English ending: coarse, for comparing only."""
    for ending, least, put in (
        ("ies", 5, "y"),
        ("ing", 6, ""),
        ("ed", 5, ""),
        ("es", 5, ""),
    ):
        if word.endswith(ending) and len(word) >= least:
            return word[: -len(ending)] + put
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        return word[:-1]
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


def stems(text: str) -> list[str]:
    """Return the stems of the words that say something, in order."""
    return [stem(word) for word in words(text) if word not in STOP]


def capitalised(text: str) -> frozenset[str]:
    """Return the stems of words that begin with a capital: names, among others."""
    return frozenset(stem(word) for name in _CAPITAL.findall(text) for word in words(name))


def is_number(word: str) -> bool:
    """Tell whether a word is or holds a figure."""
    return not word.isalpha() and any(char.isdigit() for char in word)
