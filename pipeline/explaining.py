"""Why the model calls a text so: the words of a text, or of what it says of one company."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.entities.linking import Finder, LinkedEntity
from models.entities.names import stands_alone
from models.explanation.explainer import CannotExplain, Explainer, Explanation
from models.labels import Classifier, Sentiment, Span
from pipeline.stages.classify import Floors, tell


def places(
    text: str,
    names: Sequence[str],
    *,
    source: str,
    classifier: Classifier,
    finder: Finder,
    floors: Floors,
) -> tuple[Span, ...]:
    """Return where a text names a company: as the worker finds it, else as it is written.

    Args:
        text: As the worker reads it.
        names: What the company may go by: id, name, or what the text calls it; in any case.
        source: Who published the text.
        classifier: Finds names as well.
        finder: Knows companies by name.
        floors: As the worker has them.

    Raises:
        CannotExplain: If the text does not name it.
    """
    [(_, entities)] = tell(
        [text], classifier=classifier, finder=finder, sources=[source], floors=floors
    )
    for linked in entities:
        if _is_called(linked, text, names):
            return linked.spans
    written = (_written(text, name) for name in names)
    if spans := next(filter(None, written), ()):
        return spans
    found = ", ".join(f"{one.entity.name} ({one.entity.id})" for one in entities)
    msg = f"the text does not name {names[0]!r}; it names {found or 'no company'}"
    raise CannotExplain(msg)


@dataclass(frozen=True, slots=True)
class Reader:
    """Explains items as the worker reads them; one instance is used by one thread at a time."""

    explainer: Explainer
    classifier: Classifier
    finder: Finder
    floors: Floors

    def explain(
        self, text: str, *, label: Sentiment, source: str, names: Sequence[str]
    ) -> Explanation:
        """Tell which words moved a text towards a label.

        Args:
            text: Title and body.
            label: The label to explain.
            source: Who published it.
            names: Of the company towards which, as ``places`` takes them; empty: of the whole text.

        Raises:
            CannotExplain: If the text is empty or does not name the company.
        """
        spans: tuple[Span, ...] = ()
        if names:
            spans = places(
                text,
                names,
                source=source,
                classifier=self.classifier,
                finder=self.finder,
                floors=self.floors,
            )
        return self.explainer.explain(text, label=label, spans=spans)


def _is_called(linked: LinkedEntity, text: str, names: Sequence[str]) -> bool:
    known = {linked.entity.id, linked.entity.name, *(text[a:b] for a, b in linked.spans)}
    return not {name.casefold() for name in names}.isdisjoint(each.casefold() for each in known)


def _written(text: str, name: str) -> tuple[Span, ...]:
    """Return where a name stands in a text as a word of its own, in whatever case."""
    found = (match.span() for match in re.finditer(re.escape(name), text, re.IGNORECASE))
    return tuple(span for span in found if stands_alone(text, *span))
