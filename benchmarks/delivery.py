"""What delivery does under stress: endpoints that hang, refuse and reset, and a killed dispatcher.

    python -m benchmarks.delivery --json out.json

starts an embedded PostgreSQL in a temporary folder, endpoints on loopback, and the scheduler as a
process of its own, without a Kafka broker. A quarter of the subscriptions each hangs, answers 500,
resets the connection, and is fine. The retries come by the real schedule; the outage is shortened
from an hour to ``--outage-s``, so that the third attempt, after five minutes, is the one that
gets through. After the outage the scheduler is killed ten times while alerts go on.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Annotated
from uuid import UUID, uuid4

import typer
from rich.console import Console
from rich.table import Table

from alerts.delivery.secrets import encrypt, new_key, new_secret
from alerts.types import TransitionKind
from benchmarks.endpoints import KINDS, Endpoints
from db.alert_rows import AlertRow
from db.alerts import save_alerts
from db.delivery_rows import SubscriptionRow
from db.engine import Engine, create_engine, transaction
from db.migrate import upgrade
from db.outbox import pending
from db.rows import ScopeKind, SeriesKey
from db.subscriptions import create_subscription
from pipeline.demo.embedded import start_postgres
from pipeline.stages.alerting import said_of

# After an alert fired: before it was seen, while its deliveries are claimed, sent and recorded.
_KILLS_AFTER_S = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 3.0)
_START_S = 60.0


def main(
    *,
    subscriptions: Annotated[int, typer.Option(min=4, help="A quarter of each kind.")] = 1000,
    outage_s: Annotated[float, typer.Option(help="How long three quarters fail.")] = 60.0,
    every_s: Annotated[float, typer.Option(help="Seconds between two alerts.")] = 6.0,
    kills: Annotated[
        int, typer.Option(max=len(_KILLS_AFTER_S), help="How often the scheduler is killed.")
    ] = len(_KILLS_AFTER_S),
    limit_s: Annotated[float, typer.Option(help="Longest wait for the last delivery.")] = 600.0,
    out: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="tapewatch-bench-") as folder:
        server = start_postgres(Path(folder) / "cluster")
        try:
            upgrade(server.url)
            engine = create_engine(server.url)
            stress = _Stress(engine, server.url, Path(folder) / "scheduler.log", subscriptions)
            found = stress.run(outage_s=outage_s, every_s=every_s, kills=kills, limit_s=limit_s)
            engine.dispose()
        finally:
            server.stop()
    found |= {"subscriptions": subscriptions, "outage_s": outage_s, "cpus": os.cpu_count()}
    _show(found)
    if out is not None:
        out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


class _Stress:
    """One run: who is subscribed, what was fired when, and what came of it."""

    def __init__(self, engine: Engine, url: str, log: Path, subscriptions: int) -> None:
        self._engine = engine
        self._key, self._secret = new_key(), new_secret()
        self._env = os.environ | {
            "TAPEWATCH_DATABASE__URL": url,
            "TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "TAPEWATCH_SECRET_KEY": self._key,
            "TAPEWATCH_DELIVERY__ALLOW_HOSTS": "127.0.0.1",
        }
        self._log = log
        self._count = subscriptions
        self._fired: dict[UUID, float] = {}
        self._measured: set[UUID] = set()

    def run(
        self, *, outage_s: float, every_s: float, kills: int, limit_s: float
    ) -> dict[str, object]:
        """Fire alerts through an outage and through kills; return the figures."""
        with Endpoints(self._secret) as endpoints:
            self._subscribe(endpoints)
            with self._scheduler() as scheduler:
                started = time.monotonic()
                while time.monotonic() - started < outage_s:
                    self._measured.add(self._fire())
                    time.sleep(every_s)
                endpoints.recover()
                for after_s in _KILLS_AFTER_S[:kills]:
                    self._fire()
                    time.sleep(after_s)
                    scheduler.kill()
                    scheduler.start()
                self._resolve()
                left = self._wait_until_sent(limit_s)
            return self._figures(endpoints) | {"undelivered": left, "kills": kills}

    def _subscribe(self, endpoints: Endpoints) -> None:
        with transaction(self._engine) as session:
            for number in range(self._count):
                url = f"{endpoints.url}/{KINDS[number % len(KINDS)]}/{number}"
                secret = encrypt(self._secret, self._key)
                create_subscription(session, SubscriptionRow(uuid4(), url, secret, ""))

    def _fire(self) -> UUID:
        alert = _alert(len(self._fired))
        self._fired[alert.id] = time.time()
        with transaction(self._engine) as session:
            save_alerts(session, [(alert, said_of(alert, TransitionKind.FIRED))])
        return alert.id

    def _resolve(self) -> None:
        """Resolve every alert: its end must come after its beginning, whatever was down."""
        with transaction(self._engine) as session:
            for number in range(len(self._fired)):
                alert = _alert(number, resolved=True)
                save_alerts(session, [(alert, said_of(alert, TransitionKind.RESOLVED))])

    def _wait_until_sent(self, limit_s: float) -> int:
        end = time.monotonic() + limit_s
        while True:
            with transaction(self._engine) as session:
                left = pending(session)
            if left == 0 or time.monotonic() > end:
                return left
            time.sleep(1)

    def _figures(self, endpoints: Endpoints) -> dict[str, object]:
        delays = [
            heard.at - self._fired[heard.alert_id]
            for heard in endpoints.heard
            if heard.kind == "fine" and not heard.resolved and heard.alert_id in self._measured
        ]
        cuts = quantiles(delays, n=100)
        found: dict[str, object] = {
            "alerts": len(self._fired),
            "fine_p50_s": round(cuts[49], 2),
            "fine_p99_s": round(cuts[98], 2),
            "fine_max_s": round(max(delays), 2),
            "fine_measured": len(delays),
        }
        expected = 2 * len(self._fired) * (self._count // len(KINDS))
        for kind in KINDS:
            of_kind = [heard for heard in endpoints.heard if heard.kind == kind]
            once = {(heard.subscriber, heard.message_id): heard for heard in reversed(of_kind)}
            ends = {(h.subscriber, h.alert_id): h.at for h in once.values() if h.resolved}
            found[kind] = {
                "expected": expected,
                "received_once": len(once),
                "duplicates": len(of_kind) - len(once),
                "out_of_order": sum(
                    ends.get((h.subscriber, h.alert_id), h.at) < h.at
                    for h in once.values()
                    if not h.resolved
                ),
                "refused_before": endpoints.refused[kind],
            }
        return found

    @contextmanager
    def _scheduler(self) -> Iterator["_Scheduler"]:
        scheduler = _Scheduler(self._env, self._log)
        scheduler.start()
        try:
            yield scheduler
        finally:
            scheduler.kill()


class _Scheduler:
    """The scheduler as a process that can be killed and started again."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self._env = env
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it works."""
        command = [sys.executable, "-m", "pipeline.cli.main", "scheduler"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, env=self._env, stderr=log)  # noqa: S603  # our own command
        end = time.monotonic() + _START_S
        while b"scheduler_started" not in self._log.read_bytes():
            if time.monotonic() > end or self._process.poll() is not None:
                raise RuntimeError(self._log.read_text())
            time.sleep(0.05)

    def kill(self) -> None:
        """End it without any notice."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


def _alert(number: int, *, resolved: bool = False) -> AlertRow:
    fired_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    at = fired_at + timedelta(minutes=30) if resolved else fired_at
    return AlertRow(
        id=UUID(int=number + 1),
        detector="negative_spike",
        scope=SeriesKey(ScopeKind.ENTITY, f"x:{number}"),
        scope_name=f"Company {number}",
        severity="warning",
        state="resolved" if resolved else "firing",
        revision=2 if resolved else 1,
        fired_at=fired_at,
        updated_at=at,
        resolved_at=at if resolved else None,
        window_start=at - timedelta(hours=4),
        window_end=at,
        observed=5.0,
        expected=0.5,
        items=8,
        accounts=6,
        stories=1,
        sources=3,
        languages=("en",),
        evidence=(),
    )


def _show(found: dict[str, object]) -> None:
    console = Console()
    console.print(
        f"{found['subscriptions']} subscriptions, {found['alerts']} alerts; firing to the fine "
        f"endpoints during the outage: p50 {found['fine_p50_s']} s, p99 {found['fine_p99_s']} s, "
        f"longest {found['fine_max_s']} s; undelivered at the end: {found['undelivered']}"
    )
    table = Table("endpoint", "expected", "received once", "duplicates", "out of order", "refused")
    for kind in KINDS:
        row = found[kind]
        assert isinstance(row, dict)  # noqa: S101  # as _figures makes it
        table.add_row(kind, *map(str, row.values()))
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
