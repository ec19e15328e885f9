"""What may stand in an endpoint's URL.

Where the name leads is checked when the socket opens, in ``addresses``.
"""

from collections.abc import Collection

import httpx


def url_problem(url: str, *, allow_hosts: Collection[str] = ()) -> str | None:
    """Check the form of an endpoint's URL.

    Args:
        url: As the owner gave it.
        allow_hosts: Host names or addresses that may also be reached by plain http.

    Returns:
        Why it cannot be taken, in words for its owner; None if it can.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "is not a URL"
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        return "must be of the form https://host/path"
    if parsed.scheme == "http" and not is_allowed(parsed.host, allow_hosts):
        return "must be https"
    if parsed.userinfo:
        return "must not carry a user name or password"
    return None


def redacted(url: str) -> str:
    """Return of a URL what may be told: its scheme and host; paths and queries hold secrets."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "unreadable URL"
    return f"{parsed.scheme}://{parsed.host}"


def is_allowed(host: str, allow_hosts: Collection[str]) -> bool:
    """Return whether the operator listed this very host, in this spelling but for case."""
    return host.strip("[]").lower() in {allowed.strip("[]").lower() for allowed in allow_hosts}
