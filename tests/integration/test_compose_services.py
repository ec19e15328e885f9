"""Each service of docker-compose.yml as a plain process with the environment of the file.

Only what a container network would resolve is replaced: the two addresses, the mounted folder,
and the ports, which here share one host.
"""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.compose import arguments, environment, own_services
from tests.integration.processes import Service, free_port, service
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

_DATABASE = "postgresql://tapewatch:d41d8cd98f00b204@postgres:5432/tapewatch"


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - loopback
            return bool(response.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


@pytest.fixture
def ports() -> dict[str, int]:
    return {name: free_port() for name in ("web", "ingest", "worker", "scheduler")}


@pytest.fixture
def environments(
    empty_database_url: str, bootstrap_servers: str, tmp_path: Path, ports: dict[str, int]
) -> dict[str, dict[str, str]]:
    (tmp_path / "feeds.toml").write_text(
        f'[[feed]]\nurl = "http://127.0.0.1:{free_port()}/rss"\nsource = "nobody"\n'
    )
    found = {}
    for name, compose_service in own_services().items():
        told = environment(compose_service)
        assert told["TAPEWATCH_DATABASE__URL"] == _DATABASE
        assert told["TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS"] == "kafka:9092"
        told |= {
            "TAPEWATCH_DATABASE__URL": empty_database_url,
            "TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS": bootstrap_servers,
            "TAPEWATCH_INGEST__FEEDS": str(tmp_path / "feeds.toml"),
        }
        if "TAPEWATCH_METRICS_PORT" in told:
            told |= {
                "TAPEWATCH_METRICS_PORT": str(ports[name]),
                "TAPEWATCH_METRICS_HOST": "127.0.0.1",
            }
        if "TAPEWATCH_WEB__PORT" in told:
            told |= {
                "TAPEWATCH_WEB__PORT": str(ports["web"]),
                "TAPEWATCH_WEB__HOST": "127.0.0.1",
            }
        found[name] = told
    return found


@pytest.fixture
def migrated(environments: dict[str, dict[str, str]], tmp_path: Path) -> Iterator[ExitStack]:
    with service("migrate", environments["migrate"], tmp_path / "migrate.log") as migrate:
        assert migrate.process.wait(60) == 0, (tmp_path / "migrate.log").read_text()
    with ExitStack() as stack:
        yield stack


def test_every_service_of_the_compose_file_starts_answers_and_stops(
    migrated: ExitStack,
    environments: dict[str, dict[str, str]],
    ports: dict[str, int],
    tmp_path: Path,
) -> None:
    running: dict[str, Service] = {}
    for name, compose_service in own_services().items():
        if name != "migrate":
            [_, command] = arguments(compose_service)
            log_path = tmp_path / f"{name}.log"
            running[name] = migrated.enter_context(service(command, environments[name], log_path))

    until(lambda: answers(f"http://127.0.0.1:{ports['web']}/healthz"), 60)
    until(lambda: answers(f"http://127.0.0.1:{ports['ingest']}/metrics"), 60)
    until(lambda: answers(f"http://127.0.0.1:{ports['worker']}/metrics"), 60)
    until(lambda: answers(f"http://127.0.0.1:{ports['scheduler']}/metrics"), 60)
    until(lambda: answers(f"http://127.0.0.1:{ports['web']}/readyz"), 60)

    for name, process in running.items():
        assert process.process.poll() is None, (name, process.log_path.read_text())
        status, _ = process.terminate()
        assert status in (0, -15, 143), (name, status, process.log_path.read_text())
