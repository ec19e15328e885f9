"""What the groups of settings have in common; the settings are in ``pipeline.settings``."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

_PLACEHOLDERS = {"", "change-me", "changeme", "secret", "password", "postgres"}


def _no_placeholder(value: SecretStr) -> SecretStr:
    if value.get_secret_value().strip().lower() in _PLACEHOLDERS:
        msg = "is a placeholder; set a value of your own"
        raise ValueError(msg)
    return value


Secret = Annotated[SecretStr, AfterValidator(_no_placeholder)]


def host_and_port(server: str) -> tuple[str, int]:
    """Return host and port of ``host:port``; an IPv6 address stands in brackets, and loses them.

    Raises ValueError for anything else.
    """
    parts = urlsplit(f"//{server.strip()}")
    if not parts.hostname or not parts.port:
        msg = f"{server!r} is not host:port"
        raise ValueError(msg)
    return parts.hostname, parts.port


def _brokers(value: str) -> str:
    try:
        for server in value.split(","):
            host_and_port(server)
    except ValueError as error:
        msg = "must be of the form host:port[,host:port], with an IPv6 address in brackets"
        raise ValueError(msg) from error
    return value


Brokers = Annotated[str, AfterValidator(_brokers)]


class Group(BaseModel):
    """Settings that share the first part of their names."""

    model_config = ConfigDict(frozen=True, extra="forbid")
