"""The parts of the web service that need no database and no broker."""

import json
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.rows import Progress
from pipeline.companies import find_companies
from pipeline.series import BadQuery, parse_duration, parse_moment
from pipeline.web.lag import LagWatch
from pipeline.web.model_files import ModelFilesMissing, check_model_files

NOON = datetime(2023, 3, 9, 12, tzinfo=UTC)


def progress(next_offset: int) -> dict[int, Progress]:
    return {0: Progress("raw", 0, next_offset, NOON)}


def test_a_partition_without_work_stands_still_for_no_time() -> None:
    watch = LagWatch()

    [first] = watch.look(progress(5), {0: 5}, now_s=0.0)
    [later] = watch.look(progress(5), {0: 5}, now_s=1000.0)

    assert (first.unmoved_s, later.unmoved_s, later.messages) == (0.0, 0.0, 0)


def test_time_counts_from_the_first_look_at_which_work_waited() -> None:
    watch = LagWatch()
    watch.look(progress(5), {0: 5}, now_s=0.0)
    watch.look(progress(5), {0: 7}, now_s=1000.0)

    [lag] = watch.look(progress(5), {0: 9}, now_s=1030.0)

    assert (lag.unmoved_s, lag.messages) == (30.0, 4)


def test_a_stored_offset_that_moves_starts_the_time_again() -> None:
    watch = LagWatch()
    watch.look(progress(5), {0: 9}, now_s=0.0)
    watch.look(progress(6), {0: 9}, now_s=100.0)

    [lag] = watch.look(progress(6), {0: 9}, now_s=110.0)

    assert lag.unmoved_s == 10.0


def test_time_does_not_count_while_a_partition_is_another_workers() -> None:
    watch = LagWatch()
    watch.look(progress(5), {0: 9}, now_s=0.0)
    watch.look(progress(5), {}, now_s=10.0)

    [back] = watch.look(progress(5), {0: 9}, now_s=400.0)
    [later] = watch.look(progress(5), {0: 9}, now_s=430.0)

    assert (back.unmoved_s, later.unmoved_s) == (0.0, 30.0)


def test_a_partition_of_which_nothing_is_stored_waits_with_all_it_has() -> None:
    [lag] = LagWatch().look({}, {3: 8}, now_s=0.0)

    assert (lag.partition, lag.stored, lag.messages) == (3, 0, 8)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20))
def test_no_partition_stands_still_for_longer_than_it_was_watched(
    looks: list[tuple[int, int]],
) -> None:
    watch = LagWatch()
    for second, (stored, end) in enumerate(looks):
        [lag] = watch.look(progress(stored), {0: end}, now_s=float(second))
        assert 0 <= lag.unmoved_s <= second


def write_weights(folder: Path, *, tensor_bytes: int, kept_bytes: int | None = None) -> Path:
    header = json.dumps(
        {
            "__metadata__": {"format": "pt"},
            "w": {"dtype": "U8", "shape": [tensor_bytes], "data_offsets": [0, tensor_bytes]},
        }
    ).encode()
    kept = tensor_bytes if kept_bytes is None else kept_bytes
    content = struct.pack("<Q", len(header)) + header + b"x" * kept
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(content)
    return folder


def test_whole_model_files_pass(tmp_path: Path) -> None:
    folder = write_weights(tmp_path, tensor_bytes=100)

    assert str(folder) in check_model_files(str(folder))


def test_weights_that_were_cut_short_are_told(tmp_path: Path) -> None:
    folder = write_weights(tmp_path, tensor_bytes=100, kept_bytes=99)

    with pytest.raises(ModelFilesMissing, match="not whole"):
        check_model_files(str(folder))


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs", b"\xff" * 40, b"\0" * 8])
def test_a_file_that_is_no_weights_is_told(tmp_path: Path, content: bytes) -> None:
    write_weights(tmp_path, tensor_bytes=1)
    (tmp_path / "model.safetensors").write_bytes(content)

    with pytest.raises(ModelFilesMissing, match="no safetensors file"):
        check_model_files(str(tmp_path))


def test_a_folder_that_is_missing_is_told_and_a_name_on_a_hub_is_not_looked_for(
    tmp_path: Path,
) -> None:
    with pytest.raises(ModelFilesMissing):
        check_model_files(str(tmp_path / "none"))

    assert "fetched by the worker" in check_model_files("somebody/some-model")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30m", timedelta(minutes=30)),
        ("1H", timedelta(hours=1)),
        (" 7d ", timedelta(days=7)),
        ("2w", timedelta(days=14)),
    ],
)
def test_a_length_of_time_is_read(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7d", NOON - timedelta(days=7)),
        ("2023-03-09", datetime(2023, 3, 9, tzinfo=UTC)),
        ("2023-03-09T12:00", NOON),
        ("2023-03-09T13:00+01:00", NOON),
        ("2023-03-09T12:00Z", NOON),
    ],
)
def test_a_moment_is_read_without_an_offset_as_utc(text: str, expected: datetime) -> None:
    assert parse_moment(text, newest=NOON) == expected


@given(st.text(max_size=30))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        moment = parse_moment(text, newest=NOON)
    except BadQuery:
        return
    assert moment.tzinfo is UTC


@pytest.mark.parametrize("name", ["SIVB", "silicon valley bank", "svb"])
def test_a_company_is_found_by_id_name_and_alias(name: str) -> None:
    assert find_companies(name) == [("SIVB", "Silicon Valley Bank")]


def test_a_company_of_the_users_own_is_found_and_may_rename_a_shipped_one(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("id,name,aliases\nacme,Acme Holdings,艾克米|$ACM\nSIVB,The Bank,\n", "utf-8")

    assert find_companies("艾克米", [own]) == [("acme", "Acme Holdings")]
    assert find_companies("acm", [own]) == [("acme", "Acme Holdings")]
    assert find_companies("SIVB", [own]) == [("SIVB", "The Bank")]


def test_an_unknown_company_is_not_guessed() -> None:
    assert find_companies("No Such Company") == []
    assert find_companies("") == []


def test_companies_are_found_by_aliases_that_a_text_must_prove() -> None:
    for name in ("Samyang", "Visual China", "大集"):
        assert find_companies(name), name
