"""The HTTP client of a feed: where it may connect to, and how long it waits."""

import ssl

import httpcore
import httpx
from pydantic import HttpUrl

from alerts.delivery.transport import guarded_client

# For the whole answer: one that drips is no slower for each of its pieces.
ANSWER_WITHIN_S = 60.0
_TIMEOUT_S = 20.0
_AGENT = "tapewatch (+feed reader)"


def new_client(
    url: HttpUrl,
    *,
    tls: ssl.SSLContext | None = None,
    network: httpcore.NetworkBackend | None = None,
) -> httpx.Client:
    """Return a client for one feed: patient, but not for ever, and without cookies.

    The feed's own host may be inside the network, for the operator listed it; where it redirects
    to may not. That is checked where the socket opens.

    Args:
        url: The feed's.
        tls: Whom to trust; None trusts the usual authorities.
        network: Opens sockets; None takes the operating system's.
    """
    client = guarded_client(
        allow_hosts=(url.host or "",),
        schemes=("http", "https"),
        timeout_s=ANSWER_WITHIN_S,
        network=network,
        ssl_context=tls,
    )
    client.timeout = httpx.Timeout(_TIMEOUT_S)
    client.headers.update({"User-Agent": _AGENT, "Accept-Encoding": "gzip"})
    return client
