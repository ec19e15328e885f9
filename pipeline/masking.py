"""Masks personal data in texts: numbers and addresses of people, in English and Chinese formats.

What looks like such a number is masked only if it can be one: by its checksum (Luhn, IBAN, Chinese
identity numbers), by the numbering plan of its country (telephones), or by the word before it
(accounts). News is full of figures, and each one masked in error is news lost. Names of people
are not masked: in news they are what it is about.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from enum import StrEnum

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatcher, PhoneNumberType
from stdnum import iban, luhn
from stdnum.cn import ric
from stdnum.us import ssn


class Personal(StrEnum):
    """What can be masked."""

    EMAIL = "email"
    IDENTITY = "identity"
    ACCOUNT = "account"
    PHONE = "phone"


Spans = Iterator[tuple[int, int]]

# Blocks of full-width and small forms, of mathematical letters and digits, and two spaces.
_BLOCKS = ((0xA0, 0xA0), (0x3000, 0x3000), (0xFE50, 0xFE6F), (0xFF01, 0xFF5E), (0x1D400, 0x1D7FF))
# No comma, colon or bracket: between Chinese words they end a number, where "," goes on with it.
# No superscript: it is a footnote beside a number, no part of it.
_WRITTEN = re.compile(r"[0-9A-Za-z@.+_ -]", re.ASCII)
_NARROW = {
    code: narrow
    for first, last in _BLOCKS
    for code in range(first, last + 1)
    if _WRITTEN.fullmatch(narrow := unicodedata.normalize("NFKC", chr(code)))
}

_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])", re.ASCII
)
_CHINESE_ID = re.compile(r"(?<![0-9A-Za-z])\d{17}[\dXx](?![0-9A-Za-z])", re.ASCII)
_SSN = re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])", re.ASCII)
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}\d{2}(?: ?[0-9A-Z]){11,30}(?![0-9a-z])", re.ASCII)
_LONG = re.compile(r"(?<![\d.,])\d(?:[ -]?\d){12,18}(?![\d]|[.,]\d)", re.ASCII)
# Lengths and first digits that issuers of cards use; 62 is UnionPay.
_CARD = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|35\d{14}|3[068]\d{12}"
    r"|6(?:011|5\d\d)\d{12}|62\d{14,17}",
    re.ASCII,
)
_NAMED = re.compile(
    r"((?:account|acct\.?|a/c)(?: (?:number|no\.?))?[ :：#]{1,3}"
    r"|(?:银行卡号|银行账号|银行账户|账号|帐号|卡号)(?:为|是)?[ :：]{0,2})"
    r"(\d(?:[ -]?\d){5,24})(?!\d)",
    re.ASCII | re.IGNORECASE,
)
# Whoever has fewer digits in a row has no telephone number.
_PHONE_LIKE = re.compile(r"\d(?:[ ().-]{0,2}\d){6}", re.ASCII)
_REGIONS = ("CN", "US")
_UNITS = re.compile(r"\s?(?:[%元股份万亿倍吨点]|shares|units|barrels|tonnes|dollars)")
_SEPARATOR = re.compile(r"[^\d]")


def mask(text: str, kinds: Collection[Personal]) -> str:
    """Return a text with personal data of these kinds replaced by ``[kind]``.

    Digits, letters and signs of full width are read as the narrow ones; what is not masked stays
    as it is written. Idempotent: a masked text has nothing left to mask.
    """
    narrow = text.translate(_NARROW)  # one character for one: its places are those of the text
    for kind, found in _FOUND_BY:
        spans = list(found(narrow)) if kind in kinds else []
        if spans:
            text, narrow = (_replaced(each, spans, f"[{kind.value}]") for each in (text, narrow))
    return text


def _replaced(text: str, spans: Sequence[tuple[int, int]], masked: str) -> str:
    starts = [0, *(end for _, end in spans)]
    ends = [*(start for start, _ in spans), len(text)]
    return masked.join(text[start:end] for start, end in zip(starts, ends, strict=True))


def _matches(
    pattern: re.Pattern[str], is_valid: Callable[[str], bool] = bool, *, group: int = 0
) -> Callable[[str], Spans]:
    def found(text: str) -> Spans:
        return (m.span(group) for m in pattern.finditer(text) if is_valid(m[group]))

    return found


def _phones(region: str) -> Callable[[str], Spans]:
    def found(text: str) -> Spans:
        if not _PHONE_LIKE.search(text):
            return
        # By default it gives up after so many figures that are none.
        for match in PhoneNumberMatcher(text, region, leniency=Leniency.VALID, max_tries=len(text)):
            if _is_phone(match, text):
                yield match.start, match.end

    return found


def _is_phone(match: phonenumbers.PhoneNumberMatch, text: str) -> bool:
    if _UNITS.match(text, match.end):
        return False
    if match.raw_string.startswith("+") or _SEPARATOR.search(match.raw_string):
        return True
    # Bare digits are a figure, unless they are a mobile number of China.
    is_mobile = phonenumbers.number_type(match.number) == PhoneNumberType.MOBILE
    return match.number.country_code == phonenumbers.country_code_for_region("CN") and is_mobile


def _is_chinese_id(number: str) -> bool:
    try:
        return ric.is_valid(number)
    except KeyError:  # all else fits, of a county that the library's list lacks: it can be one
        return True


def _is_card(number: str) -> bool:
    digits = _SEPARATOR.sub("", number)
    return _CARD.fullmatch(digits) is not None and luhn.is_valid(digits)


def _ibans(text: str) -> Spans:
    """Return where the IBANs are that a match begins with: capitals may follow one."""
    for match in _IBAN.finditer(text):
        found = match[0]
        for end in range(len(found), 14, -1):
            if found[end - 1] != " " and iban.is_valid(found[:end]):
                yield match.start(), match.start() + end
                break


# In this order. Longer numbers first: a part of one may look like a telephone's.
_FOUND_BY: tuple[tuple[Personal, Callable[[str], Spans]], ...] = (
    (Personal.EMAIL, _matches(_EMAIL)),
    (Personal.IDENTITY, _matches(_CHINESE_ID, _is_chinese_id)),
    (Personal.IDENTITY, _matches(_SSN, ssn.is_valid)),
    (Personal.ACCOUNT, _ibans),
    (Personal.ACCOUNT, _matches(_LONG, _is_card)),
    (Personal.ACCOUNT, _matches(_NAMED, group=2)),
    *((Personal.PHONE, _phones(region)) for region in _REGIONS),
)
