"""Dead letters that fit, whatever they are made of."""

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from faust.exceptions import ProducerSendError

from pipeline.messages import Reason
from pipeline.outbound import Outbound, dead_letter, is_too_large
from pipeline.stages.parse import Message, Rejected
from pipeline.topics import MAX_MESSAGE_BYTES

MEGABYTE = b"x" * 1_000_000


def letter(
    key: bytes | None, value: bytes | None, *headers: tuple[str, bytes], detail: str = "why"
) -> Outbound:
    return dead_letter(
        "dlq", Rejected(Message("raw", 3, 17, key, value, headers), Reason.NOT_JSON, detail)
    )


def size(one: Outbound) -> int:
    headers: list[tuple[str, bytes | None]] = list(one.headers)
    return int(DefaultRecordBatchBuilder.estimate_size_in_bytes(one.key, one.value, headers))


def test_a_dead_letter_is_the_message_as_it_came_with_why_and_whence() -> None:
    one = letter(b"key", b"{broken", ("trace", b"42"))

    assert (one.topic, one.key, one.value) == ("dlq", b"key", b"{broken")
    assert dict(one.headers) == {
        "trace": b"42",
        "tapewatch-reason": b"not_json",
        "tapewatch-detail": b"why",
        "tapewatch-topic": b"raw",
        "tapewatch-partition": b"3",
        "tapewatch-offset": b"17",
    }


@pytest.mark.parametrize(
    "one",
    [
        letter(MEGABYTE, MEGABYTE * 2),
        letter(MEGABYTE * 2, None),
        letter(None, MEGABYTE * 2),
        letter(b"key", MEGABYTE, ("trace", MEGABYTE)),
        letter(b"key", b"value", *[("t" * 50, b"")] * 50_000),
        letter(b"key", MEGABYTE, ("trace", MEGABYTE[:899_000]), detail="ä" * 1_000_000),
    ],
    ids=["key and value", "key", "value", "header", "many headers", "detail"],
)
def test_a_dead_letter_is_never_larger_than_its_topic_takes(one: Outbound) -> None:
    assert size(one) <= MAX_MESSAGE_BYTES
    assert one.stub is not None
    assert size(one.stub) < 20_000


def test_headers_go_before_anything_is_cut_from_key_and_value() -> None:
    one = letter(b"key", MEGABYTE, ("trace", MEGABYTE), ("other", b""))

    headers = dict(one.headers)
    assert (one.key, one.value) == (b"key", MEGABYTE)
    assert "trace" not in headers
    assert headers["tapewatch-dropped-headers"] == b"2"
    assert "tapewatch-truncated-from" not in headers


def test_what_was_cut_says_how_long_it_was() -> None:
    headers = dict(letter(MEGABYTE, MEGABYTE * 2).headers)

    assert headers["tapewatch-truncated-from"] == b"2000000"
    assert headers["tapewatch-key-truncated-from"] == b"1000000"


def test_a_message_without_key_and_value_can_be_sent_as_a_dead_letter() -> None:
    one = letter(None, None)

    assert (one.key, one.value) == (None, b"")


def test_a_size_error_is_known_also_inside_of_the_one_that_faust_makes_of_it() -> None:
    wrapped = ProducerSendError("Error while sending")
    wrapped.__cause__ = MessageSizeTooLargeError("2097200 bytes")

    assert is_too_large(wrapped)
    assert is_too_large(MessageSizeTooLargeError())
    assert not is_too_large(ProducerSendError("Error while sending"))
    assert not is_too_large(KafkaConnectionError())
