"""How the watch itself does, from what it stored lately; by the wall clock, unlike the rest."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from db.engine import Session

# By published_at, which has an index: what is older than an hour when it comes is left out.
_ITEMS = sa.text("""
    SELECT sentiment, count(*) AS items,
           percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY late_s) AS late_s
    FROM (
        SELECT sentiment, extract(epoch FROM stored_at - published_at)::float8 AS late_s
        FROM items
        WHERE published_at > now() - INTERVAL '1 hour'
            AND stored_at > now() - INTERVAL '10 minutes') AS recent
    GROUP BY GROUPING SETS ((sentiment), ())
""")

# The last events by position: however long the log is.
_EVENTS = sa.text("""
    SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY late_s)
    FROM (
        SELECT extract(epoch FROM stored_at - at)::float8 AS late_s, stored_at, at
        FROM alert_events ORDER BY position DESC LIMIT 1000) AS recent
    WHERE stored_at > now() - INTERVAL '1 hour' AND at > now() - INTERVAL '1 day'
""")


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds by which half, and all but 5 %, were stored after their event time."""

    median_s: float
    p95_s: float


@dataclass(frozen=True, slots=True)
class Health:
    """What was stored lately.

    Attributes:
        items: Of the last 10 minutes, by sentiment; without those older than an hour.
        store: Of these items; None where there are none.
        alert: Of the events about alerts in the last hour; None where there are none.
    """

    items: Mapping[str, int]
    store: Latency | None
    alert: Latency | None


def recent_health(session: Session) -> Health:
    """Return how the watch did in the last minutes."""
    items: dict[str, int] = {}
    store = None
    for sentiment, count, late_s in session.execute(_ITEMS):
        if sentiment is None:
            store = None if late_s is None else Latency(*late_s)
        else:
            items[sentiment] = count
    late_s = session.execute(_EVENTS).scalar_one()
    return Health(items, store, None if late_s is None else Latency(*late_s))
