"""Schedule, secrets and URLs of endpoints."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from alerts.delivery.schedule import DELAYS, MAX_RETRY_AFTER, next_attempt_at
from alerts.delivery.secrets import SecretUnreadable, decrypt, encrypt, new_key, new_secret
from alerts.delivery.urls import url_problem

NOW = datetime(2024, 5, 1, tzinfo=UTC)


def test_the_first_attempt_is_at_once_and_the_tenth_is_the_last() -> None:
    assert next_attempt_at(0, now=NOW) == NOW
    assert next_attempt_at(1, now=NOW) == NOW + timedelta(seconds=5)
    assert next_attempt_at(9, now=NOW) == NOW + timedelta(hours=24)
    assert next_attempt_at(10, now=NOW) is None


def test_the_schedule_rides_over_a_weekend() -> None:
    assert sum(DELAYS, timedelta(0)) > timedelta(days=3)
    assert all(first < second for first, second in pairwise(DELAYS))


@given(
    attempts=st.integers(0, 9),
    jitter=st.floats(0, 1),
    asked=st.none() | st.timedeltas(timedelta(0), timedelta(days=900)),
)
def test_a_delay_is_never_shortened_and_stays_bounded(
    attempts: int, jitter: float, asked: timedelta | None
) -> None:
    at = next_attempt_at(attempts, now=NOW, retry_after=asked, jitter=jitter)

    assert at is not None
    delay = at - NOW
    assert delay >= DELAYS[attempts]
    assert delay >= min(asked or timedelta(0), MAX_RETRY_AFTER)
    assert delay <= max(1.2 * DELAYS[attempts], MAX_RETRY_AFTER)


@pytest.mark.parametrize(("attempts", "jitter"), [(-1, 0.5), (1, -0.1), (1, 1.1)])
def test_nonsense_is_refused(attempts: int, jitter: float) -> None:
    with pytest.raises(ValueError, match="jitter"):
        next_attempt_at(attempts, now=NOW, jitter=jitter)


def test_a_new_secret_is_one_that_receivers_libraries_take() -> None:
    secret = new_secret()

    Webhook(secret)
    assert secret.startswith("whsec_")
    assert secret != new_secret()


@given(secret=st.text(st.characters(codec="utf-8"), max_size=100))
def test_a_secret_comes_back_with_its_key_and_does_not_show_without(secret: str) -> None:
    key = new_key()
    stored = encrypt(secret, key)

    assert decrypt(stored, key) == secret
    assert len(secret) < 4 or secret.encode() not in stored
    with pytest.raises(SecretUnreadable):
        decrypt(stored, new_key())


def test_damaged_bytes_and_a_bad_key_are_told_apart_in_words() -> None:
    with pytest.raises(SecretUnreadable, match="another key"):
        decrypt(b"damaged", new_key())
    with pytest.raises(SecretUnreadable, match="32 bytes"):
        encrypt("whsec_x", "too short")
    with pytest.raises(SecretUnreadable, match="32 bytes"):
        encrypt("whsec_x", "schlüssel")


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/in", "https://203.0.113.9:65535", "https://例子.example/"]
)
def test_https_urls_are_taken(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://hooks.example.com/", "must be https"),
        ("ftp://hooks.example.com/", "must be of the form"),
        ("hooks.example.com", "must be of the form"),
        ("https://", "must be of the form"),
        ("", "must be of the form"),
        ("https://a b\x00/", "is not a URL"),
        ("https://xn--a/", "is not a URL"),
        ("https://[fe80::1%é]/", "is not a URL"),
        ("https://hooks.example.com:65536/", "a port that is none"),
        (f"https://hooks.example.com:{'5' * 30}/", "a port that is none"),
        ("https://hooks.example.com/\udcff", "is not a URL"),
        ("https://user:pass@hooks.example.com/", "user name"),
    ],
)
def test_other_urls_are_refused_with_the_reason(url: str, problem: str) -> None:
    assert problem in str(url_problem(url))


def test_plain_http_is_for_listed_hosts_only_in_the_very_spelling() -> None:
    allowed = ("127.0.0.1", "Bus.internal", "[::1]")

    assert url_problem("http://127.0.0.1:9000/", allow_hosts=allowed) is None
    assert url_problem("http://bus.INTERNAL/", allow_hosts=allowed) is None
    assert url_problem("http://[::1]/", allow_hosts=allowed) is None
    assert url_problem("http://2130706433/", allow_hosts=allowed) is not None
    assert url_problem("http://bus.internal.evil.example/", allow_hosts=allowed) is not None
