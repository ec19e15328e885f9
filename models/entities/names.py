"""Company names: from what a list writes to what a newspaper writes.

No judgement here of how safely a name can be looked for; see ``strength``.
"""

import re
import unicodedata

from models.normalise import TYPOGRAPHIC, WIDE

# Words at the end of a name that say what legal form the company has.
LEGAL = frozenset((
    "inc", "incorporated", "corp", "corporation", "co", "company", "companies", "cos", "ltd",
    "limited", "llc", "llp", "lp", "plc", "ag", "sa", "nv", "se", "spa", "kgaa", "ab", "asa",
    "oyj", "oy", "as", "aktiengesellschaft", "aktiebolag", "bhd", "berhad", "tbk", "jsc",
    "pjsc", "psc", "pcl", "public", "sab", "cv", "de", "ad", "bancorporation", "aps", "sarl",
    "srl", "gmbh", "kk", "kabushiki", "kaisha", "joint", "stock", "pvt", "private", "societe",
    "anonyme", "sociedad", "anonima", "publ", "the", "trust", "reit", "and",
))  # fmt: skip
# Words that newspapers drop together with the legal form.
_GROUP = frozenset((
    "group", "holding", "holdings", "hldg", "hldgs", "hldng", "grp", "groupe", "gruppe",
))  # fmt: skip
# Words that newspapers also drop for the best-known companies (Dell Technologies, Moderna Inc).
_DESCRIPTIVE = frozenset((
    "technologies", "technology", "pharmaceuticals", "pharmaceutical", "motors", "motor",
    "platforms", "systems", "international", "industries", "enterprises", "communications",
    "laboratories", "therapeutics", "airlines", "brands", "stores", "networks", "solutions",
    "software", "energy", "financial",
))  # fmt: skip
_SHARE_CLASS = re.compile(
    r"\b(?:(?:common|ordinary|preferred|preference|american|global|sponsored|unsponsored|unsp|"
    r"depositary|depository|registered|subordinate|subordinated|voting|non-voting|restricted|"
    r"bearer)\b[\s.]*)*\b(?:class|cl|series|ser|shares?|shs|shr|stock|stk|units?|adrs?|ads|gdrs?|"
    r"receipts?|ord|nam|inh|on|namens?-?aktien|inhaber-?aktien)\b\.?"
    r"(?:\s*[\"']?[A-Z]\b[\"']?)?(?:\s*\d+:\d+)?.*$",
    re.IGNORECASE,
)
_PARENTHESES = re.compile(r"\s*[(（\[].*?[)）\]]\s*")
_STATE = re.compile(r"\s*[/\\][A-Z&. ]{2,9}[/\\]?(?:\s*[/\\])?$|/ADR.*$", re.IGNORECASE)
# What makes a line of a list something else than a company's share.
NOT_A_COMPANY = re.compile(
    r"(?i:\b(?:ETFs?|ETNs?|ETCs?|ETPs?|Fund|Funds|UCITS|iShares|SPDR|Warrants?|Notes?|"
    r"Debentures?|Preferred|Leverage Shares|GraniteShares|Acquisition|SPAC|Index|UltraShort|"
    r"UltraPro|[23]X|due|Split Corp|VCT|LOF|Certificates?|Perpetual|Convertible|Municipal|Muni|"
    r"Income Trust|Closed[- ]End|Grayscale|ProShares|Bond|Debt|EGB OE|RCB OE)\b|^(?:two|one)$)|"
    r"%|\bDL ?-|\bEO ?-|\d{2}[A-Z][a-z]{2}\d{2}\b|[A-Z]{3,}\+[A-Z]|\.[A-Z]{3,}\.|\d,\d|/\d"
)
# Legal forms that stand in front.
_PREFIX = re.compile(
    r"^(?:(?:public|open|international public)\s+)?joint[- ]stock\s+(?:oil |commercial )?company\s+"
    r"|^(?:PT|P\.T\.|PJSC|PAO|OAO|Societe Anonyme)\s+",
    re.IGNORECASE,
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_HAN_SHARE = re.compile(r"^(?:\*?ST|S\*ST|PT|XD|XR|DR|N|C)(?=[\u4e00-\u9fff])|-[SWBURKP]+$|\s+")
_HAN_CLASS = re.compile(r"(?<=[\u4e00-\u9fff])[AB]$")
_HAN_TAIL = re.compile(r"(?:股份有限公司|有限公司|集团股份|控股|集团|股份|集團)$")

_ACCENTS = {
    code: base
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00))
    if len(base := unicodedata.normalize("NFKD", chr(code))[0]) == 1 and base.isascii()
}
_STROKES = dict(zip(map(ord, "øØłŁđß"), "oOlLds", strict=True))
_FOLD: dict[int, int | str] = {**_ACCENTS, **WIDE, **TYPOGRAPHIC, **_STROKES}


def fold(text: str) -> str:
    """Text with accents, typographic quotes and full-width forms made plain; same length."""
    return text if text.isascii() else text.translate(_FOLD)


def has_han(text: str) -> bool:
    """Whether a Chinese character is in it."""
    return _HAN.search(text) is not None


def clean(raw: str) -> str:
    """A listed name without share class, state and brackets, spaces made single.

    ``TENCENT HOLDINGS ADR 1:1`` gives ``TENCENT HOLDINGS``.
    """
    name = _PREFIX.sub("", _PARENTHESES.sub(" ", raw))
    name = _STATE.sub("", name.strip())
    shorter = _SHARE_CLASS.sub("", name).strip(" ,.-&")
    return " ".join((shorter if len(shorter) > 2 else name).split()).strip(" ,-/")


def _words(name: str) -> list[str]:
    return name.replace(",", " ").split()


def _bare(word: str) -> str:
    return re.sub(r"[^\w&+]", "", fold(word)).lower()


def _strip(words: list[str], droppable: frozenset[str]) -> list[str]:
    kept = list(words)
    while len(kept) > 1 and _bare(kept[-1]) in (droppable | {"", "&"}):
        kept.pop()
    return kept


def base_name(raw: str) -> str:
    """The name without its legal form: ``Apple Inc.`` gives ``Apple``."""
    words = _strip(_words(clean(raw)), LEGAL)
    if len(words) > 1 and words[0].lower() == "the":
        words = words[1:]
    return " ".join(words).strip(" ,.&-") or raw.strip()


def short_names(raw: str, *, well_known: bool) -> list[str]:
    """What a newspaper may write for a listed name, longest first.

    Args:
        raw: As a list writes it.
        well_known: Also drop describing words: ``Dell Technologies`` gives ``Dell``.

    Returns:
        Distinct names; the first is the name without its legal form.
    """
    base = base_name(raw)
    names = [base]
    shorter = _strip(_words(base), LEGAL | _GROUP)
    names.append(" ".join(shorter).strip(" ,.&-"))
    if well_known and len(shorter) == 2:
        names.append(" ".join(_strip(shorter, _DESCRIPTIVE)).strip(" ,.&-"))
    for name in list(names):
        if name.lower().endswith(".com"):
            names.append(name[:-4])
        if " & " in name:
            names.append(name.replace(" & ", " and "))
    return list(dict.fromkeys(name for name in names if name))


def name_key(raw: str) -> str:
    """Equal for names that mean the same company in one country."""
    words = [_bare(word) for word in _words(base_name(raw).replace("-", " "))]
    words = _strip(
        [word for word in words if word not in {"and", "&", "of", "the"}], LEGAL | _GROUP
    )
    return "".join(words)


def readable(name: str) -> str:
    """A name in shouted capitals made title case; others as they are."""
    if not name.isupper():
        return name
    return " ".join(
        word if len(word) <= 3 or not word.isalpha() else word.capitalize() for word in name.split()
    )


def chinese_names(raw: str) -> list[str]:
    """A listed Chinese short name and its shorter form: ``腾讯控股`` and ``腾讯``."""
    name = _HAN_CLASS.sub("", _HAN_SHARE.sub("", fold(_PARENTHESES.sub("", raw).strip())))
    name = _HAN_SHARE.sub("", name)
    if not has_han(name):
        return []
    short = _HAN_TAIL.sub("", name)
    return [name, short] if len(short) > 1 and short != name else [name]


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a Latin name is not the middle of a longer word."""
    before, first = text[start - 1 : start] if start else "", text[start]
    last, after = text[end - 1], text[end : end + 1]
    cut_before = first.isascii() and first.isalnum() and before.isascii() and before.isalnum()
    cut_after = last.isascii() and last.isalnum() and after.isascii() and after.isalnum()
    return not (cut_before or cut_after or before == "@" or (before == "." and first.islower()))
