"""What browsers post: the fields of a form, and their check by a model of the API's."""

from typing import Annotated, TypeVar
from urllib.parse import parse_qs

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

M = TypeVar("M", bound=BaseModel)


async def _read_fields(request: Request) -> dict[str, list[str]]:
    """Return the fields that hold something; the body's size is limited before it gets here."""
    return parse_qs((await request.body()).decode(errors="replace"))


Fields = Annotated[dict[str, list[str]], Depends(_read_fields)]


def _first_of_each(fields: Fields) -> dict[str, str]:
    return {name: values[0] for name, values in fields.items()}


Form = Annotated[dict[str, str], Depends(_first_of_each)]


def checked(model: type[M], form: dict[str, str]) -> M:
    """Return a form as a model; raises HTTPException 400 if it is not one."""
    try:
        return model.model_validate(form)
    except ValidationError as error:
        problem = error.errors()[0]
        raise HTTPException(400, f"{problem['loc'][0]}: {problem['msg']}") from error
