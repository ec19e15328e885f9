"""The commands that label texts to train on, and that tell what a run did not learn from."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from pipeline.cli.fail import WRONG_USE, fail, missing

_errors = Console(stderr=True)


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
        raise fail(missing("spaCy", "silver")) from error
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
