"""The composition root: settings into engine, classifier and gazetteer.

Each builder imports what it builds, so that a command that needs no model loads no torch.
"""

from __future__ import annotations

import difflib
import os
import re
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_settings import SettingsError as NotJson

from pipeline.messages import Limits
from pipeline.settings import PREFIX, Settings, known_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from db.engine import Engine
    from models.entities.gazetteer import Gazetteer
    from models.explanation.explainer import Explainer
    from models.labels import Classifier
    from pipeline.explaining import Reader
    from pipeline.rules import Rules
    from pipeline.stages.classify import Floors


# A web service is small: at 4096 an explanation takes 700 MB on top of the model.
_READER_BATCH_TOKENS = 512

# What only tests read: which servers to use, and a mark to find processes by.
_OF_TESTS = (f"{PREFIX}TEST_", f"{PREFIX}E2E_")


class SettingsError(Exception):
    """The environment holds settings that do not make sense; the text names each one."""


def load_settings() -> Settings:
    """Return the settings of the environment.

    Raises SettingsError if one is unknown or out of bounds; never holds a value.
    """
    problems = _unknown_variables()
    settings = None
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            problems.setdefault(variable_name(problem["loc"]), problem["msg"])
    except NotJson as error:  # names the group alone
        group = re.search(r'field "(\w+)"', str(error))
        name = variable_name((group[1], "...") if group else ("...",))
        problems[name] = "a list must be a JSON array"
    if settings is not None and not problems:
        return settings
    lines = (f"  {name}: {text}" for name, text in problems.items())
    # Not from the original: that would print the values.
    raise SettingsError("\n".join(["these settings are wrong (see docs/settings.md):", *lines]))


def _unknown_variables() -> dict[str, str]:
    """Return what is wrong with each variable that looks like a setting and is none."""
    known = known_variables()
    names = (name.upper() for name in sorted(os.environ))
    unknown = (n for n in names if n.startswith(PREFIX) and n not in known)
    return {n: f"is no setting{_meant(n)}" for n in unknown if not n.startswith(_OF_TESTS)}


def _meant(name: str) -> str:
    # Without what all have in common, or everything would look alike.
    known = {name.removeprefix(PREFIX) for name in known_variables()}
    meant = difflib.get_close_matches(name.removeprefix(PREFIX), known, n=1)
    return f"; did you mean {PREFIX}{meant[0]}?" if meant else ""


def variable_name(location: tuple[int | str, ...]) -> str:
    """Return the environment variable of a setting, from its path in ``Settings``."""
    return PREFIX + "__".join(part.upper() for part in location if isinstance(part, str))


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


@contextmanager
def opened_engine(settings: Settings) -> Iterator[Engine]:
    """Build an engine, and close its connections at the end of the block."""
    engine = build_engine(settings)
    try:
        yield engine
    finally:
        engine.dispose()


def build_classifier(settings: Settings) -> Classifier:
    """Load the classifier: seconds, and torch."""
    from models.loading import load_classifier

    model = settings.model
    return load_classifier(
        model.path,
        device=model.device,
        max_batch_tokens=model.max_batch_tokens,
        threads=model.threads,
        int8=model.int8,
    )


def classifier_version(settings: Settings) -> str:
    """Return the version of the classifier; loads it only where its files do not tell."""
    from models.version import folder_version, resolve

    told = folder_version(Path(resolve(settings.model.path)))
    return told or build_classifier(settings).version


def build_explainer(settings: Settings) -> Explainer:
    """Load the model in float32, to tell why it says what it says."""
    from models.explanation.explainer import Explainer
    from models.loading import load_model

    return Explainer(load_model(settings.model.path, device=settings.model.device))


def build_reader(settings: Settings) -> Reader:
    """Load what explains stored items as the worker reads them: one model, and the companies."""
    from models.explanation.explainer import Explainer
    from models.loading import load_model, to_classifier
    from pipeline.explaining import Reader

    model = load_model(settings.model.path, device=settings.model.device)
    return Reader(
        Explainer(model, batch_tokens=_READER_BATCH_TOKENS),
        classifier=to_classifier(model),
        finder=build_gazetteer(settings),
        floors=build_floors(settings),
    )


def build_gazetteer(settings: Settings) -> Gazetteer:
    """Load the shipped companies and those of the settings."""
    from models.entities.gazetteer import Gazetteer

    return Gazetteer.load(settings.model.companies)


def build_rules(settings: Settings, path: Path | None = None) -> Rules:
    """Return the rules of a file; by default of the settings' own, else the shipped ones."""
    from pipeline.rules import load_rules

    return load_rules(path or settings.detect.rules, companies=settings.model.companies)


def build_floors(settings: Settings) -> Floors:
    """Return how relevant an item must be to count."""
    from pipeline.stages.classify import Floors

    return Floors(settings.model.min_relevance, settings.model.min_entity_relevance)


def build_limits(settings: Settings) -> Limits:
    """Return what an item may be at most, and what of it is masked."""
    ingest = settings.ingest
    return Limits(
        ingest.max_text_chars, timedelta(seconds=ingest.max_future_s), mask=settings.privacy.mask
    )
