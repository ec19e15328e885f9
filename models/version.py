"""The files of a model's folder, and the version that their content gives. Imports no torch."""

import hashlib
from pathlib import Path

SHIPPED = Path(__file__).parent / "weights"
HEADS_FILE = "heads.json"
WEIGHTS_FILE = "model.safetensors"
SUMS_FILE = "SHA256SUMS"
# People edit it; nothing reads it.
_UNCHECKED = {SUMS_FILE, "README.md"}


class FilesChanged(ValueError):
    """A file of a model is not the one that was written; the text names it."""


def resolve(path: str) -> str:
    """Return the folder or Hugging Face name that a setting means."""
    return str(SHIPPED) if path == "shipped" else path


def folder_version(folder: Path) -> str | None:
    """Return name and content hash of the weights in a folder; None where it holds no such model.

    Raises OSError if the weights cannot be read.
    """
    if not (folder / HEADS_FILE).is_file():
        return None
    digest = _digest(folder / WEIGHTS_FILE)
    return f"{'tapewatch' if folder == SHIPPED else folder.name}@{digest[:12]}"


def weights_digest(folder: Path) -> str:
    """Return a hash of all weights in a folder; raises OSError if they cannot be read."""
    files = sorted(folder.glob("*.safetensors"))
    return hashlib.sha256("".join(map(_digest, files)).encode()).hexdigest()


def write_sums(folder: Path) -> None:
    """Write the SHA-256 of each file of a model beside them, as ``sha256sum`` prints them."""
    lines = [f"{_digest(file)}  {file.name}\n" for file in _files(folder)]
    (folder / SUMS_FILE).write_text("".join(lines), encoding="utf-8")


def check_sums(folder: Path) -> None:
    """Return if every file of a model is the one that was written.

    A folder without sums is taken as it is, except the shipped one.

    Raises:
        FilesChanged: If a file is another one, is missing, or holds weights and has no sum.
        OSError: If a file cannot be read.
    """
    path = folder / SUMS_FILE
    if not path.is_file():
        if folder == SHIPPED:
            raise FilesChanged(f"{SUMS_FILE} is missing")
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    sums = {name.strip(): digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name, digest in sums.items():
        if not (folder / name).is_file():
            raise FilesChanged(f"{name} is missing")
        if _digest(folder / name) != digest:
            raise FilesChanged(f"{name} is not the file that was written with the model")
    for file in folder.glob("*.safetensors"):
        if file.name not in sums:
            raise FilesChanged(f"{file.name} has no sum in {SUMS_FILE}")


def _files(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.is_file() and f.name not in _UNCHECKED)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
