"""The API key: everything but health asks for it."""

import hmac
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from pipeline.runtime import SettingsError
from pipeline.settings import WebSettings
from pipeline.web.problems import Problem

_bearer = HTTPBearer(auto_error=False, description="TAPEWATCH_WEB__API_KEY of the service.")


def require_api_key_setting(settings: WebSettings) -> str:
    """Return the key that callers must send; raises SettingsError if there is none."""
    if settings.api_key is None:
        raise SettingsError(
            "TAPEWATCH_WEB__API_KEY is not set: callers of the API authenticate with it; set a "
            "long random value, such as what `openssl rand -hex 24` prints"
        )
    return settings.api_key.get_secret_value()


def check_api_key(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> None:
    """Let the request pass if it carries the key; else raise the Problem 401."""
    expected: str = request.app.state.api_key
    offered = given.credentials if given is not None else ""
    # Constant time, whatever the lengths and characters.
    if not hmac.compare_digest(offered.encode(), expected.encode()):
        raise Problem(
            401,
            "send the API key as `Authorization: Bearer KEY`",
            headers={"WWW-Authenticate": "Bearer"},
        )


ApiKey = Depends(check_api_key)
