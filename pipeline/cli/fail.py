"""How a command says what went wrong: one clear line on stderr and a status, no traceback."""

import sys

import typer

WRONG_USE = 2
FAILED = 1

# By name, so that telling errors apart imports nothing: an error that was raised has its module
# loaded already. The text says what to do where the error's own does not.
_KNOWN = {
    ("pipeline.runtime", "SettingsError"): (WRONG_USE, ""),
    ("pipeline.series", "BadQuery"): (WRONG_USE, ""),
    ("pipeline.rules", "RulesError"): (WRONG_USE, ""),
    ("models.entities.table", "CompaniesError"): (WRONG_USE, ""),
    ("pipeline.backtest.scoring", "StaleScores"): (FAILED, ""),
    ("pipeline.backtest.truth", "TruthError"): (WRONG_USE, ""),
    ("pipeline.sources.replay", "SourceError"): (FAILED, ""),
    ("pipeline.schema", "NotMigrated"): (FAILED, ""),
    ("models.loading", "ModelError"): (FAILED, "; TAPEWATCH_MODEL__PATH names the model"),
    ("db.engine", "TooSlow"): (
        FAILED,
        "; the database takes longer than TAPEWATCH_DATABASE__STATEMENT_TIMEOUT_S",
    ),
    ("db.engine", "DatabaseAway"): (
        FAILED,
        "; start PostgreSQL, or set TAPEWATCH_DATABASE__URL to where it is",
    ),
    ("pipeline.topics", "BrokerRefused"): (FAILED, ""),
    ("pipeline.topics", "BrokerAway"): (
        FAILED,
        "; start the Kafka broker, or set TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS to where it is",
    ),
}
_INTRO = {
    "DatabaseAway": "the database cannot be used: ",
    "BrokerRefused": "the Kafka broker does not let us in: ",
    "BrokerAway": "the Kafka broker cannot be used: ",
}


def missing(package: str, extra: str) -> str:
    """Say that a package is not installed, and how its extra is: tapewatch is on no index."""
    return (
        f"{package} is not installed; the extra {extra!r} brings it: pip install -e '.[{extra}]' "
        f"in a clone, pip install 'THE_FILE.whl[{extra}]' where tapewatch came as a wheel"
    )


def fail(text: str, *, status: int = FAILED) -> typer.Exit:
    """Say what is wrong on stderr and return the exit to raise."""
    print(f"error: {text}", file=sys.stderr)  # noqa: T201  # what a command line is for
    return typer.Exit(status)


def explain(error: BaseException) -> tuple[str, int] | None:
    """Return text and exit status for an error that is no bug; None for a bug."""
    for kind in type(error).__mro__:
        known = _KNOWN.get((kind.__module__, kind.__name__))
        if known is not None:
            status, advice = known
            text = str(error).strip()
            if advice:
                text = (text.splitlines() or [""])[0].rstrip(".")
            return _INTRO.get(kind.__name__, "") + text + advice, status
    return None
