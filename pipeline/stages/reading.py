"""What the detector measures on a series at one moment, with all that it compares with."""

from dataclasses import dataclass
from datetime import datetime

from alerts import slow_burn
from alerts.detectors import measure
from alerts.series import Baseline, Series, to_us
from alerts.types import Detector, Reading, Rule
from db.rows import MentionRow, SeriesKey
from pipeline.stages.alerting import to_mention
from pipeline.stages.archive import Archive
from pipeline.stages.cells import Market, cell_start, histories


@dataclass(frozen=True, slots=True)
class Measured:
    """A reading and where it comes from.

    Attributes:
        baseline: What the detector compares with; of ``slow_burn`` that of a week before.
        mentions: Of the window, by event time; copies included.
    """

    reading: Reading
    baseline: Baseline
    market: Market
    mentions: tuple[MentionRow, ...]

    @property
    def copies(self) -> int:
        """Items that are no accounts."""
        return self.reading.items - self.reading.accounts


def measure_at(archive: Archive, key: SeriesKey, at: datetime, rule: Rule) -> Measured:
    """Measure one series as the scheduler does at one moment; nothing after ``at`` is read."""
    start = cell_start(at)
    market = Market.before(start, archive)
    rows = archive.mentions([key], since=at - rule.long_window, until=at)[key]
    series = Series(
        [to_mention(row) for row in rows],
        histories(archive, [key], start, window=rule.long_window, until=at)[key],
        archive_start=market.watched_since,
        parent_share=market.negative_share,
        longest_window=rule.long_window,
        profile=market.profile,
    )
    moment = to_us(at)
    reading = measure(series, moment, rule)
    inside = tuple(row for row in rows if row.published_at > at - reading.window)
    days_ago = slow_burn.DAYS if rule.detector is Detector.SLOW_BURN else 0
    return Measured(reading, series.baseline(moment, days_ago=days_ago), market, inside)
