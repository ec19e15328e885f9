"""The process of the web service: what it answers, and how it ends."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.integration.web_client import API_KEY

pytestmark = pytest.mark.integration

AUTH = {"Authorization": f"Bearer {API_KEY}"}


@contextmanager
def started(database_url: str, log_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run the service without a broker; yields its process and its address."""
    env = os.environ | {
        "TAPEWATCH_DATABASE__URL": database_url,
        "TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "TAPEWATCH_WEB__API_KEY": API_KEY,
    }
    command = [sys.executable, "-m", "pipeline.cli.main", "web", "--port", "0"]
    with log_path.open("wb") as log, subprocess.Popen(command, env=env, stderr=log) as web:  # noqa: S603
        try:
            port = _wait_for(r"port=(\d+)", log_path, web)
            yield web, f"http://127.0.0.1:{port}"
        finally:
            web.kill()


def _wait_for(pattern: str, log_path: Path, process: subprocess.Popen[bytes]) -> str:
    """Return the pattern's first group, once a log holds it."""
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(pattern, log_path.read_text()):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(log_path.read_text())


def test_the_web_service_answers_and_ends_in_order_when_it_is_told_to(
    database_url: str, tmp_path: Path
) -> None:
    log_path = tmp_path / "web.log"
    with started(database_url, log_path) as (web, address):
        answer = httpx.get(f"{address}/v1/alerts", headers=AUTH, timeout=20)
        web.terminate()
        status = web.wait(10)

    assert (answer.status_code, answer.json()) == (200, {"alerts": [], "next_cursor": None})
    assert status == 0
    assert "web_stopped" in log_path.read_text()


def test_the_web_service_ends_in_order_with_a_stream_open(
    database_url: str, tmp_path: Path
) -> None:
    with (
        started(database_url, tmp_path / "web.log") as (web, address),
        httpx.stream("GET", f"{address}/v1/alerts/stream", headers=AUTH, timeout=20) as answer,
    ):
        next(answer.iter_lines())
        web.terminate()
        began = time.monotonic()
        status = web.wait(10)
        took_s = time.monotonic() - began

    assert status == 0
    assert took_s < 6, "sooner than streams are cut off"
