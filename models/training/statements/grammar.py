"""A small language of rules from which statements are drawn.

A file of rules holds headings that end in a colon and, indented below each, one alternative a
line; a line may begin with ``*3`` to be drawn three times as often. In an alternative ``[a|b|]``
is a choice on the spot, ``<rule>`` another rule, and ``{slot}`` something that a ``Slots`` fills.
"""

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

_TOKEN = re.compile(r"<([\w.]+)>|\{([^}]+)\}|([\[\]|])|([^\[\]|<{]+)")
_WEIGHT = re.compile(r"\*(\d+)\s+")


class Slots(Protocol):
    """What fills the slots of one statement."""

    def fill(self, slot: str) -> str:
        """Return the text for a slot; the same name may be filled more than once."""
        ...


@dataclass(frozen=True, slots=True)
class _Reference:
    rule: str


@dataclass(frozen=True, slots=True)
class _Slot:
    name: str


@dataclass(frozen=True, slots=True)
class _Choice:
    alternatives: list["_Sequence"]


_Sequence = list["str | _Reference | _Slot | _Choice"]


@dataclass(slots=True)
class _Rule:
    alternatives: list[_Sequence] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)


class Grammar:
    """Rules by name."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Read the rules.

        Args:
            lines: Of one or more files of rules; a heading that comes again adds to its rule.

        Raises:
            ValueError: If a rule is named that does not exist, or a bracket is left open.
        """
        self._rules: dict[str, _Rule] = {}
        rule = _Rule()
        for line in lines:
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            if not line[0].isspace():
                rule = self._rules.setdefault(text.rstrip(":"), _Rule())
                continue
            weight = _WEIGHT.match(text)
            rule.weights.append(int(weight[1]) if weight else 1)
            rule.alternatives.append(_parse(text[weight.end() :] if weight else text))
        unknown = {
            reference
            for each in self._rules.values()
            for sequence in each.alternatives
            for reference in _references(sequence)
        } - self._rules.keys()
        if unknown:
            msg = f"no such rules: {sorted(unknown)}"
            raise ValueError(msg)

    def draw(self, rule: str, slots: Slots, rng: random.Random) -> str:
        """Return one statement of a rule."""
        chosen = self._rules[rule]
        sequence = rng.choices(chosen.alternatives, chosen.weights)[0]
        return self._write(sequence, slots, rng)

    def _write(self, sequence: _Sequence, slots: Slots, rng: random.Random) -> str:
        parts = []
        for node in sequence:
            match node:
                case str():
                    parts.append(node)
                case _Reference(rule):
                    parts.append(self.draw(rule, slots, rng))
                case _Slot(name):
                    parts.append(slots.fill(name))
                case _Choice(alternatives):
                    parts.append(self._write(rng.choice(alternatives), slots, rng))
        return "".join(parts)


def _parse(text: str) -> _Sequence:
    sequence: _Sequence = []
    open_choices: list[_Choice] = []
    stack: list[_Sequence] = [sequence]
    for match in _TOKEN.finditer(text):
        reference, slot, sign, literal = match.groups()
        if sign == "[":
            choice = _Choice([[]])
            stack[-1].append(choice)
            open_choices.append(choice)
            stack.append(choice.alternatives[0])
        elif sign == "|" and open_choices:
            open_choices[-1].alternatives.append([])
            stack[-1] = open_choices[-1].alternatives[-1]
        elif sign == "]" and open_choices:
            open_choices.pop()
            stack.pop()
        elif reference:
            stack[-1].append(_Reference(reference))
        elif slot:
            stack[-1].append(_Slot(slot))
        else:
            stack[-1].append(literal or sign)
    if open_choices:
        msg = f"a bracket is left open: {text}"
        raise ValueError(msg)
    return sequence


def _references(sequence: _Sequence) -> Iterator[str]:
    for node in sequence:
        if isinstance(node, _Reference):
            yield node.rule
        elif isinstance(node, _Choice):
            for alternative in node.alternatives:
                yield from _references(alternative)
