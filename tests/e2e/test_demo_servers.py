"""The embedded servers and what becomes of them when their parent dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from pipeline.demo.embedded import EmbeddedError, start_broker, start_postgres
from pipeline.demo.passage import Passage

pytestmark = pytest.mark.integration

PARENT = """
import sys, time
from pathlib import Path
from pipeline.demo import tether
from pipeline.demo.embedded import start_broker, start_postgres
postgres, broker = start_postgres(Path(sys.argv[1])), start_broker()
child = tether.start([sys.executable, "-c", "import time; time.sleep(600)"])
print(postgres.pid, broker.pid, child.pid, flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that ended but was not waited for is still listed.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until(condition: Callable[[], bool], *, at_most_s: float = 20) -> bool:
    deadline = time.monotonic() + at_most_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_postgres_keeps_its_data_across_starts_and_speaks_to_other_processes(
    folder: Path,
) -> None:
    for expected in ([], [(7,)]):
        postgres = start_postgres(folder / "pg")
        try:
            with psycopg.connect(postgres.url) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS t (n int)")
                assert connection.execute("SELECT n FROM t").fetchall() == expected
                connection.execute("INSERT INTO t VALUES (7)")
                assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
        finally:
            postgres.stop()
        assert not alive(postgres.pid)


def test_postgres_starts_in_a_folder_whose_path_is_too_long_for_a_socket(folder: Path) -> None:
    postgres = start_postgres(folder / ("long " * 40) / "pg")
    try:
        with psycopg.connect(postgres.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        postgres.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's PostgreSQL has another user")
def test_root_is_told_which_folders_are_opened_for_postgres_and_gets_them_back(
    folder: Path,
) -> None:
    said: list[str] = []
    before = folder.stat().st_mode & 0o777
    for _ in range(2):
        postgres = start_postgres(folder / "pg", say=said.append)
        during = folder.stat().st_mode & 0o777
        postgres.stop()
        after = folder.stat().st_mode & 0o777

        assert (before, during, after) == (0o700, 0o701, 0o700)
    assert len(said) == 2
    assert said[0].split(", ")[-1].endswith(str(folder))


def test_a_folder_stays_open_to_the_server_that_runs_longer(folder: Path) -> None:
    first, second = Passage(), Passage()
    folder.chmod(0o700)
    assert first.open([folder]) == [folder]
    assert second.open([folder]) == []

    first.close()
    assert folder.stat().st_mode & 0o777 == 0o701
    second.close()


def test_a_second_server_on_the_same_folder_is_refused_with_a_reason(folder: Path) -> None:
    postgres = start_postgres(folder / "pg")
    try:
        with pytest.raises(EmbeddedError, match="did not start"):
            start_postgres(folder / "pg")
    finally:
        postgres.stop()


def test_the_broker_listens_on_loopback_and_ends_when_told() -> None:
    broker = start_broker()

    assert broker.bootstrap_servers.startswith("127.0.0.1:")
    assert alive(broker.pid)
    broker.stop()
    assert not alive(broker.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals children of the dead")
def test_nothing_outlives_a_parent_that_is_killed(folder: Path) -> None:
    parent = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", PARENT, str(folder / "pg")],
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert [alive(pid) for pid in pids] == [True] * 3

        parent.send_signal(signal.SIGKILL)

    assert wait_until(lambda: not any(alive(pid) for pid in pids))
    start_postgres(folder / "pg").stop()  # it was shut down properly
