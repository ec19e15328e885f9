"""Explains stored items for the desk; the model is loaded at the first question, not before.

One thread of its own takes one question after the other, so that pages are served meanwhile and
memory is that of one model. The thread ends with the process, whatever it is doing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from queue import Full, Queue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Protocol

from models.labels import Sentiment

if TYPE_CHECKING:
    from models.explanation.explainer import Explanation

# A reader who waits longer looks at a page that says so, and renews itself.
WAIT_S = 2.0
MOST_WAITING = 8
MOST_KEPT = 200


class Reader(Protocol):
    """What ``pipeline.explaining.Reader`` is to this."""

    def explain(
        self, text: str, *, label: Sentiment, source: str, names: Sequence[str]
    ) -> Explanation:
        """Tell which words moved a text; raises CannotExplain."""
        ...


class NotExplained(Exception):
    """There is no explanation, or no model to give it; the text says why."""


class Busy(Exception):
    """Too many questions wait already."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of an item.

    Attributes:
        names: Id and name of the company towards which; empty: of the whole text.
    """

    item_id: str
    label: Sentiment
    names: tuple[str, ...] = ()


_Job = tuple["Future[Explanation]", Question, str, str]


class Explaining:
    """Answers questions and keeps the newest answers; threads share it.

    Args:
        build: Loads what explains; called in the thread that uses it, again after a failure.
        wait_s: Longest that ``ask`` waits for an answer.
    """

    def __init__(self, build: Callable[[], Reader], *, wait_s: float = WAIT_S) -> None:
        self._build = build
        self._wait_s = wait_s
        self._answers: OrderedDict[Question, Future[Explanation]] = OrderedDict()
        self._jobs: Queue[_Job] = Queue(MOST_WAITING)
        self._lock = Lock()
        self._thread: Thread | None = None

    def ask(self, question: Question, *, text: str, source: str) -> Explanation | None:
        """Return the answer, or None while it is being found: ask again.

        Args:
            question: What is asked.
            text: Of the item, as the worker reads it.
            source: Who published it.

        Raises:
            Busy: If too many wait already.
            NotExplained: If there is no answer.
        """
        answer = self._answer(question, text, source)
        if not wait([answer], timeout=self._wait_s).done:
            return None
        if answer.exception() is not None:
            with self._lock:
                self._answers.pop(question, None)  # the next one who asks tries again
        return answer.result()

    def _answer(self, question: Question, text: str, source: str) -> Future[Explanation]:
        with self._lock:
            answer = self._answers.get(question)
            if answer is None:
                answer = Future()
                try:
                    self._jobs.put_nowait((answer, question, text, source))
                except Full:
                    raise Busy from None
                self._answers[question] = answer
                self._start()
            self._answers.move_to_end(question)
            if len(self._answers) > MOST_KEPT:
                self._answers.popitem(last=False)
            return answer

    def _start(self) -> None:
        if self._thread is None:
            # A daemon: at its end the process waits for no model.
            self._thread = Thread(target=self._run, name="explaining", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        reader: Reader | None = None
        while True:
            answer, question, text, source = self._jobs.get()
            try:
                reader = reader or self._build()
                answer.set_result(_explain(reader, question, text, source))
            except Exception as error:  # noqa: BLE001  # raised again where it was asked
                answer.set_exception(_told(error))


def _explain(reader: Reader, question: Question, text: str, source: str) -> Explanation:
    return reader.explain(text, label=question.label, source=source, names=question.names)


def _told(error: Exception) -> Exception:
    """Return what is told to people as such, and a bug as it is."""
    from models.explanation.explainer import CannotExplain
    from models.loading import ModelError

    return NotExplained(str(error)) if isinstance(error, CannotExplain | ModelError) else error
