"""Which requests go into the audit log, and how they are told there."""

from fastapi import Request

from db.audit import Deed
from pipeline.access import Principal

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_REFUSALS = frozenset({401, 403, 429})
_FIRST_FAILURE = 500
_FIRST_ERROR = 400
_MAX_TARGET_CHARS = 500


def is_write(request: Request) -> bool:
    """Tell whether a request may change something."""
    return request.method not in SAFE_METHODS


def is_of_interest(request: Request, status: int) -> bool:
    """Tell whether an answered request has to be recorded still.

    Every refused access is, but of those over a limit only a caller's first in a minute; and
    every write of whoever was let in.
    """
    if getattr(request.state, "is_recorded", False):
        return False
    if status in _REFUSALS:
        return not getattr(request.state, "is_repeated", False)
    return is_write(request) and hasattr(request.state, "principal")


def deed_of(request: Request, status: int) -> Deed:
    """Return what a request did, by the status of its answer; without query and body."""
    principal: Principal | None = getattr(request.state, "principal", None)
    route = getattr(request.scope.get("route"), "path", "")
    outcome = "refused" if status >= _FIRST_ERROR else "done"
    return Deed(
        actor="" if principal is None else principal.name,
        key_id=None if principal is None else principal.id,
        action=f"{request.method} {route}".strip(),
        target=request.url.path[:_MAX_TARGET_CHARS],
        address=request.client.host if request.client else "",
        outcome="failed" if status >= _FIRST_FAILURE else outcome,
        status=status,
    )
