"""A provider and a desk that knows it, for the tests of the sign-in."""

from collections.abc import Iterator

import httpx
import pytest

from tests.integration.sign_in.desk import browser, with_oidc
from tests.integration.sign_in.oidc_provider import ProviderForTests, provider_for_tests


@pytest.fixture
def provider() -> Iterator[ProviderForTests]:
    """A provider that puts everybody into the group of readers."""
    with provider_for_tests() as provider:
        provider.claims["groups"] = ["staff", "desk-readers"]
        yield provider


@pytest.fixture
def client(provider: ProviderForTests, database_url: str) -> Iterator[httpx.Client]:
    """A browser at a desk that knows the provider."""
    with browser(with_oidc(provider.issuer, database_url=database_url)) as client:
        yield client
