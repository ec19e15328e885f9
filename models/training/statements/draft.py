"""One statement in the making: fills the slots and remembers where the names are.

A slot that begins with a capital is a name: ``A`` to ``C`` companies, ``K`` a bank or broker as a
source, ``P`` and ``Q`` people, ``L`` and ``M`` places, ``G`` authorities, ``X`` exchanges, ``O``
other organisations; a ``+``, ``-`` or ``=`` behind it is the sentiment towards it. Without that, it
is that of the text towards ``A``, and neutral towards all others.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from models.labels import EntityType, Sentiment
from models.training.statements import names
from models.training.statements.figures import Figures, Pair
from models.training.statements.lists import words

_SIGNS = {"+": Sentiment.POSITIVE, "-": Sentiment.NEGATIVE, "=": Sentiment.NEUTRAL}
_TYPES = {
    "P": EntityType.PERSON, "Q": EntityType.PERSON,
    "L": EntityType.LOCATION, "M": EntityType.LOCATION,
    "G": EntityType.GOVERNMENT, "O": EntityType.ORGANIZATION, "X": EntityType.ORGANIZATION,
}  # fmt: skip
_LISTED = {
    "L": "place", "M": "place", "G": "authority", "O": "organization",
    "X": "exchange", "K": "broker",
}  # fmt: skip
_FIRST_MARK = 0xE000
"""Private characters stand for the names until the text is final, so that spans stay exact."""


@dataclass(slots=True)
class Name:
    """A mention: its letter in the rules, the text, what it is and the sentiment towards it."""

    letter: str
    text: str
    type: EntityType
    sentiment: Sentiment


class Draft:
    """The slots of one statement."""

    def __init__(
        self, language: str, label: Sentiment | None, rng: random.Random, *, banks: bool
    ) -> None:
        """Draw the currency and the year.

        Args:
            language: ``en`` or ``zh``.
            label: Of the statement, which is also that towards its subject.
            rng: What all is drawn from.
            banks: Draw banks as companies.
        """
        self.names: list[Name] = []
        self._language = language
        self._label = label or Sentiment.NEUTRAL
        self._rng = rng
        self._banks = banks
        self._figures = Figures(language, rng)
        self._known: dict[str, str] = {}
        self._pairs: dict[str, Pair] = {}
        self._currency_named = False
        self._year = rng.randint(2003, 2026)

    def fill(self, slot: str) -> str:
        """Return the text for a slot, or the mark of a name.

        Raises:
            ValueError: If there is no such slot.
        """
        if slot[0].isupper():
            return self._name(slot[0], slot[1:])
        kind, _, key = slot.partition(".")
        if kind in {"low", "high", "up", "down"}:
            return self._of_pair(kind, key)
        single: Callable[[], str] | None = {
            "amount": self._figures.amount,
            "count": self._figures.count,
            "percent": self._figures.percent,
            "code": self._letters,
            "age": lambda: str(self._rng.randint(34, 66)),
            "nation": lambda: self._rng.choice(words("en_people")),
            "business": lambda: self._rng.choice(words("en_business")),
            "day": lambda: str(self._rng.randint(1, 28)),
            "small": lambda: str(self._rng.randint(2, 12)),
            "year": lambda: str(self._year),
            "before": lambda: str(self._year - 1),
            "after": lambda: str(self._year + self._rng.randint(1, 4)),
            "since": lambda: str(self._year - self._rng.randint(1, 12)),
            "past": lambda: str(self._year - self._rng.randint(2, 60)),
        }.get(kind)
        if single is None:
            msg = f"no such slot: {slot}"
            raise ValueError(msg)
        return single()

    def _of_pair(self, kind: str, key: str) -> str:
        if key not in self._pairs:
            make = {"eps": self._figures.share_pair, "rate": self._figures.percent_pair}
            self._pairs[key] = make.get(key, self._figures.pair)()
        pair = self._pairs[key]
        text = {"low": pair.low, "high": pair.high, "up": pair.up, "down": pair.down}[kind]
        if kind in {"low", "high"} and pair.currency:
            if self._currency_named and self._rng.random() < 0.25:
                return text.removeprefix(pair.currency)
            self._currency_named = True
        return text

    def _name(self, letter: str, sign: str) -> str:
        first = letter not in self._known
        if first:
            self._known[letter] = self._new_name(letter)
        text = self._known[letter]
        company = letter not in _TYPES
        if company and first and self._rng.random() < 0.2:
            text = self._formal(text)
        default = self._label if letter == "A" else Sentiment.NEUTRAL
        kind = _TYPES.get(letter, EntityType.COMPANY)
        self.names.append(Name(letter, text, kind, _SIGNS.get(sign, default)))
        mark = chr(_FIRST_MARK + len(self.names) - 1)
        if letter in "AB" and first and self._rng.random() < 0.12:
            mark = self._described(mark)
        if company and first and self._rng.random() < 0.1:
            mark += self._ticker()
        return mark

    def _new_name(self, letter: str) -> str:
        while True:
            if letter in "PQ":
                text = names.person(self._language, self._rng)
            elif letter in _LISTED and (letter != "K" or self._rng.random() < 0.6):
                text = names.listed(_LISTED[letter], self._language, self._rng)
            else:
                bank = letter == "K" or self._banks or self._rng.random() < 0.08
                text = names.company(self._language, self._rng, bank=bank)
            if text not in self._known.values():
                return text

    def _formal(self, text: str) -> str:
        if self._language == "zh" or text.split()[-1] in words("en_form"):
            return text
        return f"{text} {self._rng.choice(words('en_form'))}"

    def _described(self, mark: str) -> str:
        if self._language == "zh":
            return self._rng.choice(words("zh_prefix")) + mark
        people = self._rng.choice(words("en_people"))
        business = self._rng.choice(words("en_business"))
        kind = self._rng.choice(("company", "group", "firm", "company"))
        return f"{self._rng.choice((f'{people} {business}', people, business))} {kind} {mark}"

    def _ticker(self) -> str:
        if self._language == "zh":
            code = self._rng.choice(("600", "000", "300", "688", "002")) + str(
                self._rng.randint(100, 999)
            )
            place = ".SH" if code[0] == "6" else ".SZ"
            return self._rng.choice((f"（{code}{place}）", f"({code})", f"（{code}）"))
        code = self._letters()
        places = ("", "NYSE: ", "NASDAQ: ", "HEL:", "OMX Helsinki: ", "LSE: ", "$")
        tail = self._rng.choice(("", "", ".L", ".HE", ".N", ".NS"))
        place = self._rng.choice(places)
        return f" ({place}{code}{'' if place else tail})"

    def _letters(self) -> str:
        return "".join(self._rng.choices("ABCDEFGHIKLMNOPRSTUVWXYZ", k=self._rng.randint(2, 4)))

    def unite(self) -> None:
        """Give all mentions of a name the one sentiment that is not neutral, where there is one."""
        told = {n.letter: n.sentiment for n in self.names if n.sentiment is not Sentiment.NEUTRAL}
        for name in self.names:
            name.sentiment = told.get(name.letter, name.sentiment)

    def place(self, text: str) -> tuple[str, list[dict[str, object]]]:
        """Return the text with the names in their places, and what the names are."""
        parts: list[str] = []
        length = 0
        entities: list[dict[str, object]] = []
        for part in re.split("([\ue000-\uf8ff])", text):
            written = part
            if len(part) == 1 and "\ue000" <= part <= "\uf8ff":
                name = self.names[ord(part) - _FIRST_MARK]
                written = name.text.removeprefix("the ")
                if written != name.text:  # the article is no part of the name
                    parts.append("the " if length else "The ")
                    length += 4
                entities.append(
                    {
                        "start": length,
                        "end": length + len(written),
                        "text": written,
                        "sentiment": str(name.sentiment),
                        "type": str(name.type),
                    }
                )
            elif part.startswith(".") and parts and parts[-1].endswith("."):
                written = part[1:]  # "Inc." ends the sentence by itself
            parts.append(written)
            length += len(written)
        return "".join(parts), entities
