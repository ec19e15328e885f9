"""`tapewatch detect`: what it writes, and what it says about files that it cannot read."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.main import app


def test_each_row_comes_back_as_written_with_its_score(tmp_path: Path) -> None:
    series, out = tmp_path / "series.csv", tmp_path / "out.csv"
    rows = [f"2026-01-{day:02} 0{hour}:00:00,4" for day in (1, 2, 3) for hour in range(10)]
    series.write_text("\n".join(["timestamp,value", *rows, "2026-01-03 10:00:00,900", ""]))

    result = CliRunner().invoke(app, ["detect", str(series), "-o", str(out)])

    assert result.exit_code == 0, result.output
    header, *lines = out.read_text().splitlines()
    assert header == "timestamp,value,anomaly_score"
    assert [line.rpartition(",")[0] for line in lines[:-1]] == rows
    assert float(lines[-1].rpartition(",")[2]) > 0.5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no column timestamp"),
        ("timestamp,count\n", "no column value"),
        ("timestamp,value\n", "no rows"),
        ("timestamp,value\nyesterday,1\n", "line 2"),
        ("timestamp,value\n2026-01-01,nan\n", "no finite number"),
        ("timestamp,value\n2026-01-01\n", "no finite number"),
        ("timestamp,value\n2026-01-02,1\n2026-01-01,1\n", "sort the rows"),
    ],
)
def test_a_bad_file_is_refused_and_nothing_is_written(tmp_path: Path, text: str, told: str) -> None:
    series, out = tmp_path / "series.csv", tmp_path / "out.csv"
    series.write_text(text)

    result = CliRunner().invoke(app, ["detect", str(series), "-o", str(out)])

    assert result.exit_code == 1
    assert told in result.stderr
    assert not out.exists()


def test_what_cannot_be_written_is_told_in_a_line(tmp_path: Path) -> None:
    series = tmp_path / "series.csv"
    series.write_text("timestamp,value\n2026-01-01,1\n")

    result = CliRunner().invoke(app, ["detect", str(series), "-o", str(tmp_path / "no" / "out")])

    assert result.exit_code == 1
    assert "cannot write" in result.stderr
