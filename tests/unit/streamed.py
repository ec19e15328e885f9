"""Answers of a fake server whose bodies are read as the network brings them."""

from collections.abc import Callable, Iterator

import httpx

Server = Callable[[httpx.Request], httpx.Response]


class Parts(httpx.SyncByteStream):
    """A body in pieces."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._content), 65_536):
            yield self._content[start : start + 65_536]


def streamed(server: Server) -> httpx.MockTransport:
    """Return a transport with a server whose answers have their bodies still to come."""

    def answer(request: httpx.Request) -> httpx.Response:
        made = server(request)
        if not made.is_stream_consumed:
            return made
        return httpx.Response(made.status_code, headers=made.headers, stream=Parts(made.content))

    return httpx.MockTransport(answer)
