"""A receiver's own secret, as it is given."""

import base64

import pytest

from pipeline.targets import BadSubscription, to_target

URL = "https://93.184.215.14/"


def own(size: int) -> str:
    return "whsec_" + base64.b64encode(b"s" * size).decode()


@pytest.mark.parametrize("secret", [own(24), own(64)])
def test_a_secret_of_standard_webhooks_is_taken(secret: str) -> None:
    assert to_target(URL, secret=secret, allow_hosts=()).secret == secret


@pytest.mark.parametrize(
    "secret", ["", "whsec_", own(23), own(65), "whsec_é" + own(32)[7:], own(32)[6:], own(32)[:-2]]
)
def test_any_other_secret_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(BadSubscription, match="bytes in base64") as refused:
        to_target(URL, secret=secret, allow_hosts=())

    assert refused.value.field == "secret"
    assert own(32)[8:20] not in str(refused.value)
