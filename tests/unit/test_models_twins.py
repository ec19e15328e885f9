"""Texts that are shown in two spellings: what is told of them, and what disagreement costs."""

from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from models.labels import Sentiment
from models.training.batches import Collator, Rows
from models.training.examples import Example, TypedSpan
from models.training.objective import divergence
from tests.tiny_models import save_model


def test_a_twin_comes_last_and_tells_nothing(tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(save_model(tmp_path / "model"))
    free = Example("profit rises", frozenset({Sentiment.POSITIVE}), relevant=True)
    named = Example("the bank", names=(TypedSpan((4, 8), frozenset()),))
    rows = Rows([named, free], tokenizer, max_tokens=16, twins=1.0)

    batch = Collator(tokenizer)([rows[0], rows[1]])

    assert batch["twins"].tolist() == [[1, 2]]
    assert batch["sentiment"].tolist()[1:] == [4, 0]
    assert batch["relevance"].tolist()[1] == 1.0
    assert batch["relevance"].tolist()[2] < 0
    assert batch["input_ids"].shape[0] == batch["attention_mask"].shape[0] == 3


def test_two_readings_that_agree_cost_nothing() -> None:
    logits = torch.tensor([[2.0, 0.0, 0.0], [3.0, 1.0, 1.0], [0.0, 2.0, 0.0]])

    assert float(divergence(logits, torch.tensor([[0, 1]]))) == pytest.approx(0.0, abs=1e-6)
    assert float(divergence(logits, torch.tensor([[0, 2]]))) > 0.5
    assert float(divergence(logits, torch.zeros((0, 2), dtype=torch.long))) == 0.0
