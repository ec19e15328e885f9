"""A real worker process with a classifier that needs no weights; run with ``python -m``."""

import os

from pipeline import log, worker
from pipeline.runtime import load_settings
from tests.fake_models import BrokenClassifier, KeywordClassifier, OneCompanyFinder


def main() -> None:
    """Run the worker with what the environment says."""
    settings = load_settings()
    log.configure(json=True, level=settings.log_level)
    broken = os.environ.get("TEST_CLASSIFIER") == "broken"
    delay_s = float(os.environ.get("TEST_DELAY_S", "0"))
    classifier = BrokenClassifier() if broken else KeywordClassifier(delay_s)
    worker.run(settings, classifier=classifier, finder=OneCompanyFinder())


if __name__ == "__main__":
    main()
