"""Cleaning of text from the outside: markup to text, no control characters. No schema, no Kafka."""

import hashlib
import html
import re
import unicodedata

# Feeds escape twice, rarely three times; a bound keeps hostile nesting cheap.
_MAX_ROUNDS = 8
# Without these nothing is markup.
_SIGNS = re.compile("[&<>]")

# Only names that HTML knows: "<AAPL>" or "a < b" is text and stays.
_INLINE = "a abbr b cite code del em font i ins mark q s small span strike strong sub sup time tt u"
_BLOCK = (
    "address article aside blockquote body br button canvas caption center col dd div dl dt embed "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html iframe img input label li "
    "link main meta nav noscript object ol option p param path picture pre section select source "
    "svg table tbody td template textarea tfoot th thead title tr ul video audio"
)
_SILENT = "script style"  # their content is no text

# "[^<>]*" instead of ".*?": one pass, linear whatever the text is.
_TOKEN = re.compile(
    r"<!--|-->|<!doctype[^<>]*>|<!\[CDATA\[|\]\]>"
    r"|</?(?P<name>" + "|".join(f"{_INLINE} {_BLOCK} {_SILENT}".split()) + r")\b[^<>]*>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_COMMENT_END = "-->"
_REPLACEMENT = {slash + name: "" for name in _INLINE.split() for slash in ("", "/")}
_SILENCED_UNTIL = {"<!--": _COMMENT_END} | {name: f"/{name}" for name in _SILENT.split()}

# C0 and C1 controls, lone surrogates, and what is invisible or turns the direction of writing.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff"
    "\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")

_WEB = re.compile(r"https?://", re.IGNORECASE)

_MAX_URL_CHARS = 2048
# A Chinese headline keeps latin names and tickers: a fifth of its letters is plenty.
_MIN_HAN_SHARE = 0.2
_LANGUAGE_CHARS = 1000
# What ``guess_language`` returns.
LANGUAGES = ("en", "zh")


def clean(text: str) -> str:
    """Return readable text on one line: no tags, entities resolved, no control characters.

    Idempotent. What is nested beyond all that is honest loses every sign that markup begins with.
    """
    for _ in range(_MAX_ROUNDS):
        resolved = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
        reduced = _without_markup(_UNWANTED.sub("", resolved))
        if reduced == text:
            break
        text = reduced
    else:
        text = _SIGNS.sub("", text)
    return " ".join(text.split())


def normalised(text: str) -> str:
    """Return the form in which two texts are compared: width, case and spaces do not matter."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def guess_language(text: str) -> str:
    """Return "zh" where a fifth or more of the letters are Han, else "en"."""
    start = text[:_LANGUAGE_CHARS]
    if start.isascii():
        return "en"
    letters = sum(map(str.isalpha, start))
    return "zh" if letters and len(_HAN.findall(start)) / letters >= _MIN_HAN_SHARE else "en"


def plain(text: str) -> str:
    """Return an identifier or address without control characters; "&" and "<" are its own."""
    return "".join(char for char in text if char.isprintable()).strip()


def web_address(url: str | None) -> str | None:
    """Return the URL if it is http(s) of a sane length, else None: alerts make links of it."""
    if url is None or len(url) > _MAX_URL_CHARS or not _WEB.match(url):
        return None
    return url


def digest(text: str) -> str:
    """Return 32 hex digits of SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _without_markup(text: str) -> str:
    if "<" not in text and "]]>" not in text:
        return text
    kept: list[str] = []
    at = 0
    until = ""  # the token that ends the silent stretch we are in
    for match in _TOKEN.finditer(text):
        token = _kind(match)
        if until:
            if token == until:
                until, at = "", match.end()
        elif token != _COMMENT_END:  # else an arrow in plain text
            kept += text[at : match.start()], _REPLACEMENT.get(token, "\n")
            at = match.end()
            until = _SILENCED_UNTIL.get(token, "")
    if not until:
        kept.append(text[at:])
    return "".join(kept)


def _kind(match: re.Match[str]) -> str:
    """Return "b" or "/b" for a tag, the token itself for anything else."""
    if match["name"] is None:
        return match[0].lower()
    return ("/" if match[0].startswith("</") else "") + match["name"].lower()
