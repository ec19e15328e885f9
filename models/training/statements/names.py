"""Names of companies, people, places and authorities, drawn without regard to the label."""

import random
import re
from functools import cache

from models.entities.table import NO_ENTITY, read_rows
from models.training.statements.lists import words

_NO_NAME = re.compile(r"\d|\bETF|\b(?:Fund|Trust|Bond|Index|Warrants?|Units?|Notes)\b|[（(]")
_ZH_NO_NAME = re.compile(r"[\d（(]|ETF|REIT|基金|指数|債|债|退|ST|-")
_HAN = re.compile(r"^[\u4e00-\u9fff]{2,12}$")
_LATIN = re.compile(r"^[A-Z][\w&.'\- ]{2,38}$", re.ASCII)


@cache
def companies(language: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return (all, banks) of the companies in the table that have a name in a language."""
    everything: dict[str, None] = {}
    banks: dict[str, None] = {}
    for row in read_rows():
        if row.id == NO_ENTITY:
            continue
        aliases = [alias.lstrip("~%?!^") for alias in row.aliases if not alias.startswith("$")]
        for name in [row.name, *aliases] if language == "zh" else [row.name]:
            if not _usable(name, language):
                continue
            everything[name] = None
            if re.search(r"Bank|Banc|银行|農商|农商", name):
                banks[name] = None
    return tuple(everything), tuple(banks)


def _usable(name: str, language: str) -> bool:
    if language == "zh":
        return bool(_HAN.match(name)) and not _ZH_NO_NAME.search(name)
    return bool(_LATIN.match(name)) and not _NO_NAME.search(name) and len(name.split()) <= 5


def company(language: str, rng: random.Random, *, bank: bool) -> str:
    """Return the name of a company, one in four of them invented."""
    if rng.random() < 0.25 or (bank and rng.random() < 0.3):
        return _invented(language, rng, bank=bank)
    if language == "zh" and rng.random() < 0.08:
        language = "en"  # Chinese news often writes foreign companies in Latin letters
    if bank and rng.random() < 0.2:
        return rng.choice(words(f"{language}_broker"))
    everything, banks = companies(language)
    return rng.choice(banks if bank else everything)


def _invented(language: str, rng: random.Random, *, bank: bool) -> str:
    if language == "zh":
        stem = rng.choice(words("zh_stem_first")) + rng.choice(words("zh_stem_second"))
        return stem + rng.choice(words("zh_bank_tail" if bank else "zh_company_tail"))
    stem = rng.choice(words("en_stem_first")) + rng.choice(words("en_stem_second"))
    tail = rng.choice(words("en_bank_tail" if bank else "en_company_tail"))
    return stem if tail == "-" and not bank else f"{stem} {tail.replace('-', 'Bank')}"


def person(language: str, rng: random.Random) -> str:
    """Return the name of a person that was made up."""
    if language == "zh":
        return rng.choice(words("zh_family")) + rng.choice(words("zh_given"))
    return f"{rng.choice(words('en_given'))} {rng.choice(words('en_family'))}"


def listed(kind: str, language: str, rng: random.Random) -> str:
    """Return a place, authority or organisation from our lists."""
    return rng.choice(words(f"{language}_{kind}"))
