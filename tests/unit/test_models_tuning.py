"""Additions to an encoder learn alone and end up in its weights; rare classes weigh more."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.labels import Sentiment
from models.multihead import load_multihead
from models.training.calibration import recalibrate
from models.training.config import DataFile, TrainingConfig
from models.training.examples import Example
from models.training.objective import TrainableModel, balanced_weights
from models.training.train import train
from models.training.tuning import Tuning, freeze_below
from tests.tiny_models import save_model


def _rows(path: Path) -> None:
    texts = {"negative": "loss rises", "neutral": "the bank", "positive": "profit rises"}
    rows = [{"text": text, "label": label} for label, text in texts.items()] * 8
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.filterwarnings("ignore")  # Trainer's own, of a run this small
@pytest.mark.parametrize("tuning", [Tuning.LORA, Tuning.IA3])
def test_what_was_added_is_merged_into_a_plain_model_folder(tuning: Tuning, tmp_path: Path) -> None:
    start = save_model(tmp_path / "start")
    _rows(tmp_path / "s.jsonl")
    config = TrainingConfig(
        encoder=str(start),
        data=(DataFile(file=Path("s.jsonl"), task="sentiment"),),
        tuning=tuning,
        class_weights=True,
        epochs=2,
        batch_size=4,
        learning_rate=0.05,
        held_back=0.2,
    )

    train(config, tmp_path, tmp_path / "out")

    before, after = (load_multihead(path).encoder for path in (start, tmp_path / "out"))
    old, new = before.state_dict(), after.state_dict()
    assert old.keys() == new.keys()
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert any("attention.self.key.weight" in name for name in changed)
    assert not any("embeddings" in name for name in changed)


@pytest.mark.filterwarnings("ignore")  # Trainer's own, of a run this small
def test_only_the_uppermost_layers_change(tmp_path: Path) -> None:
    start = save_model(tmp_path / "start")
    _rows(tmp_path / "s.jsonl")
    config = TrainingConfig(
        encoder=str(start),
        data=(DataFile(file=Path("s.jsonl"), task="sentiment"),),
        trained_layers=1,
        epochs=2,
        batch_size=4,
        learning_rate=0.05,
        held_back=0.2,
    )

    train(config, tmp_path, tmp_path / "out")

    old, new = (load_multihead(path).state_dict() for path in (start, tmp_path / "out"))
    last = load_multihead(start).encoder.config.num_hidden_layers - 1
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert any(name.startswith(f"encoder.encoder.layer.{last}.") for name in changed)
    assert not any(f"layer.{layer}." in name for layer in range(last) for name in changed)
    assert not any("embeddings" in name for name in changed)


def test_more_trained_layers_than_there_are_is_an_error(tmp_path: Path) -> None:
    encoder = load_multihead(save_model(tmp_path / "start")).encoder
    with pytest.raises(ValueError, match="trained_layers is 99"):
        freeze_below(encoder, 99)


def test_rare_sentiments_weigh_more() -> None:
    negative, neutral = (frozenset({s}) for s in (Sentiment.NEGATIVE, Sentiment.NEUTRAL))
    examples = [Example("a", negative)] * 1 + [Example("b", neutral)] * 3

    weights = dict(zip(Sentiment, balanced_weights(examples).tolist(), strict=True))

    assert weights[Sentiment.NEGATIVE] == pytest.approx(3 * weights[Sentiment.NEUTRAL])


def test_the_loss_of_a_sentiment_is_multiplied_by_its_weight(tmp_path: Path) -> None:
    model = load_multihead(save_model(tmp_path / "model"))
    losses, bits = torch.tensor([1.0, 1.0, 1.0]), torch.tensor([1, 2, 6])

    told = TrainableModel(model, torch.tensor([5.0, 1.0, 3.0]))._weighted(losses, bits)

    assert told.tolist() == [5.0, 1.0, 2.0]


@pytest.mark.filterwarnings("ignore")  # Trainer's own, of a run this small
def test_only_the_temperatures_of_a_calibrated_model_change(tmp_path: Path) -> None:
    start = save_model(tmp_path / "start")
    _rows(tmp_path / "s.jsonl")
    files = (DataFile(file=Path("s.jsonl"), task="sentiment"),)
    config = TrainingConfig(encoder=str(start), data=files, held_back=0.4, batch_size=4)
    train(config, tmp_path, tmp_path / "out")
    before = load_multihead(tmp_path / "out")
    fitted = before.specs[0].temperature
    before.specs = (replace(before.specs[0], temperature=3.5), *before.specs[1:])
    before.save(tmp_path / "out")

    told = recalibrate(tmp_path / "out", config, tmp_path)

    after = load_multihead(tmp_path / "out")
    assert told["sentiment"] == after.specs[0].temperature == pytest.approx(fitted, rel=0.1)
    assert after.specs[1:] == before.specs[1:]
    assert all(torch.equal(before.state_dict()[k], v) for k, v in after.state_dict().items())
