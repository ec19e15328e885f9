"""Additions to an encoder learn alone and end up in its weights; rare classes weigh more."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from models.labels import Sentiment
from models.loading import load_classifier
from models.multihead import MultiHeadModel, load_multihead
from models.prefix import PrefixedEncoder
from models.training.calibration import recalibrate
from models.training.config import DataFile, TrainingConfig
from models.training.examples import Example
from models.training.objective import TrainableModel, balanced_weights
from models.training.train import train
from models.training.tuning import Tuning, freeze_below, merged, with_additions
from tests.tiny_models import HEADS, save_model, save_tokenizer


def _rows(path: Path) -> None:
    texts = {"negative": "loss rises", "neutral": "the bank", "positive": "profit rises"}
    rows = [{"text": text, "label": label} for label, text in texts.items()] * 8
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _config(start: Path, **changes: Any) -> TrainingConfig:
    """Return a short run from a model folder on rows that are written beside it."""
    _rows(start.parent / "s.jsonl")
    return TrainingConfig(
        encoder=str(start),
        data=(DataFile(file=Path("s.jsonl"), task="sentiment"),),
        epochs=2,
        batch_size=4,
        learning_rate=0.05,
        held_back=0.2,
        **changes,
    )


@pytest.mark.filterwarnings("ignore")  # Trainer's own, of a run this small
@pytest.mark.parametrize("tuning", [Tuning.LORA, Tuning.IA3])
def test_what_was_added_is_merged_into_a_plain_model_folder(tuning: Tuning, tmp_path: Path) -> None:
    start = save_model(tmp_path / "start")
    config = _config(start, tuning=tuning, class_weights=True)

    train(config, tmp_path, tmp_path / "out")

    before, after = (load_multihead(path).encoder for path in (start, tmp_path / "out"))
    old, new = before.state_dict(), after.state_dict()
    assert old.keys() == new.keys()
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert any("attention.self.key.weight" in name for name in changed)
    assert not any("embeddings" in name for name in changed)


@pytest.mark.filterwarnings("ignore")  # Trainer's own, of a run this small
def test_a_prefix_is_all_that_is_learnt_of_an_encoder_and_is_served(tmp_path: Path) -> None:
    start = save_model(tmp_path / "start")
    config = _config(start, tuning=Tuning.PREFIX, prefix_tokens=3)

    train(config, tmp_path, tmp_path / "out")

    before, after = (load_multihead(path) for path in (start, tmp_path / "out"))
    assert isinstance(after.encoder, PrefixedEncoder)
    assert after.encoder.prefix.shape == (2, 2, 2, 3, 8)
    old, new = before.encoder.state_dict(), after.encoder.encoder.state_dict()
    assert all(torch.equal(old[name], new[name]) for name in old)
    # The heads of both on one text: the prefix alone tells them apart.
    ids, mask = torch.tensor([[2, 6, 8, 3]]), torch.ones(1, 4, dtype=torch.long)
    with_prefix = after.encoder(ids, mask).last_hidden_state
    without = before.encoder(ids, mask).last_hidden_state
    assert with_prefix.shape == without.shape
    assert not torch.allclose(with_prefix, without, atol=1e-3)
    [told] = load_classifier(str(tmp_path / "out"), device="cpu").classify(["profit rises"])
    assert told.sentiment is Sentiment.POSITIVE


def test_a_model_with_a_prefix_is_no_start_of_another(tmp_path: Path) -> None:
    encoder = load_multihead(save_model(tmp_path / "start")).encoder
    assert isinstance(encoder, PreTrainedModel)
    model = MultiHeadModel(PrefixedEncoder(encoder, torch.zeros(2, 2, 2, 3, 8)), HEADS)
    model.save(tmp_path / "prefixed")
    save_tokenizer(tmp_path / "prefixed")
    config = TrainingConfig(encoder=str(tmp_path / "prefixed"), data=())
    with pytest.raises(ValueError, match="has a prefix"):
        train(config, tmp_path, tmp_path / "out")


@pytest.mark.parametrize("padding", [0, 3])
def test_a_prefix_reads_as_it_did_in_peft(padding: int, tmp_path: Path) -> None:
    encoder = load_multihead(save_model(tmp_path / "start")).encoder
    assert isinstance(encoder, PreTrainedModel)
    torch.manual_seed(1)
    tuned = with_additions(encoder, Tuning.PREFIX, rank=1, prefix_tokens=3)
    tuned.train(mode=False)
    ids = torch.tensor([[2, 6, 8, 3] + [0] * padding])
    mask = torch.tensor([[1] * 4 + [0] * padding])

    expected = tuned(input_ids=ids, attention_mask=mask).last_hidden_state
    told = merged(tuned)(ids, mask).last_hidden_state

    assert torch.allclose(told[:, :4], expected[:, :4], atol=1e-6)


@pytest.mark.filterwarnings("ignore")  # Trainer's own, of a run this small
def test_only_the_uppermost_layers_change(tmp_path: Path) -> None:
    start = save_model(tmp_path / "start")
    config = _config(start, trained_layers=1)

    train(config, tmp_path, tmp_path / "out")

    old, new = (load_multihead(path).state_dict() for path in (start, tmp_path / "out"))
    last = load_multihead(start).encoder.config.num_hidden_layers - 1
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert any(name.startswith(f"encoder.encoder.layer.{last}.") for name in changed)
    assert not any(f"layer.{layer}." in name for layer in range(last) for name in changed)
    assert not any("embeddings" in name for name in changed)


def test_more_trained_layers_than_there_are_is_an_error(tmp_path: Path) -> None:
    encoder = load_multihead(save_model(tmp_path / "start")).encoder
    assert isinstance(encoder, PreTrainedModel)
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
