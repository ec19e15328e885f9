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
        OSError: If a file of certificates cannot be read, or is none; its text names the setting.
    """
    if not settings.tls:
        return {}
    options: dict[str, Any] = {"security_protocol": "SSL", "ssl_context": tls_context(settings)}
    if settings.sasl_mechanism is not None and settings.sasl_password is not None:
        options |= {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": _quoted(settings),
            "sasl_plain_password": settings.sasl_password.get_secret_value(),
        }
    return options


def faust_credentials(settings: KafkaSettings) -> CredentialsT | None:
    """Return the same for Faust; None for plain text. Raises OSError as ``client_options``."""
    import faust

    if not settings.tls:
        return None
    if settings.sasl_mechanism is None or settings.sasl_password is None:
        return faust.SSLCredentials(tls_context(settings))
    return faust.SASLCredentials(
        username=settings.sasl_username,
        password=settings.sasl_password.get_secret_value(),
        mechanism=settings.sasl_mechanism,
        ssl_context=tls_context(settings),
    )


def tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    """Return what verifies a broker and its name. Raises OSError as ``client_options``."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise _unreadable("CA_FILE", error) from error
    if settings.cert_file is not None:
        try:
            context.load_cert_chain(settings.cert_file, settings.key_file)
        except OSError as error:
            raise _unreadable("CERT_FILE or KEY_FILE", error) from error
    return context


def _unreadable(setting: str, error: OSError) -> OSError:
    # OpenSSL names no file.
    return OSError(f"TAPEWATCH_KAFKA__{setting} cannot be used: {error.strerror or error}")


def _quoted(settings: KafkaSettings) -> str | None:
    """Return the user's name as kafka-python has to be told it.

    In SCRAM ``=`` and ``,`` are quoted (RFC 5802, 5.1): aiokafka does so by itself, kafka-python
    does not.
    """
    name = settings.sasl_username
    if name is None or settings.sasl_mechanism == "PLAIN":
        return name
    return name.replace("=", "=3D").replace(",", "=2C")
