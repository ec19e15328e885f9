import ssl
from pathlib import Path

import pytest
from faust import SASLCredentials, SSLCredentials
from kafka.errors import KafkaTimeoutError
from pydantic import SecretStr, ValidationError

from pipeline.kafka_security import client_options, faust_credentials
from pipeline.settings import KafkaSettings
from pipeline.topics import BrokerAway, broker_away

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


@pytest.mark.parametrize(
    ("mechanism", "told"), [("PLAIN", "desk,a=1"), ("SCRAM-SHA-256", "desk=2Ca=3D1")]
)
def test_a_name_is_quoted_where_scram_asks_for_it_and_the_client_does_not(
    mechanism: str, told: str
) -> None:
    login = {"sasl_mechanism": mechanism, "sasl_username": "desk,a=1", "sasl_password": "pa55-word"}
    settings = KafkaSettings.model_validate({"tls": True, **login})

    assert client_options(settings)["sasl_plain_username"] == told
    credentials = faust_credentials(settings)
    assert isinstance(credentials, SASLCredentials)
    assert credentials.username == "desk,a=1"


@pytest.mark.parametrize("setting", ["CA_FILE", "CERT_FILE"])
def test_a_file_of_certificates_that_is_none_is_named_by_its_setting(
    setting: str, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()

    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(OSError, match=f"TAPEWATCH_KAFKA__{setting}"):
            client_options(KafkaSettings.model_validate({"tls": True, setting.lower(): path}))


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        (KafkaSettings(), "if it speaks TLS, set TAPEWATCH_KAFKA__TLS"),
        (KafkaSettings(tls=True), "if it asks for a login, set TAPEWATCH_KAFKA__SASL_MECHANISM"),
    ],
)
def test_a_broker_that_answers_nothing_is_told_with_what_may_be_the_matter(
    settings: KafkaSettings, hint: str
) -> None:
    with pytest.raises(BrokerAway, match=hint), broker_away(settings):
        raise KafkaTimeoutError("Unable to bootstrap")
