"""API keys and limits, without a database."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.access import Scope, is_secret_of, new_api_key, principal_of, split_key
from pipeline.web.rate_limit import RateLimit

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def test_a_key_is_known_again_by_its_secret_alone() -> None:
    row, key = new_api_key("desk", [Scope.READ])
    found = split_key(key)
    _, other = new_api_key("desk", [Scope.READ])
    another = split_key(other)

    assert found is not None
    assert another is not None
    assert found[0] == row.id
    assert is_secret_of(row, found[1])
    assert not is_secret_of(row, another[1])
    assert not is_secret_of(row, found[1] + "x")


def test_what_is_stored_of_a_key_holds_no_part_of_its_secret() -> None:
    row, key = new_api_key("desk", [Scope.READ])

    assert len(row.digest) == 32
    assert key.encode() not in row.digest
    assert len(key.rpartition("_")[0]) < len(key)
    assert key[len("tw_") + 33 :] not in repr(row)


def test_the_same_secret_under_another_id_has_another_digest() -> None:
    row, key = new_api_key("desk", [Scope.READ])
    stolen, _ = new_api_key("thief", [Scope.ADMIN])
    found = split_key(key)

    assert found is not None
    assert not is_secret_of(stolen, found[1])
    assert row.digest != stolen.digest


@pytest.mark.parametrize(
    "key", ["", "tw_", "tw__x", "tw_7e29b461758a4c7eaaa6cbea1e400aef", "tw_ü_x", "x" * 80]
)
def test_what_is_no_key_is_told_without_a_look_at_the_database(key: str) -> None:
    assert split_key(key) is None


def test_a_key_ends_when_it_expires_or_is_revoked() -> None:
    row, _ = new_api_key("desk", [Scope.INGEST], expires_at=NOW)
    forever, _ = new_api_key("desk", [Scope.INGEST])
    revoked = type(row)(row.id, row.name, row.digest, row.scopes, revoked_at=NOW)

    assert principal_of(row, now=NOW - timedelta(seconds=1)) is not None
    assert principal_of(row, now=NOW) is None
    assert principal_of(revoked, now=NOW) is None
    assert principal_of(forever, now=NOW) is not None


@pytest.mark.parametrize("scope", Scope)
def test_admin_may_do_everything_and_others_what_they_say(scope: Scope) -> None:
    row, _ = new_api_key("desk", [scope])
    principal = principal_of(row, now=NOW)

    assert principal is not None
    for each in Scope:
        assert principal.may(each) is (each == scope or scope == Scope.ADMIN)


def test_a_limit_is_for_each_caller_and_begins_anew_after_a_minute() -> None:
    limit = RateLimit(2)

    assert [limit.excess("a", now_s=100 + each)[0] for each in range(4)] == [0, 0, 1, 2]
    assert limit.excess("b", now_s=104) == (0, 56.0)
    assert limit.excess("a", now_s=160)[0] == 0


def test_callers_without_number_share_one_count() -> None:
    limit = RateLimit(1)
    for caller in range(10_000):
        limit.excess(caller, now_s=100)

    over = [limit.excess(f"new {caller}", now_s=101)[0] for caller in range(3)]

    assert over == [0, 1, 2]
    assert limit.excess(5, now_s=101)[0] == 1
