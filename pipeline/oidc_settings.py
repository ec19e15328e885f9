"""Settings of the sign-in of people by OpenID Connect: off until an issuer is named."""

from ipaddress import ip_address
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from pipeline.setting_types import Group, Secret


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def _guarded(value: str) -> str:
    parts = urlsplit(value)
    host = parts.hostname or ""
    if not host or "@" in parts.netloc or parts.fragment:
        msg = "must be of the form https://host/path"
        raise ValueError(msg)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        msg = "must be https; http is for loopback alone"
        raise ValueError(msg)
    return value


def _asks_for_an_id_token(value: str) -> str:
    if "openid" not in value.split():
        msg = "must hold openid"
        raise ValueError(msg)
    return value


GuardedUrl = Annotated[str, AfterValidator(_guarded)]


class OidcSettings(Group):
    """Where people sign in, and what they may do by what their provider says of them."""

    issuer: GuardedUrl | None = Field(
        default=None,
        description="Issuer of the OpenID provider that people sign in with; none: with keys only.",
    )
    client_id: str | None = Field(default=None, description="Our name at the provider.")
    client_secret: Secret | None = Field(default=None, description="Our secret at the provider.")
    scopes: Annotated[str, AfterValidator(_asks_for_an_id_token)] = Field(
        default="openid profile", description="Space-separated scopes that we ask the provider for."
    )
    claim: str = Field(
        default="groups", description="Claim of the ID token that says what a person may do."
    )
    read_values: tuple[str, ...] = Field(
        default=(), description="Values of the claim of which one lets a person read."
    )
    admin_values: tuple[str, ...] = Field(
        default=(), description="Values of the claim of which one lets a person do everything."
    )
    name: str | None = Field(
        default=None, description="What the button calls the provider; else its host."
    )

    @model_validator(mode="after")
    def _client_is_whole(self) -> Self:
        client = (self.issuer, self.client_id, self.client_secret)
        if any(client) and not all(client):
            msg = "issuer, client_id and client_secret go together"
            raise ValueError(msg)
        return self
