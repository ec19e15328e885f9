"""The demo's folder: who uses it, the secrets it keeps, and the environment of its services."""

import fcntl
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

from alerts.delivery.secrets import new_key

_PRIVATE = 0o600


class StateInUse(Exception):
    """Another demo runs on the same folder."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What protects a demo, made at its first start.

    Attributes:
        api_key: For the HTTP API.
        fernet_key: Encrypts webhook secrets in the database.
    """

    api_key: str
    fernet_key: str


@dataclass(frozen=True, slots=True)
class State:
    """Paths inside the demo's folder."""

    folder: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own folder."""
        return self.folder / "postgres"

    @property
    def logs(self) -> Path:
        """One log file a process."""
        return self.folder / "logs"

    @property
    def env_file(self) -> Path:
        """What a shell sources to use the other commands on the running demo."""
        return self.folder / "env"

    def secrets(self) -> Secrets:
        """Return the secrets of this folder, made at the first call."""
        path = self.folder / "secrets.json"
        if not path.exists():
            made = {"api_key": token_urlsafe(32), "fernet_key": new_key()}
            write_private(path, json.dumps(made))
        return Secrets(**json.loads(path.read_text()))

    def write_env(self, env: Mapping[str, str], *, clients: Path) -> None:
        """Write the variables as a file that a shell can source; only the owner may read it.

        Args:
            env: The variables.
            clients: Folder of the `psql` that is used where the shell has none of its own.
        """
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(env.items())]
        # `tapewatch` itself lies beside this Python.
        ours = shlex.quote(str(Path(sys.executable).parent))
        lines.append(f'export PATH={ours}:"$PATH":{shlex.quote(str(clients))}\n')
        write_private(self.env_file, "".join(lines))


@contextmanager
def use_state(folder: Path) -> Iterator[State]:
    """Take the folder for this process, made where there is none.

    Args:
        folder: The demo's folder.

    Yields:
        Its paths.

    Raises:
        StateInUse: If another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = (
                f"another demo runs in {folder}; stop it, or choose another folder with "
                '--state FOLDER (make demo ARGS="--state FOLDER")'
            )
            raise StateInUse(msg) from error
        yield State(folder.resolve())


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    path.unlink(missing_ok=True)  # an older one may have had another mode
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w") as file:
        file.write(text)
