"""Endpoints on loopback that verify, remember, and misbehave by their path until they recover."""

import asyncio
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from uuid import UUID

from standardwebhooks import Webhook

KINDS = ("fine", "hangs", "answers_500", "resets")
_OK = b"HTTP/1.1 204 No Content\r\n\r\n"
_ERROR = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Heard:
    """One message that an endpoint took; ``at`` is wall-clock seconds."""

    kind: str
    subscriber: str
    message_id: str
    alert_id: UUID
    resolved: bool
    at: float


class Endpoints:
    """Serves ``/KIND/NUMBER`` in a thread of its own.

    Attributes:
        heard: What was answered with 2xx, in order; every signature was verified.
        refused: What was not, by kind.
    """

    def __init__(self, secret: str) -> None:
        self.heard: list[Heard] = []
        self.refused: Counter[str] = Counter()
        self.url = ""
        self._webhook = Webhook(secret)
        self._down = True
        self._loop = asyncio.new_event_loop()
        self._stopping: asyncio.Future[None] = self._loop.create_future()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, and drop what hangs."""
        self._loop.call_soon_threadsafe(self._stopping.set_result, None)
        self._thread.join()
        self._loop.close()

    def recover(self) -> None:
        """Let every endpoint be fine from now on."""
        self._down = False

    async def _run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=2048)
        self.url = "http://127.0.0.1:" + str(server.sockets[0].getsockname()[1])
        self._ready.set()
        await self._stopping
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            request, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, value in (x.split(": ", 1) for x in lines)}
            body = await reader.readexactly(int(headers["content-length"]))
            _, kind, subscriber = request.split(" ")[1].split("/")
            if self._down and kind != "fine":
                await self._fail(kind, reader, writer)
                return
            self._take(kind, subscriber, headers, body)
            writer.write(_OK)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # The sender was killed, or the benchmark is over.
        finally:
            writer.close()

    async def _fail(
        self, kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.refused[kind] += 1
        if kind == "hangs":
            await reader.read()  # Until the sender has enough.
        elif kind == "answers_500":
            writer.write(_ERROR)
            await writer.drain()
        else:
            writer.transport.abort()

    def _take(self, kind: str, subscriber: str, headers: dict[str, str], body: bytes) -> None:
        self._webhook.verify(body, headers)
        event = json.loads(body)
        self.heard.append(
            Heard(
                kind,
                subscriber,
                headers["webhook-id"],
                UUID(event["data"]["id"]),
                event["type"] == "alert.resolved",
                time.time(),
            )
        )
