"""Removes what is older than it may be kept, some rows at a time; db.partitions drops months."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

import sqlalchemy as sa

from db.engine import Session


class Kept(StrEnum):
    """What has a time of its own for which it is kept."""

    ITEMS = "items"
    TRENDS = "trends"
    ALERTS = "alerts"
    DELIVERIES = "deliveries"
    AUDIT = "audit"


# What is old by event time and by the wall clock: a replay of the past is not removed at once.
# The evidence of an alert is a copy; its items stay as well, for whoever explains the alert anew.
_ITEMS = """
    DELETE FROM items WHERE id IN (
        SELECT i.id FROM items AS i
        WHERE i.published_at < :before AND i.stored_at < :before
            AND (NOT :keep_evidence OR NOT EXISTS (
                SELECT FROM alert_evidence AS e WHERE e.item_id = i.id))
        ORDER BY i.published_at LIMIT :limit)
"""
# Those of months without a partition of their own: db.partitions drops the others whole.
_TRENDS = """
    DELETE FROM trend_5m_default WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM trend_5m_default WHERE bucket < :before ORDER BY bucket LIMIT :limit))
"""
# With its events, its evidence and its deliveries; one that fires is never removed.
_ALERTS = """
    DELETE FROM alerts WHERE id IN (
        SELECT a.id FROM alerts AS a
        WHERE a.state = 'resolved' AND a.updated_at < :before AND NOT EXISTS (
            SELECT FROM alert_events AS e WHERE e.alert_id = a.id AND e.stored_at >= :before)
        LIMIT :limit)
"""
# Who was told of an alert is told of its end: that is read from here as long as it fires.
_DELIVERIES = """
    DELETE FROM outbox WHERE id IN (
        SELECT o.id FROM outbox AS o
        WHERE o.created_at < :before AND o.state IN ('delivered', 'digested', 'dead')
            AND NOT EXISTS (
                SELECT FROM alerts AS a WHERE a.id = o.alert_id AND a.state = 'firing')
        ORDER BY o.position LIMIT :limit)
"""
_AUDIT = """
    DELETE FROM audit_log WHERE position IN (
        SELECT position FROM audit_log WHERE at < :before ORDER BY at LIMIT :limit)
"""

_DELETE: Mapping[Kept, sa.TextClause] = {
    Kept.ITEMS: sa.text(_ITEMS),
    Kept.TRENDS: sa.text(_TRENDS),
    Kept.ALERTS: sa.text(_ALERTS),
    Kept.DELIVERIES: sa.text(_DELIVERIES),
    Kept.AUDIT: sa.text(_AUDIT),
}


def remove_old(
    session: Session, what: Kept, *, before: datetime, limit: int, keep_evidence: bool = True
) -> int:
    """Remove the oldest rows of a kind; does not commit.

    Args:
        session: An open session.
        what: The kind.
        before: Rows from then on stay.
        limit: Most rows to remove, those that go with them not counted.
        keep_evidence: Whether items stay that are evidence of an alert.

    Returns:
        How many were removed; fewer than ``limit`` means that none is left.
    """
    values: dict[str, object] = {"before": before, "limit": limit}
    if what is Kept.ITEMS:
        values["keep_evidence"] = keep_evidence
    done = cast("sa.CursorResult[Any]", session.execute(_DELETE[what], values))
    return done.rowcount
