"""A network for tests of webhooks: nothing leaves the machine."""

import ssl
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpcore

from alerts.delivery.addresses import Resolve, resolve
from alerts.delivery.secrets import new_secret
from alerts.delivery.transport import guarded_client
from alerts.delivery.webhook import Attempt, send

PUBLIC = "93.184.215.14"
HOST = "hooks.example.com"


class RecordingNetwork(httpcore.NetworkBackend):
    """Notes where it is told to connect, and connects to a server of the test instead."""

    def __init__(self, port: int | None = None, unreachable: Sequence[str] = ()) -> None:
        self.connected: list[str] = []
        self._port = port
        self._unreachable = unreachable

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Note the address."""
        del port
        self.connected.append(host)
        if self._port is None or host in self._unreachable:
            raise httpcore.ConnectError("unreachable")
        return httpcore.SyncBackend().connect_tcp(
            "127.0.0.1", self._port, timeout, local_address, socket_options
        )


class ChangingNames:
    """Answers each question with the next list of addresses."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.asked: list[str] = []
        self._answers = iter(answers)

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return the next answer."""
        del port
        self.asked.append(host)
        return next(self._answers)


def attempt(
    url: str,
    *,
    network: httpcore.NetworkBackend | None = None,
    names: Resolve = resolve,
    allow_hosts: Sequence[str] = (),
    timeout_s: float = 5,
    trust: Path | None = None,
) -> Attempt:
    """Make one attempt through the guarded client."""
    context = ssl.create_default_context(cafile=trust)
    with guarded_client(
        allow_hosts=allow_hosts,
        timeout_s=timeout_s,
        network=network,
        ssl_context=context,
        resolve=names,
    ) as client:
        return send(
            client,
            url=url,
            secrets=[new_secret()],
            message_id="msg_1",
            body="{}",
            now=datetime.now(UTC),
            timeout_s=timeout_s,
        )
