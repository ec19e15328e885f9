"""Prometheus metrics of the stream; the worker serves them where ``metrics_port`` says."""

from prometheus_client import Counter, Histogram

ITEMS = Counter("tapewatch_items_stored_total", "Items stored, redeliveries included.")
DEAD_LETTERS = Counter(
    "tapewatch_dead_letters_total", "Messages that could not be read or stored.", ["reason"]
)
BATCH_SECONDS = Histogram(
    "tapewatch_batch_seconds",
    "From a batch's arrival to its confirmation.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
