"""What the groups of settings have in common; the settings are in ``pipeline.settings``."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

_PLACEHOLDERS = {"", "change-me", "changeme", "secret", "password", "postgres"}


def _no_placeholder(value: SecretStr) -> SecretStr:
    if value.get_secret_value().strip().lower() in _PLACEHOLDERS:
        msg = "is a placeholder; set a value of your own"
        raise ValueError(msg)
    return value


Secret = Annotated[SecretStr, AfterValidator(_no_placeholder)]


class Group(BaseModel):
    """Settings that share the first part of their names."""

    model_config = ConfigDict(frozen=True, extra="forbid")
