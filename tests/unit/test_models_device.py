"""The path to a GPU, walked on the CPU: pinned copies, autocast, several batches in flight."""

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from models.loading import LoadedModel, load_model
from models.transformer import Forward, TransformerClassifier
from tests.tiny_models import save_model

TEXTS = [f"{'northwind bank falls. ' * count}the loss" for count in range(1, 9)]


@pytest.fixture
def model(tmp_path: Path) -> LoadedModel:
    return load_model(str(save_model(tmp_path / "model")), device="cpu")


def classifier(model: LoadedModel, forward: Forward, *, autocast: bool) -> TransformerClassifier:
    return TransformerClassifier(
        forward,
        model.tokenizer,
        model.heads,
        version=model.version,
        device=model.device,
        max_batch_tokens=256,
        autocast=autocast,
    )


def negatives(told: TransformerClassifier) -> list[float]:
    return [analysis.probabilities["negative"] for analysis in told.classify(TEXTS)]  # type: ignore[index]  # a str enum


def test_inputs_go_by_pinned_memory_without_waiting_and_say_the_same(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = negatives(classifier(model, model.forward, autocast=False))
    pinned: list[Tensor] = []
    waited: list[bool] = []
    to: Callable[..., Tensor] = Tensor.to

    def pin(tensor: Tensor) -> Tensor:  # a fake: pinning needs a GPU's driver
        pinned.append(tensor)
        return tensor

    def copy(tensor: Tensor, *where: object, **how: object) -> Tensor:
        if "non_blocking" in how:
            waited.append(not how["non_blocking"])
        return to(tensor, *where, **how)

    monkeypatch.setattr(Tensor, "pin_memory", pin)
    monkeypatch.setattr(Tensor, "to", copy)
    gpu_like = classifier(model, model.forward, autocast=False)
    gpu_like._pinned = True

    assert negatives(gpu_like) == expected
    assert len(pinned) >= 2
    assert waited == [False] * len(pinned)


def test_later_batches_begin_before_an_earlier_one_is_read(model: LoadedModel) -> None:
    begun: list[int] = []
    at_read: list[int] = []

    class Watched(TransformerClassifier):
        def _read(self, *args: object, **named: object) -> dict[int, object]:  # type: ignore[override]  # hands everything on
            at_read.append(len(begun))
            return TransformerClassifier._read(self, *args, **named)  # type: ignore[arg-type, return-value]

    def forward(ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        begun.append(len(ids))
        return model.forward(ids, mask)

    watched = Watched(
        forward,
        model.tokenizer,
        model.heads,
        version=model.version,
        device=model.device,
        max_batch_tokens=1,  # raised to one window
        autocast=False,
    )
    long = [text * 12 for text in TEXTS]  # a window each, so that every batch holds few
    told = watched.classify(long)

    alone = classifier(model, model.forward, autocast=False).classify(long)
    assert len(begun) > 4
    assert at_read[0] == 3
    assert [one.score for one in told] == pytest.approx([one.score for one in alone], abs=1e-4)


def test_bfloat16_says_nearly_the_same(model: LoadedModel) -> None:
    exact = negatives(classifier(model, model.forward, autocast=False))
    halved = negatives(classifier(model, model.forward, autocast=True))

    assert halved != exact
    assert halved == pytest.approx(exact, abs=0.05)
