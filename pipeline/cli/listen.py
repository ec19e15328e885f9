"""`tapewatch listen`: a receiver to try webhooks with, and to copy from."""

from __future__ import annotations

import errno
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.fail import WRONG_USE, fail

if TYPE_CHECKING:
    from collections.abc import Callable
    from http import HTTPStatus
    from types import FrameType

    from rich.console import Console

    from alerts.messages import AlertEvent
    from pipeline.alert_file import AlertFile
    from pipeline.receiver import OnEvent, OnNotice


def listen(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 9000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    secret: Annotated[
        str | None,
        typer.Option(metavar="WHSEC", help="The secret that `tapewatch subscribe` printed."),
    ] = None,
    secret_file: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="File that holds it: others cannot see it in `ps`."
        ),
    ] = None,
    alerts: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Append each alert to this file, a JSON object a line."),
    ] = None,
) -> None:
    """Receive webhooks, verify their signatures, and print each event, alerts with their evidence.

    Subscribe it with `tapewatch subscribe http://127.0.0.1:9000/`; the scheduler must be allowed
    to send there: TAPEWATCH_DELIVERY__ALLOW_HOSTS=127.0.0.1.
    """
    from rich.console import Console

    from pipeline.alert_file import AlertFile
    from pipeline.receiver import Receiver, make_server

    console = Console()
    with ExitStack() as stack:
        try:
            file = stack.enter_context(AlertFile(alerts)) if alerts else None
            receiver = Receiver(
                _secret(secret, secret_file), _shows(console, file), _tells(console)
            )
            server = make_server(receiver, host, port, on_refusal=_says_refusal(console))
        except (OSError, ValueError) as error:
            in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            said = f"port {port} is in use; choose another with --port" if in_use else str(error)
            raise fail(said) from error
        stack.enter_context(server)
        console.print(
            f"Listening on http://{host}:{server.server_port}/ for signed alerts; Ctrl-C ends it.",
            highlight=False,
        )
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            console.print("Stopped.")


def _secret(secret: str | None, secret_file: Path | None) -> str:
    if (secret is None) == (secret_file is None):
        raise fail("give the secret by --secret or --secret-file", status=WRONG_USE)
    return secret if secret is not None else str(secret_file and secret_file.read_text()).strip()


def _shows(console: Console, file: AlertFile | None) -> OnEvent:
    from pipeline.cli.render import render_alert

    def show(event: AlertEvent, body: bytes) -> None:
        if file is None or file.append(body):
            console.print(render_alert(event), "")

    return show


def _tells(console: Console) -> OnNotice:
    from pipeline.cli.render import render_notice

    return lambda notice, body: console.print(render_notice(notice, body), "")


def _says_refusal(console: Console) -> Callable[[HTTPStatus], None]:
    def say(status: HTTPStatus) -> None:
        reason = "its signature is wrong" if status == 401 else status.phrase.lower()
        console.print(f"refused a request: {reason}", style="yellow", highlight=False)

    return say


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
