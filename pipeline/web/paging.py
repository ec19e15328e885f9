"""Pages of a list: an opaque cursor says where the last one ended.

It holds the sort key of the page's last row, so that rows which come meanwhile move no page.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from pipeline.web.problems import Problem

Key = TypeVar("Key")
Row = TypeVar("Row")

MAX_LIMIT = 1000
_MAX_CHARS = 1000

LimitParam = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows on a page.")]
CursorParam = Annotated[
    str | None,
    Query(max_length=_MAX_CHARS, description="`next_cursor` of the page before."),
]


class Page(BaseModel):
    """What every list has."""

    next_cursor: str | None = Field(
        description="`cursor` of the next page; null after the last.", examples=[None]
    )


def after(cursor: str | None, kind: type[Key] | Any) -> Key | None:  # noqa: ANN401  # a form such as tuple[datetime, str]
    """Return the sort key of a cursor; None for the first page. Raises the Problem 400."""
    if cursor is None:
        return None
    try:
        content = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True)
        found: Key = TypeAdapter(kind).validate_json(content, strict=True)
    except (binascii.Error, ValidationError, UnicodeEncodeError) as error:
        raise Problem(400, "the cursor is none that a page gave") from error
    return found


def cut(
    rows: Sequence[Row], limit: int, key: Callable[[Row], object]
) -> tuple[Sequence[Row], str | None]:
    """Return a page and the cursor of the next.

    Args:
        rows: One more than a page has, where there are more.
        limit: Rows on a page.
        key: The sort key of a row.

    Returns:
        The rows of the page, and the cursor; None after the last page.
    """
    page = rows[:limit]
    if len(rows) <= limit:
        return page, None
    return page, base64.urlsafe_b64encode(to_json(key(page[-1]))).decode()
