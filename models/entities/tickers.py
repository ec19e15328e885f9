"""Finds stock symbols, but only in a form that marks them as such.

``$TSLA``, ``(NYSE: X)``, ``NASDAQ:TSLA``, ``600519.SH``, ``00700.HK``, ``(SZ002430)``,
``代码 600519``, ``(AAPL.O)``; a bare word is no symbol here.
"""

import re
from collections.abc import Iterator, Mapping

from models.entities.exchanges import PREFIX_SUFFIX, yahoo

_EXCHANGES = (
    r"NYSE(?:\s?American|\s?Arca)?|NASDAQ(?:GS|GM|CM)?|Nasdaq|AMEX|OTC(?:QB|QX|MKTS)?|LSE|LON|"
    r"TSXV?|TSX-V|ASX|HKEX|HKG|HKSE|SEHK|SGX|NSE|BSE|ETR|XETRA|FRA|EPA|AMS|SWX|SIX|BIT|BME|STO|"
    r"SSE|SHA|SZSE|SHE|TWSE|TPE|KRX|TYO|TSE"
)
_FORM = re.compile(
    r"(?<![A-Za-z0-9$])(?:"
    r"\$(?P<cash>[A-Z]{1,5}(?:[.\-][A-Z])?|\d{4,6}\.[A-Z]{1,3})(?![A-Za-z0-9])"
    rf"|(?P<exchange>{_EXCHANGES})\s?:\s?(?P<symbol>[A-Z0-9]{{1,10}}(?:[.\-][A-Z])?)(?![A-Za-z0-9])"
    r"|(?P<market>SH|SZ|BJ|HK|sh|sz|bj|hk)(?P<code>\d{5,6})(?!\d)"
    r"|(?P<dotted>\d{4,6}\.(?:SH|SS|SZ|BJ|HK|TWO|TW|T|KS|KQ))(?![A-Za-z0-9])"
    r"|[(<（](?P<reuters>[A-Z]{1,5}\.[A-Z]{1,2})[)>）]"
    r"|[(（](?P<mainland>\d{6})[)）]"
    r")|代码[:：]?\s?(?P<spoken>\d{5,6})(?!\d)"
)
_REUTERS_AMERICAN = frozenset({"O", "OQ", "N", "K", "A", "P"})
# After an index's name its code follows, which is also a company's in Shenzhen.
_INDEX = re.compile(
    r"(?:指数|[综成]指|创业板指?|[上中深]证\s?\d{2,4}|沪深\s?\d{3}|科创\s?\d{2,3})"
    r"\s*(?:[(（]\s*)?(?:代码[:：]?\s?)?$"
)
_INDEX_CHARS = 16
# Currencies after a dollar sign, and slang.
_NO_TICKER = frozenset({"US", "USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD", "AP"})


def _mainland(code: str) -> str:
    if len(code) == 5:
        return yahoo(code + ".HK")
    return code + (".SS" if code[0] == "6" else ".BJ" if code[0] in "489" else ".SZ")


def _symbol(found: re.Match[str]) -> str:
    kind = found.lastgroup or ""
    text = found[kind]
    if kind == "cash":
        return "" if text in _NO_TICKER else yahoo(text) if text[0].isdigit() else text
    if kind == "symbol":
        end = PREFIX_SUFFIX[re.sub(r"[\s-]", "", found["exchange"]).upper()]
        return yahoo(text + end) if end else text
    if kind == "code":
        # SH000001 is an index, SZ000001 a bank: the market decides, not the code.
        return yahoo(f"{text}.{found['market'].upper()}")
    if kind == "reuters":
        stem, _, end = text.partition(".")
        return stem if end in _REUTERS_AMERICAN else text
    return yahoo(text) if kind == "dotted" else _mainland(text)


def find_tickers(text: str, symbols: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """Find the symbols in a text.

    Args:
        text: Folded (``names.fold``).
        symbols: Company id by symbol, as Yahoo writes it.

    Yields:
        Start, end and company id of each, in order.
    """
    for found in _FORM.finditer(text):
        code = found.lastgroup in {"mainland", "spoken"}
        if code and _INDEX.search(text[max(0, found.start() - _INDEX_CHARS) : found.start()]):
            continue
        symbol = _symbol(found)
        company = symbols.get(symbol) or symbols.get(symbol.replace(".", "-"))
        if company:
            yield found.start(), found.end(), company
