"""The push endpoint: news in by HTTP, into the same topic as all other sources."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from pydantic_core import from_json
from starlette.requests import ClientDisconnect

from pipeline.messages import BadItem, Limits, NewsItem, Reason, item_from
from pipeline.runtime import build_limits
from pipeline.web.metrics import PUSHED
from pipeline.web.problems import Problem
from pipeline.web.services import ServicesOf

router = APIRouter(tags=["items"])

_ITEMS = "items"
_SCHEMA = NewsItem.model_json_schema()
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        _SCHEMA,
                        {"type": "array", "items": _SCHEMA},
                        {
                            "type": "object",
                            "properties": {_ITEMS: {"type": "array", "items": _SCHEMA}},
                            "required": [_ITEMS],
                        },
                    ]
                }
            }
        },
    }
}


class Refused(BaseModel):
    """An item that was not taken."""

    index: int = Field(description="Its place in the request, from 0.")
    reason: Reason
    detail: str


class Taken(BaseModel):
    """What became of a request's items."""

    accepted: int
    ids: list[str] = Field(description="Of the accepted ones, in their order.")
    errors: list[Refused]


async def read_body(request: Request) -> bytes:
    """Return the whole body; its size is limited before it gets here."""
    try:
        return await request.body()
    except ClientDisconnect as error:  # nobody reads the answer; it must not be logged as a bug
        raise Problem(400, "the body was not sent to its end") from error


@router.post("/v1/items", status_code=202, openapi_extra=_BODY)
def post_items(body: Annotated[bytes, Depends(read_body)], services: ServicesOf) -> Taken:
    """Take one item, a list of items, or `{"items": [...]}`.

    202 says that the broker holds every accepted item; they are classified and stored soon
    after. The same item sent again stays one item. Items that are not valid are listed and do
    not stop the others; if none is valid the answer is 422.
    """
    items, errors = _read(_contents(body), build_limits(services.settings))
    PUSHED.labels("refused").inc(len(errors))
    if not items and errors:
        listed = [error.model_dump(mode="json") for error in errors]
        raise Problem(422, "no item is valid", more={"errors": listed})
    services.publisher.publish_all(items)
    PUSHED.labels("accepted").inc(len(items))
    return Taken(accepted=len(items), ids=[str(item.id) for item in items], errors=errors)


def _contents(body: bytes) -> list[Any]:
    """Return the items of the body, whichever of the three forms it has."""
    try:
        content = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Problem(400, f"the body is not JSON: {str(error)[:200]}") from error
    if isinstance(content, dict):
        content = content[_ITEMS] if set(content) == {_ITEMS} else [content]
    if not isinstance(content, list):
        raise Problem(400, 'send one item, a list of items, or {"items": [...]}')
    return content


def _read(contents: list[Any], limits: Limits) -> tuple[list[NewsItem], list[Refused]]:
    items: list[NewsItem] = []
    errors: list[Refused] = []
    now = datetime.now(UTC)
    for index, content in enumerate(contents):
        if not isinstance(content, Mapping):
            detail = f"a {type(content).__name__}"
            errors.append(Refused(index=index, reason=Reason.NOT_OBJECT, detail=detail))
            continue
        try:
            items.append(item_from(content, now=now, limits=limits))
        except BadItem as error:
            errors.append(Refused(index=index, reason=error.reason, detail=error.detail))
    return items, errors
