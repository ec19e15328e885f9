"""The id of an alert, as commands take it."""

from typing import Annotated
from uuid import UUID

import typer


def _alert_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        msg = (
            f"{text!r} is no id of an alert, which looks like "
            "0f0c3d0e-8d2b-5a4e-9a55-0a7b6c1d2e3f. It stands in each event (data.id), in the "
            "address of the alert's page on the desk, in `GET /v1/alerts` and in v_alerts"
        )
        raise typer.BadParameter(msg) from error


AlertId = Annotated[
    UUID,
    typer.Argument(metavar="ID", parser=_alert_id, help="Of the alert, as its events show it."),
]
