"""What a target raised: each place once, with the input that led there."""

import hashlib
import traceback
from pathlib import Path

from tests.compose import ROOT


class Findings:
    """A folder of inputs, each with its traceback beside it as a text file.

    Args:
        folder: Made if it is not there; what it holds from an earlier run stays.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, content: bytes, error: Exception) -> None:
        """Keep an input, unless one that raised the same in the same place is kept already."""
        place = place_of(error)
        if place in self._known:
            return
        self._known.add(place)
        name = hashlib.sha256(place.encode()).hexdigest()[:16]
        told = "".join(traceback.format_exception(error))
        (self._folder / name).write_bytes(content)
        (self._folder / f"{name}.txt").write_text(f"{place}\n\n{told}", "utf-8", "replace")


def found(folder: Path) -> list[Path]:
    """Return the inputs of a folder, those that a process left behind as it died included."""
    return sorted(path for path in folder.glob("*") if path.suffix != ".txt")


def place_of(error: Exception) -> str:
    """Return what was raised and the last line of ours that it went through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(str(ROOT))]
    last = (ours or frames)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
