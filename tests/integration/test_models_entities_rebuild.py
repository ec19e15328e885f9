"""The shipped table of companies is what its command makes of the public lists."""

from pathlib import Path

import pytest

LISTS = Path(__file__).parents[2] / ".." / "shared" / "data" / "companies"


@pytest.mark.skipif(not LISTS.is_dir(), reason="the public lists (../shared/data) are absent")
def test_building_again_gives_the_shipped_bytes(tmp_path: Path) -> None:
    pytest.importorskip("wordfreq", reason="a package of building only")
    pytest.importorskip("jieba", reason="a package of building only", exc_type=ImportError)
    from models.entities import build

    rows = build.build(LISTS)
    build.write(rows, tmp_path / "companies.csv.gz")
    build.write_chinese_words(rows, tmp_path / "chinese_words.txt.gz")

    shipped = Path(build.__file__).parent
    for name in ("companies.csv.gz", "chinese_words.txt.gz"):
        assert (tmp_path / name).read_bytes() == (shipped / name).read_bytes()
