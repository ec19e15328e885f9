"""Servers on loopback that stand for those of chat services and of mail."""

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope


class Service:
    """What a service on loopback received, and what it answers."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[dict[str, Any]] = []
        self.status = 200
        self.location: str | None = None
        self.answer = b'{"errcode": 0, "code": 0, "ok": true, "status": "success"}'


@contextmanager
def http_service(tls: ssl.SSLContext | None = None) -> Iterator[Service]:
    """Run a service that takes JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.received.append(json.loads(body))
            self.send_response(heard.status)
            if heard.location is not None:
                self.send_header("location", heard.location)
            self.end_headers()
            self.wfile.write(heard.answer)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    heard = Service()
    heard.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def mail_server() -> Iterator[tuple[int, list[Envelope]]]:
    """Run an SMTP server; yields its port and the mails that it took."""
    mails: list[Envelope] = []

    class Handler:
        async def handle_DATA(self, _server: object, _session: object, mail: Envelope) -> str:
            mails.append(mail)
            return "250 OK"

    async def serve() -> None:
        server = await stopping.get_loop().create_server(
            lambda: SMTP(Handler(), loop=stopping.get_loop()), sock=listening
        )
        async with server:
            await stopping

    loop = asyncio.new_event_loop()
    stopping: asyncio.Future[None] = loop.create_future()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
        thread.start()
        try:
            yield listening.getsockname()[1], mails
        finally:
            loop.call_soon_threadsafe(stopping.set_result, None)
            thread.join()
            loop.close()
