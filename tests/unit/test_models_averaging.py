"""The mean of models lies between them; what does not fit together is refused."""

from pathlib import Path

import pytest

from models.multihead import load_multihead
from models.training.averaging import average
from tests.tiny_models import HEADS, save_model


def test_each_parameter_is_the_weighted_mean(tmp_path: Path) -> None:
    folders = [save_model(tmp_path / str(seed), seed=seed) for seed in (1, 2)]

    average(folders, [0.25, 0.75], tmp_path / "mean")

    first, second, mean = (
        load_multihead(folder).state_dict() for folder in (*folders, tmp_path / "mean")
    )
    for name, value in mean.items():
        expected = 0.25 * first[name] + 0.75 * second[name]
        assert value.numpy() == pytest.approx(expected.numpy(), abs=1e-3)


@pytest.mark.parametrize("weights", [[1.0], [0.5, 0.6]])
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, weights: list[float]) -> None:
    folders = [save_model(tmp_path / str(seed), seed=seed) for seed in (1, 2)]

    with pytest.raises(ValueError, match="add up to 1"):
        average(folders, weights, tmp_path / "mean")


def test_a_head_that_one_of_them_lacks_is_left_out(tmp_path: Path) -> None:
    folders = [save_model(tmp_path / "a"), save_model(tmp_path / "b", HEADS[:3])]

    average(folders, [0.5, 0.5], tmp_path / "mean")

    assert load_multihead(tmp_path / "mean").specs == HEADS[:3]
