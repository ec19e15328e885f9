"""The 8-bit form says what the model says, keeps the order of texts, and refuses a broken file."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from models.loading import ModelError, load_classifier
from models.quantised.calibration import CALIBRATION_FILE, read_calibration, write_calibration
from models.version import SUMS_FILE
from tests.tiny_models import save_model

pytest.importorskip("openvino", reason="OpenVINO is not built for this machine")

TEXTS = (
    "northwind bank falls.",
    "profit rises",
    "the loss of northwind bank, the fraud of the bank, the loss of profit.",
    "股价暴跌",
    "northwind",
)


@pytest.fixture
def quantised(tmp_path: Path) -> Path:
    folder = save_model(tmp_path / "model")
    write_calibration(folder, TEXTS)
    return folder


def _negative(folder: Path, texts: Sequence[str], *, int8: bool) -> torch.Tensor:
    classifier = load_classifier(str(folder), device="cpu", int8=int8)
    return torch.tensor([list(a.probabilities.values()) for a in classifier.classify(texts)])


def test_the_8_bit_form_tells_nearly_what_the_model_tells(quantised: Path) -> None:
    exact = _negative(quantised, TEXTS, int8=False)
    told = _negative(quantised, TEXTS, int8=True)

    assert not torch.equal(told, exact), "it is another computation"
    assert (told - exact).abs().max() < 0.1


def test_the_8_bit_form_answers_each_text_whatever_stands_beside_it(quantised: Path) -> None:
    together = _negative(quantised, TEXTS, int8=True)
    alone = torch.cat([_negative(quantised, [text], int8=True) for text in TEXTS])

    assert (together - alone).abs().max() < 0.02


def test_the_8_bit_form_finds_names_and_sides(quantised: Path) -> None:
    classifier = load_classifier(str(quantised), device="cpu")
    exact = load_classifier(str(quantised), device="cpu", int8=False)

    [told], [expected] = (one.classify(TEXTS[:1], spans=[[(0, 9)]]) for one in (classifier, exact))

    assert told.span_sentiments[0] == pytest.approx(expected.span_sentiments[0], abs=0.1)


def test_a_model_without_ranges_runs_as_it_is(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model")

    assert read_calibration(folder) == {}
    assert torch.equal(_negative(folder, TEXTS, int8=True), _negative(folder, TEXTS, int8=False))


def test_a_broken_file_of_ranges_is_refused_with_what_to_do(quantised: Path) -> None:
    (quantised / CALIBRATION_FILE).write_bytes(b"no tensors")
    (quantised / SUMS_FILE).unlink()

    with pytest.raises(ModelError, match="tapewatch quantise"):
        load_classifier(str(quantised), device="cpu")


def test_ranges_without_a_text_are_refused(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model")

    with pytest.raises(ValueError, match="texts"):
        write_calibration(folder, [])
