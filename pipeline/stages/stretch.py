"""How far one transaction of detection goes through event time, and what can change in it."""

from datetime import datetime, timedelta

from pipeline.rules import Rules
from pipeline.stages.archive import Archive
from pipeline.stages.cells import STEP, grid_end
from pipeline.stages.walking import Watch


class Stretch:
    """Decides how far one transaction goes, and which series can change in it.

    Args:
        archive: The news.
        rules: Which series alert.
        since: Event time that is evaluated, inclusive.
        watermark: Nothing after it is looked at.
        seen: ``Archive.snapshot`` from before the news up to ``since`` was read.
        max_late: How far before ``since`` a late item still counts.
    """

    def __init__(
        self,
        archive: Archive,
        rules: Rules,
        *,
        since: datetime,
        watermark: datetime,
        seen: int | None,
        max_late: timedelta,
    ) -> None:
        self._archive = archive
        self._rules = rules.by_detector()
        self._since = since
        self._watermark = watermark
        self._seen = seen
        self._late_since = since - max_late

    def next(self, *, keep_small: bool) -> tuple[datetime, dict[Watch, datetime | None]]:
        """Return the end of the next stretch and the series that may fire in it or before it.

        Each comes with the moment before which nothing in it has changed.

        A stretch ends at the grid; one in which nothing can fire is joined with its
        successors, twice as many each time, so that an archive with a gap of years is
        crossed in a few queries.
        """
        until = min(grid_end(self._since), self._watermark)
        changed = self._candidates(self._since, until)
        span = STEP
        while not changed and not keep_small and until < self._watermark:
            further = min(until + span, self._watermark)
            if self._candidates(until, further):
                break
            until, span = further, 2 * span
        return until, changed

    def _candidates(self, since: datetime, until: datetime) -> dict[Watch, datetime | None]:
        return {
            Watch(detector, key): changed
            for detector, rules in self._rules.items()
            for key, changed in self._archive.candidates(
                kinds=rules.kinds,
                window=rules.longest_window,
                since=since,
                until=until,
                min_negative=rules.least_negative,
                any_tone=detector.any_tone,
                seen=self._seen,
                late_since=self._late_since,
            ).items()
            if rules.of(key, detector)
        }
