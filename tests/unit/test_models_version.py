from pathlib import Path

import pytest

from models.version import SHIPPED, SUMS_FILE, FilesChanged, check_sums, write_sums


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files of which nothing but the sums is looked at."""
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    write_sums(tmp_path)
    return tmp_path


def test_the_shipped_files_are_those_whose_sums_are_shipped() -> None:
    check_sums(SHIPPED)

    sums = (SHIPPED / SUMS_FILE).read_text("utf-8")
    for name in ("config.json", "heads.json", "model.safetensors", "tokenizer.json"):
        assert name in sums


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_of_which_one_byte_is_another_is_refused(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises(FilesChanged, match=name):
        check_sums(folder)


def test_a_file_that_is_missing_is_refused(folder: Path) -> None:
    (folder / "config.json").unlink()

    with pytest.raises(FilesChanged, match=r"config\.json is missing"):
        check_sums(folder)


def test_weights_without_a_sum_are_refused(folder: Path) -> None:
    (folder / "int8.safetensors").write_bytes(b"more")

    with pytest.raises(FilesChanged, match="has no sum"):
        check_sums(folder)


def test_a_folder_without_sums_is_taken_as_it_is(folder: Path) -> None:
    (folder / SUMS_FILE).unlink()

    check_sums(folder)
