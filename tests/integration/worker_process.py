"""A real worker process with a classifier that needs no weights; run with ``python -m``."""

import os

from pipeline import log, worker
from pipeline.runtime import load_settings
from tests.fake_models import (
    BrokenClassifier,
    HangingClassifier,
    KeywordClassifier,
    OneCompanyFinder,
)


def main() -> None:
    """Run the worker with what the environment says."""
    settings = load_settings()
    log.configure(json=True, level=settings.log_level)
    kinds = {"broken": BrokenClassifier, "hanging": HangingClassifier}
    kind = kinds.get(os.environ.get("TEST_CLASSIFIER", ""), KeywordClassifier)
    classifier = kind(float(os.environ.get("TEST_DELAY_S", "0")))
    worker.run(settings, classifier=classifier, finder=OneCompanyFinder())


if __name__ == "__main__":
    main()
