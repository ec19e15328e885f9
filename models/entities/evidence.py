"""Whether the words around a name say that a company is meant.

Needed for names that are also common words, surnames or places: Target, Ford, Shell, 平安.
"""

import re
from importlib import resources

_SPAN = 90
_SENTENCE_END = re.compile(r"[.!?;][\"')]*\s|[。！？；\n]")

_LEGAL = (
    r"(?:Inc|Corp|Corporation|Co|Ltd|Limited|LLC|PLC|plc|AG|SA|S\.A|NV|N\.V|SE|SpA|Holdings?)\b"
)
_BUSINESS = (
    r"(?:shares?|stocks?|shareholders?|stockholders?|investors?|CEO|CFO|COO|chief executive|"
    r"chief financial|earnings|profits?|revenues?|sales|quarterly|dividends?|bonds|bondholders|"
    r"executives?|founder|co-founder|chairman|board of directors|boss|layoffs?|lays? off|"
    r"to (?:cut|buy|acquire|lay off|sell|invest)|acquires|acquired|acquisition|posts|reports? "
    r"(?:a |its |record |strong |weak |first|second|third|fourth|quarterly|net)+|IPO|deal|merger|"
    r"bankruptcy|bailout|employees|workers|stores?|factory|factories|plants?|customers|recalls?|"
    r"subsidiary|spokes(?:man|woman|person)|lawsuit)\b"
)
_AFTER_ENGLISH = re.compile(rf"(?:'s|')?,? {_BUSINESS}| {_LEGAL}|, (?:Inc|Corp|Ltd|LLC)\b")
_AFTER_STRICT = re.compile(
    r",? (?:Inc|Corp|Corporation|Ltd|Limited|PLC|plc|AG|NV|SpA)\b|"
    r"(?:'s|')? (?:shares|stock|shareholders|earnings|quarterly|IPO|CEO|CFO)\b"
)
_BEFORE_STRICT = re.compile(r"\b(?:[Ss]hares|[Ss]tock|[Ss]take|[Ii]nvestors) (?:of|in) $")
_BEFORE_ENGLISH = re.compile(
    r"(?:\b(?:shares?|stocks?|investors?|shareholders|stakes?|CEO|CFO|executives?|employees|"
    r"workers) (?:of|in|at|for)|\b(?:giants?|retailers?|automakers?|carmakers?|chipmakers?|makers?|"
    r"lenders?|banks?|insurers?|airlines?|company|firms?|startup|start-up|conglomerate|"
    r"corporation|platform|owner|parent|brand|acquir(?:e|es|ed|ing)|sued?|sues|suing|buys?|"
    r"bought|merger with|rival|lawsuit against|investment in|deal with)) (?:the )?$",
    re.IGNORECASE,
)
_NEAR_ENGLISH = re.compile(
    r"\b(?:shares?|stocks?|shareholders?|stockholders?|investors?|CEO|CFO|chief executive|earnings|"
    r"profits?|revenues?|dividends?|bondholders|IPO|merger|takeover|acquisition|bankruptcy|bailout|"
    r"layoffs?|Nasdaq|NYSE|Wall Street|analysts?|market cap|valuation|quarterly|startups?|stores|"
    r"retailers?|automakers?|carmakers?|chipmakers?|lenders?|banks?|banking|airlines?|brands?|"
    r"company|companies|customers|tech giants?|oil giants?|firms?|employees|subsidiary|"
    r"recall(?:s|ed|ing)?|EVs?|electric (?:cars?|vehicles?)|car makers?|factory|factories)\b"
)
_CHINESE = (
    "股价|股票|股份|股东|财报|上市|退市|涨停|跌停|市值|业绩|营收|净利|年报|季报|董事|CEO|总裁|创始人|"
    "收购|并购|裁员|融资|投资|公司|集团|港股|A股|美股|股市|品牌|销量|发布会|门店|回应|客服|起诉|破产|"
    "发布|工厂|员工|产品|新车|手机|汽车|银行|保险|券商|基金"
)
_AFTER_CHINESE = re.compile(rf"(?:{_CHINESE})")
_AFTER_CHINESE_STRICT = re.compile(r"股份|股价|股票|公司|集团|科技公司|控股|财报|涨停|跌停|董事长")
_BEFORE_CHINESE = re.compile(rf"(?:{_CHINESE}|巨头|收购|投资|起诉)[:：的]?$")
_NEAR_CHINESE = re.compile(rf"{_CHINESE}|亿元|万元|亿美元")
_CAPITALISED = re.compile(r"(?:^|[^.!?:\n\"'(] |, )([A-Z][A-Za-z0-9]+) $")
_CAPITALISED_AFTER = re.compile(r" [A-Z][a-z]+")
_OWNED = re.compile(
    r"\b(?:an?|his|her|their|my|your|our|stolen|parked|[Tt]he|in|driving|white|black|red|blue|"
    r"silver|grey|gray|old|new|used|\d{4}) (?:[a-z-]+ ){0,2}$"
)
_WORD_BEFORE = re.compile(r"([A-Z][a-z]+)\.? $")
_VENUE = re.compile(
    r"(?:'s)? (?:Texas )?(?:Arena|Stadium|Center|Centre|Field(?! [Ww]ork)|Dome|Match Play|"
    r"Open(?! (?:to|for|[Ss]ource)\b)|Cup(?! [Ss]ize)|Chase|Premiership|Premier|League|Trophy|"
    r"Championships?|Masters|Prize|Stakes|Hurdle|Bowl|Theatre|Theater|Hall|Women's|Gold Cup)\b"
)
_FIRST_NAMES = frozenset(
    (resources.files("models.entities") / "first_names.txt").read_text(encoding="utf-8").split()
)
_LOWER = re.compile(r"\b[a-z]{4,}\b")


def _around(text: str, start: int, end: int) -> tuple[str, str]:
    """What stands before and after in the same sentence, at most 90 characters each."""
    before, after = text[max(0, start - _SPAN) : start], text[end : end + _SPAN]
    begin = 0
    for found in _SENTENCE_END.finditer(before):
        begin = found.end()
    stop = _SENTENCE_END.search(after)
    return before[begin:], after[: stop.start()] if stop else after


def strict(text: str, start: int, end: int, *, chinese: bool) -> bool:
    """Whether a legal form or a word of the stock market touches ``text[start:end]``."""
    before, after = text[max(0, start - _SPAN) : start], text[end : end + _SPAN]
    if chinese:
        return bool(_AFTER_CHINESE_STRICT.match(after))
    if _CAPITALISED.search(before):
        return False
    return bool(_AFTER_STRICT.match(after) or _BEFORE_STRICT.search(before))


def beside(text: str, start: int, end: int, *, chinese: bool) -> bool:
    """Whether a legal form or a word of business touches ``text[start:end]``."""
    before, after = text[max(0, start - _SPAN) : start], text[end : end + _SPAN]
    if chinese:
        return bool(_AFTER_CHINESE.match(after) or _BEFORE_CHINESE.search(before))
    if _AFTER_ENGLISH.match(after):
        return True
    return bool(_BEFORE_ENGLISH.search(before)) and not _part_of_name(after)


def near(text: str, start: int, end: int, *, chinese: bool) -> bool:
    """Whether a word of business stands in the sentence and no longer name swallows this one."""
    if beside(text, start, end, chinese=chinese):
        return True
    before, after = _around(text, start, end)
    if chinese:
        return bool(_NEAR_CHINESE.search(before) or _NEAR_CHINESE.search(after))
    if not (_NEAR_ENGLISH.search(before) or _NEAR_ENGLISH.search(after)):
        return False
    # In a headline that capitalises every word a neighbour's capital says nothing.
    titled = not _LOWER.search(before + after)
    return titled or not (_CAPITALISED.search(before) or _part_of_name(after))


def not_a_thing(text: str, start: int, end: int, *, chinese: bool) -> bool:
    """Whether a brand does not read as a thing that somebody has ("hit by a white BMW")."""
    if _OWNED.search(text, max(0, start - 30), start) is None:
        return True
    return beside(text, start, end, chinese=chinese)


def is_person(text: str, start: int) -> bool:
    """Whether a first name or a person's title stands right before."""
    found = _WORD_BEFORE.search(text, max(0, start - 16), start)
    return found is not None and found[1] in _FIRST_NAMES


def is_venue(text: str, end: int) -> bool:
    """Whether what follows makes it a stadium or a sponsored contest."""
    return _VENUE.match(text, end) is not None


def _part_of_name(after: str) -> bool:
    """Whether the next word looks like the rest of a longer name."""
    return _CAPITALISED_AFTER.match(after) is not None
