"""The composition root: settings into engine, classifier and gazetteer.

Each builder imports what it builds, so that a command that needs no model loads no torch.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError

from pipeline.messages import Limits
from pipeline.settings import Settings

if TYPE_CHECKING:
    from db.engine import Engine
    from models.entities.gazetteer import Gazetteer
    from models.labels import Classifier


class SettingsError(Exception):
    """The environment holds settings that do not make sense; the text names each one."""


def load_settings() -> Settings:
    """Return the settings of the environment.

    Raises SettingsError if one is unknown or out of bounds; never holds a value.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = (
            f"  {variable_name(problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
        lines = "\n".join(["these settings are wrong (see docs/settings.md):", *problems])
        raise SettingsError(lines) from None  # the original would print the values


def variable_name(location: tuple[int | str, ...]) -> str:
    """Return the environment variable of a setting, from its path in ``Settings``."""
    return "TAPEWATCH_" + "__".join(part.upper() for part in location if isinstance(part, str))


def require_key(settings: Settings) -> str:
    """Return the key that opens webhook secrets.

    Raises SettingsError if there is none, or it is no key.
    """
    from alerts.delivery.secrets import SecretUnreadable, encrypt

    advice = "run `tapewatch new-key` once and give every service the key it prints"
    if settings.secret_key is None:
        raise SettingsError(f"TAPEWATCH_SECRET_KEY is not set: {advice}")
    key = settings.secret_key.get_secret_value()
    try:
        encrypt("", key)
    except SecretUnreadable as error:
        raise SettingsError(f"TAPEWATCH_SECRET_KEY is wrong, {error}: {advice}") from None
    return key


def build_engine(settings: Settings) -> Engine:
    """Return an engine; connects to nothing yet."""
    from db.engine import create_engine

    database = settings.database
    return create_engine(
        database.url.get_secret_value(),
        pool_size=database.pool_size,
        statement_timeout_s=database.statement_timeout_s,
    )


def build_classifier(settings: Settings) -> Classifier:
    """Load the classifier: seconds, and torch."""
    from models.loading import load_classifier

    model = settings.model
    return load_classifier(
        model.path,
        device=model.device,
        max_batch_tokens=model.max_batch_tokens,
        threads=model.threads,
    )


def build_gazetteer(settings: Settings) -> Gazetteer:
    """Load the shipped companies and those of the settings."""
    from models.entities.gazetteer import Gazetteer

    return Gazetteer.load(settings.model.companies)


def build_limits(settings: Settings) -> Limits:
    """Return what an item may be at most."""
    ingest = settings.ingest
    return Limits(ingest.max_text_chars, timedelta(seconds=ingest.max_future_s))
