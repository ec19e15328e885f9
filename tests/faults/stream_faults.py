"""What goes wrong with the broker, the workers and the model."""

import random
import resource
import signal
from pathlib import Path

from tests.faults.fault import pause
from tests.faults.trial import Trial


def broker_frozen(trial: Trial, rng: random.Random) -> None:
    """Stop the broker and wake it with all that it had: it keeps everything in memory."""
    process = trial.bench.broker.process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        pause(trial, rng.uniform(0.2, 5.0))
    finally:
        process.send_signal(signal.SIGCONT)


def broker_cut(trial: Trial, rng: random.Random) -> None:
    """Break all connections to the broker and refuse new ones for a while."""
    proxy = trial.bench.broker.proxy
    assert proxy is not None
    proxy.cut()
    try:
        pause(trial, rng.uniform(0.2, 5.0))
    finally:
        proxy.mend()


def reassigned(trial: Trial, rng: random.Random) -> None:
    """Let a second worker come, which takes some of the partitions, and go again or be killed."""
    other = trial.start("worker-1", "worker")
    pause(trial, rng.uniform(1.5, 5.0))
    other.held = True
    other.signal(rng.choice((signal.SIGTERM, signal.SIGKILL)))


def frozen(trial: Trial, rng: random.Random) -> None:
    """Freeze a worker until the group has given it up, then wake it."""
    worker = trial.services["worker-0"]
    worker.signal(signal.SIGSTOP)
    pause(trial, trial.kafka.session_timeout_s + rng.uniform(0.5, 2.5))
    worker.signal(signal.SIGCONT)


def model_corrupt(trial: Trial, rng: random.Random) -> None:
    """Restart a worker on weights of which some bytes are others."""
    weights = trial.bench.model / "model.safetensors"
    whole = weights.read_bytes()
    spoiled = bytearray(whole)
    match rng.randrange(3):
        case 0:  # cut short
            del spoiled[rng.randrange(len(whole)) :]
        case 1:  # other weights, in a file that is well formed
            for _ in range(8):
                spoiled[rng.randrange(len(whole) // 2, len(whole))] ^= 0xFF
        case _:  # no safetensors file at all
            spoiled[:64] = rng.randbytes(64)
    weights.write_bytes(spoiled)
    try:
        _restart(trial)
        pause(trial, rng.uniform(1.0, 3.0))
    finally:
        weights.write_bytes(whole)


def model_missing(trial: Trial, rng: random.Random) -> None:
    """Restart a worker on a folder that lacks a file."""
    names = ("model.safetensors", "config.json", "heads.json", "tokenizer.json")
    file = trial.bench.model / rng.choice(names)
    content = file.read_bytes()
    file.unlink()
    try:
        _restart(trial)
        pause(trial, rng.uniform(1.0, 3.0))
    finally:
        file.write_bytes(content)


def _restart(trial: Trial) -> None:
    worker = trial.services["worker-0"]
    worker.signal(signal.SIGKILL)
    worker.process.join(5)


def out_of_memory(trial: Trial, rng: random.Random) -> None:
    """Send a text for which the model wants more memory than its process may have."""
    worker = trial.services["worker-0"]
    while not trial.played.is_set():
        pause(trial, 0.1)
    pid = worker.process.pid
    assert pid is not None
    limit = _data_bytes(pid) + rng.randrange(10, 60) * 2**20
    resource.prlimit(pid, resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))
    trial.send_large(".," * 65_000)


def _data_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["VmData"].split()[0]) * 1024
