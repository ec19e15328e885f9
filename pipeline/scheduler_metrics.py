"""Prometheus metrics of the scheduler."""

from prometheus_client import Counter, Gauge, Histogram

# The label is not called job: that name is Prometheus' own, and ours would become exported_job.
TICKS = Counter("tapewatch_ticks_total", "Runs of a scheduler's job.", ["task", "result"])
TICK_SECONDS = Histogram(
    "tapewatch_tick_seconds", "How long a run of a scheduler's job took.", ["task"]
)
ALERT_EVENTS = Counter("tapewatch_alert_events_total", "What was said about alerts.", ["type"])
DELIVERIES = Counter("tapewatch_deliveries_total", "Attempts to deliver an event.", ["outcome"])
REMOVED = Counter("tapewatch_removed_rows_total", "Rows removed by their age.", ["what"])
WATERMARK_AGE = Gauge(
    "tapewatch_watermark_age_seconds",
    "Wall clock less the event time up to which all is stored; large in a replay of the past.",
)
