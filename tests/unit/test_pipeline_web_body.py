import pytest
from starlette.requests import Request

from pipeline.web.problems import Problem
from pipeline.web.routes_items import read_body


async def test_a_caller_who_leaves_in_mid_body_is_no_error_of_the_service() -> None:
    messages: list[dict[str, object]] = [
        {"type": "http.request", "body": b"[", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, object]:
        return messages.pop(0)

    with pytest.raises(Problem) as told:
        await read_body(Request({"type": "http", "method": "POST"}, receive))

    assert told.value.status == 400
