"""The desk's explanations: one thread, one model, bounded; and how a text is shaded."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from models.explanation.explainer import CannotExplain, Explanation
from models.explanation.words import Token, Word
from models.labels import Sentiment
from models.loading import ModelError
from pipeline.web.desk.why import shaded, strongest
from pipeline.web.explaining import (
    MOST_KEPT,
    MOST_WAITING,
    Busy,
    Explaining,
    NotExplained,
    Question,
)

TEXT = "Fraud at bank, profit rises"
LONG_S = 20.0


def explanation(text: str = TEXT) -> Explanation:
    """Return one whose words add 2, 0.1 and -1."""
    places = {"Fraud": 2.0, "bank": 0.1, "profit": -1.0}
    words = []
    for word, added in places.items():
        start = text.index(word)
        token = Token(start, start + len(word), added)
        words.append(Word(token.start, token.end, (token,)))
    return Explanation(
        text, Sentiment.NEGATIVE, (), 0.9, 2.2, 1.1, tuple(words), 0.0, 32, 1, "tiny@1"
    )


@dataclass
class Gate:
    """A reader that answers once it is let; counts what it was asked."""

    open: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)

    def explain(
        self, text: str, *, label: Sentiment, source: str, names: Sequence[str]
    ) -> Explanation:
        """Wait, and return an explanation."""
        self.asked.append(f"{source} {label} {'/'.join(names)}")
        assert self.open.wait(LONG_S)
        if text == "silent":
            msg = "there are no words"
            raise CannotExplain(msg)
        return explanation()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def ask(explaining: Explaining, item_id: str = "a", text: str = TEXT) -> Explanation | None:
    return explaining.ask(Question(item_id, Sentiment.NEGATIVE), text=text, source="wire")


def test_who_asks_too_early_is_told_to_ask_again_and_the_work_is_done_once(gate: Gate) -> None:
    explaining = Explaining(lambda: gate, wait_s=0.01)

    early = ask(explaining)
    gate.open.set()
    until = time.monotonic() + LONG_S
    while (late := ask(explaining)) is None:
        assert time.monotonic() < until

    assert early is None
    assert ask(explaining) is late
    assert gate.asked == ["wire negative "]


def test_no_more_wait_than_there_is_room_for(gate: Gate) -> None:
    explaining = Explaining(lambda: gate, wait_s=0)

    # One is being answered; when it was taken off the queue is chance.
    for number in range(MOST_WAITING):
        ask(explaining, f"item {number}")
    while len(gate.asked) < 1:
        time.sleep(0.01)
    ask(explaining, "the last that has room")

    with pytest.raises(Busy):
        ask(explaining, "one too many")


def test_a_model_that_does_not_load_is_told_and_tried_again(gate: Gate) -> None:
    tries: list[str] = []
    gate.open.set()

    def build() -> Gate:
        tries.append("try")
        if len(tries) == 1:
            msg = "cannot load the model"
            raise ModelError(msg)
        return gate

    explaining = Explaining(build, wait_s=LONG_S)

    with pytest.raises(NotExplained, match="cannot load the model"):
        ask(explaining)
    assert ask(explaining) is not None
    with pytest.raises(NotExplained, match="there are no words"):
        ask(explaining, text="silent", item_id="b")
    assert len(tries) == 2


def test_a_bug_is_no_answer_and_ends_no_thread(gate: Gate) -> None:
    gate.open.set()
    tries: list[str] = []

    def build() -> Gate:
        tries.append("try")
        if len(tries) == 1:
            raise ZeroDivisionError
        return gate

    explaining = Explaining(build, wait_s=LONG_S)

    with pytest.raises(ZeroDivisionError):
        ask(explaining)
    assert ask(explaining) is not None


def test_old_answers_are_forgotten(gate: Gate) -> None:
    gate.open.set()
    explaining = Explaining(lambda: gate, wait_s=LONG_S)

    for number in range(MOST_KEPT + 1):
        ask(explaining, f"item {number}")
    ask(explaining, "item 0")
    ask(explaining, f"item {MOST_KEPT}")

    assert len(gate.asked) == MOST_KEPT + 2


def test_the_service_loads_no_model_before_somebody_asks() -> None:
    code = "import sys, pipeline.web.app; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


def test_every_word_is_shaded_by_what_it_adds_beside_the_strongest() -> None:
    pieces = shaded(explanation())

    assert "".join(piece.text for piece in pieces) == TEXT
    shades = {piece.text: piece.shade for piece in pieces if piece.added is not None}
    assert shades == {"Fraud": "for3", "bank": "", "profit": "against2"}


def test_the_strongest_words_come_first_with_their_bars() -> None:
    told = [(piece.text, piece.bar) for piece in strongest(explanation())]

    assert told == [("Fraud", 100.0), ("profit", 50.0), ("bank", 5.0)]
