"""The API's description for programs: the framework's, with errors as they are, and examples."""

from typing import Any

from fastapi import FastAPI

from pipeline.web.examples import REQUESTS
from pipeline.web.problems import MEDIA_TYPE, ProblemBody

_REFERENCE = {"$ref": f"#/components/schemas/{ProblemBody.__name__}"}
_FIRST_ERROR = 400
_OF_GUARDED = {
    "401": "There is no key, or it has ended.",
    "403": "The key lacks the scope.",
    "429": "Too many requests; `Retry-After` says when to come again.",
}
_OF_DATA = {
    "400": "The question, or the body, cannot be read.",
    "422": "The request is not valid.",
    "503": "Database or broker is away; `Retry-After` says when to come again.",
}
_OF_BODIES = {"413": "The body is too large."}
_OF_FRAMEWORK = ("HTTPValidationError", "ValidationError")


def described(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an app; every error in it is a problem."""
    document = app.openapi()
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _OF_FRAMEWORK:
        schemas.pop(name, None)
    schemas[ProblemBody.__name__] = ProblemBody.model_json_schema()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _describe_errors(path, operation)
            if (method, path) in REQUESTS:
                body = operation["requestBody"]["content"]["application/json"]
                body["example"] = REQUESTS[method, path]
    return document


def _describe_errors(path: str, operation: dict[str, Any]) -> None:
    responses: dict[str, Any] = operation["responses"]
    for condition, more in (
        ("security" in operation, _OF_GUARDED),
        (path.startswith("/v1/"), _OF_DATA),
        ("requestBody" in operation, _OF_BODIES),
    ):
        for status, description in more.items() if condition else ():
            responses.setdefault(status, {"description": description})
    for status, response in responses.items():
        # What answers an error with a schema of its own keeps it.
        is_own = status != "422" and "application/json" in response.get("content", {})
        if int(status) >= _FIRST_ERROR and not is_own:
            response["content"] = {MEDIA_TYPE: {"schema": _REFERENCE}}
