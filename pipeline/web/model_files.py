"""Whether the model's files are there and whole, without loading torch.

The worker loads them for real; this is for readiness, which must be cheap.
"""

import json
import struct
from importlib import resources
from pathlib import Path

_HEADER_SIZE_BYTES = 8
_MAX_HEADER_BYTES = 100_000_000
_CONFIG = "config.json"


class ModelFilesMissing(Exception):
    """The model cannot be loaded from what is there; the text says what is wrong."""


def check_model_files(path: str) -> str:
    """Look for the model that a setting names.

    Args:
        path: "shipped", a folder, or a Hugging Face name; the last is not looked at, since the
            worker fetches it.

    Returns:
        What is known of it, for people.

    Raises:
        ModelFilesMissing: If the folder lacks files, or weights were cut short.
    """
    folder = Path(str(resources.files("models"))) / "weights" if path == "shipped" else Path(path)
    is_name = path != "shipped" and not path.startswith((".", "/", "~"))
    if is_name and not folder.exists():
        return f"{path} is fetched by the worker"
    weights = sorted(folder.glob("*.safetensors"))
    if not (folder / _CONFIG).is_file() or not weights:
        raise ModelFilesMissing(f"the model {path!r} lacks {_CONFIG} or its weights")
    for file in weights:
        _check_weights(file)
    size_mb = sum(file.stat().st_size for file in weights) / 1e6
    return f"{path}, {size_mb:.0f} MB"


def _check_weights(file: Path) -> None:
    """Compare the file's size with what its header promises."""
    try:
        with file.open("rb") as content:
            (length,) = struct.unpack("<Q", content.read(_HEADER_SIZE_BYTES))
            header = json.loads(content.read(min(length, _MAX_HEADER_BYTES)))
        ends = [tensor["data_offsets"][1] for key, tensor in header.items() if key[:2] != "__"]
    except (OSError, ValueError, struct.error, KeyError, TypeError, AttributeError) as error:
        raise ModelFilesMissing(f"{file.name} is no safetensors file") from error
    if file.stat().st_size != _HEADER_SIZE_BYTES + length + max(ends, default=0):
        raise ModelFilesMissing(f"{file.name} is not whole")
