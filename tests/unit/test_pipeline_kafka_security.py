import ssl

import pytest
from faust import SASLCredentials, SSLCredentials
from pydantic import SecretStr, ValidationError

from pipeline.kafka_security import client_options, faust_credentials
from pipeline.settings import KafkaSettings

LOGIN = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "tw", "sasl_password": "pa55-word"}


def test_by_default_nothing_is_asked_of_a_client() -> None:
    assert client_options(KafkaSettings()) == {}
    assert faust_credentials(KafkaSettings()) is None


def test_tls_verifies_the_broker_and_its_name() -> None:
    options = client_options(KafkaSettings(tls=True))

    assert options["security_protocol"] == "SSL"
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert options["ssl_context"].check_hostname
    assert isinstance(faust_credentials(KafkaSettings(tls=True)), SSLCredentials)


def test_a_login_reaches_both_kinds_of_client_and_shows_nowhere() -> None:
    settings = KafkaSettings.model_validate({"tls": True, **LOGIN})

    options, credentials = client_options(settings), faust_credentials(settings)

    assert (options["security_protocol"], options["sasl_mechanism"]) == (
        "SASL_SSL",
        "SCRAM-SHA-512",
    )
    assert options["sasl_plain_password"] == "pa55-word"
    assert isinstance(credentials, SASLCredentials)
    assert (credentials.username, credentials.password) == ("tw", "pa55-word")
    assert "pa55-word" not in f"{settings!r}{credentials!r}"
    assert settings.sasl_password == SecretStr("pa55-word")


@pytest.mark.parametrize("changed", [{"tls": False}, {"sasl_password": None}])
def test_half_a_login_or_one_in_the_clear_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        KafkaSettings.model_validate({"tls": True, **LOGIN, **changed})
