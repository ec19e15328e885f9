"""Webhook secrets: made, encrypted at rest, shown once."""

import base64
import os

from cryptography.fernet import Fernet, InvalidToken

PREFIX = "whsec_"
# Standard Webhooks asks for 24 to 64 bytes.
SECRET_BYTES = 32


class SecretUnreadable(Exception):
    """A stored secret does not open with this key, or the key is no key at all."""


def new_secret() -> str:
    """Return a fresh signing secret in the form that receivers' libraries take."""
    return PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def new_key() -> str:
    """Return a fresh key for ``encrypt`` and ``decrypt``: 32 bytes as URL-safe base64."""
    return Fernet.generate_key().decode()


def encrypt(secret: str, key: str) -> bytes:
    """Return the secret as it may be stored; a malformed key raises ``SecretUnreadable``."""
    return _fernet(key).encrypt(secret.encode())


def decrypt(token: bytes, key: str) -> str:
    """Open a stored secret.

    Args:
        token: What ``encrypt`` returned.
        key: The key it was given.

    Returns:
        The secret.

    Raises:
        SecretUnreadable: If the key is another one, or the stored bytes were damaged.
    """
    try:
        return _fernet(key).decrypt(token).decode()
    except InvalidToken as error:
        msg = "the stored webhook secret was encrypted with another key"
        raise SecretUnreadable(msg) from error


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError as error:
        msg = "the secret key must be 32 bytes as URL-safe base64"
        raise SecretUnreadable(msg) from error
