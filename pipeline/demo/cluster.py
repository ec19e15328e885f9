"""The folder of an embedded PostgreSQL: made, owned by the right user, reachable by a socket."""

import hashlib
import os
import pwd
from collections.abc import Callable
from pathlib import Path

from pipeline.demo import tether
from pipeline.demo.passage import Passage

# sun_path has 108 bytes with its closing zero; macOS has 104.
_SOCKET_PATH_MAX = 103
_SOCKET_NAME = ".s.PGSQL.5432"
# PostgreSQL refuses to run as root; this account is everywhere and owns nothing.
_UNPRIVILEGED = "nobody"


class ClusterError(Exception):
    """The folder cannot hold a cluster; the text says what to do."""


def server_user() -> str | None:
    """The system user to run PostgreSQL as; None: ours will do."""
    return _UNPRIVILEGED if os.geteuid() == 0 else None


def prepare(folder: Path, binaries: Path) -> None:
    """Make the folder and, where there is none in it, a cluster; idempotent.

    Args:
        folder: Absolute; nothing else may lie in it.
        binaries: PostgreSQL's programs.

    Raises:
        ClusterError: If ``initdb`` fails.
    """
    user = server_user()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if user is not None:
        _own(folder, user)
    if (folder / "PG_VERSION").exists():
        return
    command = [str(binaries / "initdb"), "-D", str(folder)]
    command += ["-U", "postgres", "-E", "utf8", "--auth=trust", "--no-sync"]
    # The same on every machine, whatever locales it has.
    command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    log_path = folder.with_name(f"{folder.name}-initdb.log")
    with log_path.open("wb") as log:
        made = tether.start(command, log=log, user=user, cwd=folder).wait()
    if made != 0:
        said = log_path.read_text(errors="replace").strip()
        raise ClusterError(f"could not make a database cluster in {folder}: {said}")


def socket_folder(folder: Path) -> Path:
    """Return where the Unix socket goes.

    Args:
        folder: The cluster's own; taken where the path is short enough.

    Returns:
        That, or a private folder with a shorter path.

    Raises:
        ClusterError: If the shorter path belongs to somebody else.
    """
    if len(os.fsencode(folder / _SOCKET_NAME)) <= _SOCKET_PATH_MAX:
        return folder
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = Path(f"/tmp/tapewatch-{os.geteuid()}-{digest}")  # noqa: S108  # whose it is, is checked
    short.mkdir(mode=0o700, exist_ok=True)
    user = server_user()
    expected = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    if short.is_symlink() or short.stat().st_uid not in {expected, os.geteuid()}:
        raise ClusterError(f"{short} belongs to somebody else; choose a folder with a shorter path")
    if user is not None:
        _own(short, user)
    return short


def let_through(folder: Path, binaries: Path, say: Callable[[str], None]) -> Passage:
    """Let the server's user pass (not read) the folders above these two.

    Args:
        folder: The cluster's own.
        binaries: PostgreSQL's programs.
        say: Gets a line if a folder is changed for it.

    Returns:
        What to close when the server has ended.
    """
    passage, user = Passage(), server_user()
    if user is None:
        return passage
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    opened = passage.open({*folder.parents, *binaries.parents})
    if opened:
        names = ", ".join(map(str, opened))
        say(f"PostgreSQL runs as {user}, not as root; let through (o+x) while it does: {names}")
    return passage


def _own(folder: Path, user: str) -> None:
    account = pwd.getpwnam(user)
    if folder.stat().st_uid != account.pw_uid:
        os.chown(folder, account.pw_uid, account.pw_gid)
