"""The HTTP client of webhooks and feeds: checks addresses where the socket opens, and ends in time.

A name is resolved once and the connection goes to an address that was checked, so a name whose
answer changes in between gains nothing; TLS still verifies the URL's host name. No connection
is kept alive: each send is checked anew. Proxies of the environment are not used, and no cookie is
kept: subscribers share the client.
"""

import ssl
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import httpcore
import httpx
from httpcore import SOCKET_OPTION

from alerts.delivery.addresses import AddressRefused, Resolve, checked_addresses, resolve
from alerts.delivery.cookies import no_cookies
from alerts.delivery.urls import is_allowed

_WEB = ("http", "https")
# One that answers to IPv4 and IPv6 where only one of them is routed here; more would only
# hold up the queue.
_MAX_ADDRESSES = 3


def guarded_client(
    *,
    allow_hosts: Collection[str] = (),
    schemes: Collection[str] = ("https",),
    timeout_s: float = 20.0,
    resolve: Resolve = resolve,
    network: httpcore.NetworkBackend | None = None,
    ssl_context: ssl.SSLContext | None = None,
) -> httpx.Client:
    """Open a client that reaches public endpoints and the hosts listed, nothing else.

    Args:
        allow_hosts: Names or addresses inside the network that may be reached, also by http.
        schemes: By which any other host may be reached.
        timeout_s: Longest life of one exchange, from the opening of the socket to its end.
        resolve: Tells the addresses of a name.
        network: Opens sockets; None takes the operating system's.
        ssl_context: None trusts the usual authorities, or those of ``SSL_CERT_FILE``.

    Returns:
        An open client, to be closed by the caller.
    """
    backend = _GuardedBackend(network or httpcore.SyncBackend(), allow_hosts, timeout_s, resolve)
    return httpx.Client(
        transport=_GuardedTransport(
            backend, allow_hosts, schemes, ssl_context or httpx.create_ssl_context()
        ),
        cookies=no_cookies(),
        trust_env=False,
        follow_redirects=False,
        timeout=timeout_s,
    )


class _GuardedTransport(httpx.BaseTransport):
    """Carries requests over connections of the guarded backend."""

    def __init__(
        self,
        backend: httpcore.NetworkBackend,
        allow_hosts: Collection[str],
        schemes: Collection[str],
        ssl_context: ssl.SSLContext,
    ) -> None:
        self._allow_hosts = allow_hosts
        self._schemes = schemes
        self._backend = backend
        self._ssl_context = ssl_context

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        may = _WEB if is_allowed(url.host, self._allow_hosts) else self._schemes
        if url.scheme not in may:
            msg = f"only {' and '.join(may)} may be used"
            raise AddressRefused(msg, request=request)
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        # One for each request: a pool looks through all that are under way, and none is kept.
        connection = httpcore.HTTPConnection(
            target.origin, ssl_context=self._ssl_context, network_backend=self._backend
        )
        try:
            with _httpx_errors(request):
                response = connection.handle_request(
                    httpcore.Request(
                        request.method,
                        target,
                        headers=request.headers.raw,
                        content=request.stream,
                        extensions=request.extensions,
                    )
                )
        except BaseException:
            connection.close()
            raise
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, connection, request),
            extensions=response.extensions,
        )


class _Body(httpx.SyncByteStream):
    """The answer's body, read as it comes."""

    def __init__(
        self,
        response: httpcore.Response,
        connection: httpcore.HTTPConnection,
        request: httpx.Request,
    ) -> None:
        self._response = response
        self._connection = connection
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors(self._request):
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()
        self._connection.close()


@contextmanager
def _httpx_errors(request: httpx.Request) -> Iterator[None]:
    try:
        yield
    except httpcore.TimeoutException as error:
        raise httpx.TimeoutException(str(error), request=request) from error
    except httpcore.ConnectError as error:
        raise httpx.ConnectError(str(error), request=request) from error
    except httpcore.NetworkError as error:
        raise httpx.NetworkError(str(error), request=request) from error
    except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        raise httpx.ProtocolError(str(error), request=request) from error


class _GuardedBackend(httpcore.NetworkBackend):
    """Connects to checked addresses only, with a deadline for all that follows."""

    def __init__(
        self,
        network: httpcore.NetworkBackend,
        allow_hosts: Collection[str],
        timeout_s: float,
        resolve: Resolve,
    ) -> None:
        self._network = network
        self._allow_hosts = allow_hosts
        self._timeout_s = timeout_s
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        deadline = _Deadline(self._timeout_s)
        try:
            addresses = checked_addresses(
                host, port, allow_hosts=self._allow_hosts, resolve=self._resolve
            )
        except OSError as error:
            msg = "the host name was not found"
            raise httpcore.ConnectError(msg) from error
        failure: Exception = httpcore.ConnectError("the host name has no address")
        for address in addresses[:_MAX_ADDRESSES]:
            try:
                stream = self._network.connect_tcp(
                    address, port, deadline.left(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _DeadlineStream(stream, deadline)
        raise failure


class _Deadline:
    """A moment after which nothing is waited for."""

    def __init__(self, timeout_s: float) -> None:
        self._at = monotonic() + timeout_s

    def left(self, timeout: float | None) -> float:
        """Return the seconds that a single step may take.

        Args:
            timeout: What the step itself allows; None for any time.

        Returns:
            Seconds, > 0.

        Raises:
            httpcore.TimeoutException: If there are none.
        """
        left = self._at - monotonic()
        if left <= 0:
            msg = "the exchange took too long"
            raise httpcore.TimeoutException(msg)
        return left if timeout is None else min(timeout, left)


class _DeadlineStream(httpcore.NetworkStream):
    """A stream whose every step ends by the deadline: an endpoint cannot hold us by trickling."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return _DeadlineStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as the class it stands for
        return self._stream.get_extra_info(info)
