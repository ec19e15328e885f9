"""What may stand in an endpoint's URL.

Where the name leads is checked when the socket opens, in ``addresses``.
"""

from collections.abc import Collection

import httpx

_MAX_PORT = 65_535


def url_problem(url: str, *, allow_hosts: Collection[str] = ()) -> str | None:
    """Check the form of an endpoint's URL.

    Args:
        url: As the owner gave it.
        allow_hosts: Host names or addresses that may also be reached by plain http.

    Returns:
        Why it cannot be taken, in words for its owner; None if it can.
    """
    read = _read(url)
    if read is None:
        return "is not a URL"
    parsed, host = read
    if parsed.scheme not in {"http", "https"} or not host:
        return "must be of the form https://host/path"
    if parsed.scheme == "http" and not is_allowed(host, allow_hosts):
        return "must be https"
    if (parsed.port or 0) > _MAX_PORT:
        return "has a port that is none"
    if parsed.userinfo:
        return "must not carry a user name or password"
    return None


def redacted(url: str) -> str:
    """Return of a URL what may be told: its scheme and host; paths and queries hold secrets."""
    read = _read(url)
    return "unreadable URL" if read is None else f"{read[0].scheme}://{read[1]}"


def is_allowed(host: str, allow_hosts: Collection[str]) -> bool:
    """Return whether the operator listed this very host, in this spelling but for case."""
    return host.strip("[]").lower() in {allowed.strip("[]").lower() for allowed in allow_hosts}


def _read(url: str) -> tuple[httpx.URL, str] | None:
    """Return the URL and its host's name; None if either cannot be read.

    Such as ``xn--a``, or an address with a zone that is not ASCII.
    """
    try:
        parsed = httpx.URL(url)
        host, _ = parsed.host, parsed.raw_host
    except (httpx.InvalidURL, UnicodeError):
        return None
    return parsed, host
