"""Every test file at once, in 8 bits and in float32: what the served form loses, if anything."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.common import SHARED_DATA, Row, about, load, save, say, show_table
from models.evaluation.evaluate import evaluate
from models.evaluation.rows import read_rows
from models.evaluation.task import Task
from models.loading import load_classifier, load_model
from models.transformer import TransformerClassifier
from pipeline.cli.fail import WRONG_USE, fail

FILES = (
    ("sentiment/tfns.test.jsonl", Task.SENTIMENT, ("accuracy", "macro_f1")),
    ("sentiment/fpb_half.test.jsonl", Task.SENTIMENT, ("accuracy", "macro_f1")),
    ("sentiment/finfe_zh.test.jsonl", Task.SENTIMENT, ("accuracy", "macro_f1")),
    ("topic/tfn.test.jsonl", Task.TOPIC, ("accuracy",)),
    ("topic/finnl_zh.test.jsonl", Task.TOPIC, ("micro_f1",)),
    ("entity_sentiment/sentfin.test.jsonl", Task.ENTITY_SENTIMENT, ("accuracy",)),
    (
        "entity_sentiment/finnsp_zh.test.jsonl",
        Task.ENTITY_SENTIMENT,
        ("negative_f1", "entity_f1"),
    ),
    ("ner/finer_ord.test.jsonl", Task.NER, ("entity_f1",)),
    ("ner/finner_zh.test.jsonl", Task.NER, ("entity_f1",)),
    ("ner/cluener_zh.test.jsonl", Task.NER, ("entity_f1",)),
    ("relevance/bbc.test.jsonl", Task.RELEVANCE, ("relevant_f1",)),
)
_CALIBRATION = "ece"
_BATCH_TOKENS = 8192


def in_float32(model: str) -> TransformerClassifier:
    """Return the model without 8 bits and without bfloat16."""
    plain = load_model(model, device="cpu")
    return TransformerClassifier(
        plain.forward,
        plain.tokenizer,
        plain.heads,
        version=plain.version,
        device=plain.device,
        max_batch_tokens=_BATCH_TOKENS,
        autocast=False,
        topic_threshold=0.0,
    )


def figures(path: Path, task: Task, names: tuple[str, ...], model: TransformerClassifier) -> Row:
    """Return the named figures of one file, and its calibration error."""
    told = evaluate(path, read_rows(path, task), task, model).figures
    flat = {**told, "relevant_f1": told.get("per_class", {}).get("relevant", {}).get("f1")}
    return {name: flat[name] for name in (*names, _CALIBRATION)}


def main(
    data: Annotated[Path, typer.Option(help="Folder of the test files.")] = SHARED_DATA,
    float32: Annotated[bool, typer.Option(help="Also measure in float32.")] = True,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
    model: Annotated[
        str, typer.Option(envvar="TAPEWATCH_MODEL__PATH", help="A folder.")
    ] = "shipped",
) -> None:
    """Measure the classifier on every test file that is there."""
    found = [(data / name, task, names) for name, task, names in FILES if (data / name).is_file()]
    if not found:
        raise fail(f"there are no test files in {data}", status=WRONG_USE)
    forms = {"served": load_classifier(model, device="cpu", topic_threshold=0.0)}
    if float32:
        forms["float32"] = in_float32(model)
    rows: list[Row] = []
    for path, task, names in found:
        say(f"{path.name}")
        told = {form: figures(path, task, names, one) for form, one in forms.items()}
        rows.append({"file": f"{path.parent.name}/{path.name}", **told})
    lines = [
        (row["file"], name, *(round(row[form][name], 4) for form in forms))
        for row in rows
        for name in row["served"]
    ]
    show_table("test files", ("file", "figure", *forms), lines)
    save(json_file, {"files": rows, **about(load(model))})


if __name__ == "__main__":
    typer.run(main)
