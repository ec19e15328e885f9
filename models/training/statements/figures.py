"""Amounts and percentages that agree with each other, as different countries write them."""

import math
import random
from dataclasses import dataclass

_EN_FORMATS = (
    "EUR {} mn", "EUR {} mn", "EUR {} million", "EUR{}m", "EUR {} bn", "€{} million", "€{}m",
    "€{}bn", "${}bn", "${} billion", "${} million", "${}m", "US$ {} million", "US${} million",
    "USD {} million", "USD {}m", "£{}m", "£{} million", "GBP {} mn", "Rs {} crore", "₹{} crore",
    "Rs {} lakh", "INR {} crore", "SEK {} million", "SEK {} mn", "NOK {} million", "NOK {}bn",
    "DKK {} mn", "CHF {} million", "{} million euros", "{} million dollars", "{} billion yen",
    "¥{} billion", "RMB {} million", "{} billion yuan", "HK${} million", "HK$ {} mln", "A${}m",
    "C${} million", "S${} million", "KRW {} billion", "R$ {} million", "PLN {} mn", "{} mln euro",
    "RUB {} bn", "TRY {} mn", "EEK {} mn", "LTL {} million", "{} billion won", "AED {} million",
)  # fmt: skip
_ZH_FORMATS = (
    "{}亿元", "{}亿元", "{}万元", "{}万元", "{}亿美元", "{}万美元", "{}亿港元", "{}亿欧元",
    "人民币{}亿元", "人民币{}万元", "{}亿日元", "{}亿新台币", "{} 亿元", "{}亿", "{}万", "{}亿英镑",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """A lower and a higher value.

    Attributes:
        up: How much higher the higher one is, in percent of the lower one.
        down: How much lower the lower one is, in percent of the higher one.
        currency: What stands before both; may be left out before the second one that is named.
    """

    low: str
    high: str
    up: str
    down: str
    currency: str = ""


class Figures:
    """The figures of one statement: one currency and one way to write it."""

    def __init__(self, language: str, rng: random.Random) -> None:
        """Draw the currency."""
        self._rng = rng
        self._format = rng.choice(_EN_FORMATS if language == "en" else _ZH_FORMATS)
        self._digits = rng.choice((1, 1, 1, 2, 0))
        self._large = any(word in self._format for word in ("万", "lakh", "KRW", "yen", "RUB"))

    def _number(self, value: float) -> str:
        return f"{value:,.{self._digits}f}"

    def amount(self) -> str:
        """Return an amount of money that stands for itself."""
        return self._format.format(self._number(self._value()))

    def _value(self) -> float:
        low, factor = (10, 950) if self._large else (2, 475)
        return low * math.pow(factor, self._rng.random())

    def pair(self) -> Pair:
        """Return two amounts of money."""
        low, high, up, down = self._two(self._value())
        written = self._format.format
        return Pair(written(low), written(high), up, down, self._format.partition("{}")[0])

    def _two(self, start: float) -> tuple[str, str, str, str]:
        digits = self._digits
        step = max(start * self._rng.choice((0.02, 0.05, 0.1, 0.2, 0.4, 0.9)), 10**-digits)
        rise = step * self._rng.uniform(1, 2)
        low = max(round(start, digits), 10**-digits)
        high = round(low + max(rise, 10**-digits), digits)
        up, down = (high / low - 1) * 100, (1 - low / high) * 100
        return (
            self._number(low),
            self._number(high),
            percent(up, self._rng),
            percent(down, self._rng),
        )

    def share_pair(self) -> Pair:
        """Return two amounts per share."""
        low = self._rng.uniform(0.04, 4)
        high = low * self._rng.uniform(1.05, 2.2) + 0.01
        return Pair(f"{low:.2f}", f"{high:.2f}", up="", down="")

    def percent_pair(self) -> Pair:
        """Return two shares of a whole, without the sign."""
        low = self._rng.uniform(0.8, 38)
        gap = self._rng.uniform(0.3, 9)
        text = f"{gap:.1f}"
        return Pair(f"{low:.1f}", f"{low + gap:.1f}", text, text)

    def count(self) -> str:
        """Return a number of people, shares or things."""
        value = 10 ** self._rng.uniform(1.3, 5)
        return f"{round(value, -1 if value < 1000 else -2):,.0f}"  # as such counts are rounded

    def percent(self) -> str:
        """Return a percentage that stands for itself, without the sign."""
        return percent(1.5 * 50 ** self._rng.random(), self._rng)


def percent(value: float, rng: random.Random) -> str:
    """Write a percentage, without the sign."""
    if value >= 10 and rng.random() < 0.4:
        return f"{value:.0f}"
    return f"{value:.1f}" if rng.random() < 0.8 else f"{max(value, 0.01):.2f}"
