"""`tapewatch subscriptions test`, `pause`, `resume` and `replay`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from pipeline.cli.fail import fail

if TYPE_CHECKING:
    from db.delivery_rows import AttemptRow, SubscriptionRow
    from db.engine import Session
    from pipeline.settings import Settings

_POLL_S = 0.2

Id = Annotated[UUID, typer.Argument(metavar="ID", help="As `subscriptions list` shows it.")]


def try_out(
    subscription_id: Id,
    *,
    wait_s: Annotated[
        float, typer.Option(min=0, help="How long to wait for the scheduler's attempt.")
    ] = 30.0,
) -> None:
    """Send a signed test event, and tell what came of the first attempt."""
    from pipeline.cli.database import open_session, record_command
    from pipeline.runtime import load_settings
    from pipeline.trial import queue_trial

    settings = load_settings()
    with open_session(settings) as session:
        row = _known(session, subscription_id)
        if row.paused or row.disabled_reason is not None:
            raise fail("it is paused or disabled; `tapewatch subscriptions resume` ends that")
        delivery_id = queue_trial(session, subscription_id, now=datetime.now(UTC))
        record_command(session, "subscriptions test", str(subscription_id))
    typer.echo(f"queued     {delivery_id}")
    attempt = _first_attempt(settings, delivery_id, wait_s=wait_s)
    if attempt is None:
        raise fail(f"no attempt was made within {wait_s:g} s: does a scheduler run?")
    told = " ".join(str(part) for part in (attempt.status, attempt.detail) if part is not None)
    typer.echo(f"{attempt.outcome:10} {told} after {attempt.duration_ms} ms")
    if attempt.outcome != "delivered":
        raise typer.Exit(1)


def pause(subscription_id: Id) -> None:
    """Send nothing until it is resumed: what waits is kept, what comes meanwhile is not."""
    from db.subscriptions import pause_subscription
    from pipeline.cli.database import open_session, record_command
    from pipeline.runtime import load_settings

    with open_session(load_settings()) as session:
        _known(session, subscription_id)
        pause_subscription(session, subscription_id)
        record_command(session, "subscriptions pause", str(subscription_id))
    typer.echo(f"paused {subscription_id}")


def resume(subscription_id: Id) -> None:
    """Send to a paused or disabled subscription again; what died can be replayed."""
    from db import endpoints
    from pipeline.cli.database import open_session, record_command
    from pipeline.runtime import load_settings

    with open_session(load_settings()) as session:
        _known(session, subscription_id)
        endpoints.resume(session, subscription_id)
        record_command(session, "subscriptions resume", str(subscription_id))
    typer.echo(f"resumed {subscription_id}")


def replay(
    subscription_id: Id,
    *,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="ISO 8601 in UTC, or so long ago: 30m, 12h, 7d.")
    ],
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Before then; by default until now.")
    ] = None,
    with_delivered: Annotated[
        bool, typer.Option(help="Also what was delivered, not only what died.")
    ] = False,
) -> None:
    """Send again what a webhook should have got in a time range, with the same ids."""
    from db.deliveries import replay_range
    from pipeline.cli.database import open_session, record_command
    from pipeline.runtime import load_settings
    from pipeline.series import parse_moment

    now = datetime.now(UTC)
    start = parse_moment(since, newest=now)
    end = now if until is None else parse_moment(until, newest=now)
    with open_session(load_settings()) as session:
        if _known(session, subscription_id).disabled_reason is not None:
            raise fail("the subscription is disabled; `tapewatch subscriptions resume` ends that")
        count = replay_range(
            session, subscription_id, since=start, until=end, with_delivered=with_delivered
        )
        record_command(session, "subscriptions replay", str(subscription_id))
    typer.echo(f"{count} deliveries begin anew")


def _known(session: Session, subscription_id: UUID) -> SubscriptionRow:
    from db.subscriptions import find_subscription

    row = find_subscription(session, subscription_id)
    if row is None:
        raise fail(f"there is no subscription {subscription_id}")
    return row


def _first_attempt(settings: Settings, delivery_id: str, *, wait_s: float) -> AttemptRow | None:
    from db.engine import transaction
    from db.outbox import attempts
    from pipeline.runtime import opened_engine

    end = time.monotonic() + wait_s
    with opened_engine(settings) as engine:
        while True:
            with transaction(engine) as session:
                made = attempts(session, delivery_id)
            if made or time.monotonic() >= end:
                return made[0] if made else None
            time.sleep(_POLL_S)
