"""TLS and login for all Kafka clients, from the settings."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faust.types.auth import CredentialsT

    from pipeline.settings import KafkaSettings


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Return what a client of kafka-python is told; empty for plain text.

    Raises:
        OSError: If a file of certificates cannot be read, or is none.
    """
    if not settings.tls:
        return {}
    options: dict[str, Any] = {"security_protocol": "SSL", "ssl_context": _context(settings)}
    if settings.sasl_mechanism is not None and settings.sasl_password is not None:
        options |= {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": settings.sasl_password.get_secret_value(),
        }
    return options


def faust_credentials(settings: KafkaSettings) -> CredentialsT | None:
    """Return the same for Faust; None for plain text. Raises OSError as ``client_options``."""
    import faust

    if not settings.tls:
        return None
    if settings.sasl_mechanism is None or settings.sasl_password is None:
        return faust.SSLCredentials(_context(settings))
    return faust.SASLCredentials(
        username=settings.sasl_username,
        password=settings.sasl_password.get_secret_value(),
        mechanism=settings.sasl_mechanism,
        ssl_context=_context(settings),
    )


def _context(settings: KafkaSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ca_file)
    if settings.cert_file is not None:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    return context
