"""Fits what each sign says of an account's story: the constants of ``alerts.accounts.odds``.

On labelled headlines in three orders, each with its true stories: as the file has them, shuffled
within a day, and thinned so that most stories have an account or two, as in a live stream.
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from sklearn.linear_model import LogisticRegression

from alerts.accounts.odds import StorySigns
from alerts.accounts.stories import StoryIndex
from alerts.accounts.vectors import unpack
from benchmarks.common import load
from benchmarks.stories import HEADLINES, Headline, mixed, read_headlines, thinned

# As many as the file's own order may teach: its stories lie together, which a live stream's do not.
_IN_ORDER, _MIXED = 10_000, 12_000
# A strong prior towards 0: what signs say together is hard to tell apart.
_C = 0.03
_SIGNS = (
    "constant", "cosine", "names", "log_size", "share", "share_and_cosine",
    "vector", "vector_and_cosine", "vector_and_share",
)  # fmt: skip


def compared(
    headlines: Sequence[Headline], *, vectors: bool
) -> tuple[list[StorySigns], list[bool]]:
    """Return the signs of each headline and candidate, and whether that is its story."""
    index = StoryIndex()
    signs: list[StorySigns] = []
    right: list[bool] = []
    numbers: dict[str, int] = {}
    for one in headlines:
        number = numbers.setdefault(one.story, len(numbers))
        vector = unpack(one.vector if vectors else b"")
        for story, sign in index.compare(number, one.at, one.title, now=one.at, vector=vector):
            signs.append(sign)
            right.append(story == number)
    return signs, right


def fit(signs: Sequence[StorySigns], right: Sequence[bool], *, vectors: bool) -> dict[str, float]:
    """Return the constants by name."""
    columns = np.array(
        [
            (1.0, s.cosine, s.names, s.log_size, s.share, s.share * s.cosine)
            + ((near := s.vector or 0.0, near * s.cosine, near * s.share) if vectors else ())
            for s in signs
        ]
    )
    model = LogisticRegression(C=_C, fit_intercept=False, max_iter=1_000).fit(columns, right)
    names = _SIGNS[: columns.shape[1]]
    return {name: round(float(x), 2) for name, x in zip(names, model.coef_[0], strict=True)}


def main(
    headlines: Annotated[Path, typer.Option(help="Labelled headlines (docs/data.md).")] = HEADLINES,
    path: Annotated[
        str, typer.Option("--path", "--model", envvar="TAPEWATCH_MODEL__PATH", help="A folder.")
    ] = "shipped",
    count: Annotated[int, typer.Option(min=1, help="Rows from the first on.")] = 30_000,
) -> None:
    """Print the constants with and without a model's vectors, as JSON."""
    rows = read_headlines(headlines, 0, count, load(path))
    rng = random.Random(0)  # noqa: S311 - an order, no secret
    orders = (rows[:_IN_ORDER], mixed(rows, rng)[:_MIXED], thinned(rows, rng))
    for vectors in (False, True):
        told = [compared(order, vectors=vectors) for order in orders]
        signs = [sign for some, _ in told for sign in some]
        right = [one for _, some in told for one in some]
        typer.echo(json.dumps({"vectors": vectors, **fit(signs, right, vectors=vectors)}))


if __name__ == "__main__":
    typer.run(main)
