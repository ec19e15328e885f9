"""The files of a model's folder, and the version that their content gives. Imports no torch."""

import hashlib
from pathlib import Path

SHIPPED = Path(__file__).parent / "weights"
HEADS_FILE = "heads.json"
WEIGHTS_FILE = "model.safetensors"


def resolve(path: str) -> str:
    """Return the folder or Hugging Face name that a setting means."""
    return str(SHIPPED) if path == "shipped" else path


def folder_version(folder: Path) -> str | None:
    """Return name and content hash of the weights in a folder; None where it holds no such model.

    Raises OSError if the weights cannot be read.
    """
    if not (folder / HEADS_FILE).is_file():
        return None
    digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    return f"{'tapewatch' if folder == SHIPPED else folder.name}@{digest[:12]}"
