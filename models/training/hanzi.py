"""Writes the table of traditional Chinese characters that ``models.normalise`` reads.

``python -m models.training.hanzi`` writes ``models/traditional.txt`` anew from OpenCC's
dictionaries (Apache-2.0): one line a character, the traditional form and then the simplified one.
"""

from pathlib import Path

from opencc import OpenCC

TABLE = Path(__file__).parents[1] / "traditional.txt"
_IDEOGRAPHS = (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000))
# The second knows forms that only Hong Kong writes.
_DICTIONARIES = ("t2s", "hk2s")


def build_table() -> str:
    """Return the lines of the table, by code point of the traditional character.

    A character that has two simplified forms (乾: 干 or 乾) gets OpenCC's first one; one whose
    simplified form lies beyond the basic plane is left out, since no tokenizer knows that form.
    """
    pairs: dict[str, str] = {}
    for name in _DICTIONARIES:
        converter = OpenCC(name)
        for character in map(chr, _IDEOGRAPHS):
            simplified = converter.convert(converter.convert(character))
            if simplified != character and len(simplified) == 1 and ord(simplified) < 0x10000:
                pairs.setdefault(character, simplified)
    return "".join(
        f"{traditional}{simplified}\n" for traditional, simplified in sorted(pairs.items())
    )


if __name__ == "__main__":
    TABLE.write_text(build_table(), encoding="utf-8")
