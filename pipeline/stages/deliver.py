"""Send what waits in the outbox, each endpoint in its own lane.

A lane is a thread that lives while its endpoint has work, so an endpoint that hangs holds up
nobody else. Rows are claimed by a lease, and one is only sent while its lease surely outlasts
the attempt; those that a slow lane cannot reach in time it gives back. Those of a process that
was killed come back by themselves when the lease ends. How an attempt is made lives in
``sending``, the schedule in ``alerts.delivery``, what follows from an attempt in ``settle``.
"""

import random
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog

from alerts.delivery.schedule import next_attempt_at
from alerts.delivery.webhook import Attempt, Outcome, Reason
from db.delivery_rows import DeliveryRow
from db.engine import DatabaseAway, Engine, transaction
from db.outbox import claim, give_back
from pipeline.stages.digest import make_digests
from pipeline.stages.settle import settle

log = structlog.stdlib.get_logger(__name__)

CLAIM_ROWS = 100
# A lane that has more than so many waiting claims none: it keeps busy until the next tick, and has
# room for all that one claim brings.
_ENOUGH_ROWS = 50
# A tick ends after so many, for the process may be told to stop.
TICK_ROWS = 2000
# Endpoints served at the same moment: threads that wait for an answer cost little. An endpoint is
# known to hang only after its first attempt, so there are enough for hundreds that do.
MAX_LANES = 512
# Of those, what endpoints whose last attempt failed may take at most: they hold up no other.
MAX_FAILING_LANES = 128
# An attempt may outlive its timeout: looking up a name has no limit of its own, but ten seconds
# are what resolvers take by default.
MARGIN = timedelta(seconds=10)

Clock = Callable[[], datetime]


class Send(Protocol):
    """Makes one attempt."""

    def __call__(self, row: DeliveryRow, *, now: datetime) -> Attempt:
        """Send one event to its endpoint; whatever happens is the returned value."""
        ...


def deliver_one(
    engine: Engine,
    row: DeliveryRow,
    *,
    send: Send,
    now: Clock,
    jitter: Callable[[], float] = random.random,
) -> tuple[Outcome, bool]:
    """Make one attempt and record it with what follows from it.

    Returns:
        The attempt's outcome, ``DEAD`` instead of ``FAILED`` if the schedule has no next one; and
        whether the endpoint wants nothing more for now.
    """
    attempt = send(row, now=now())
    at = now()
    retry_at = None
    if attempt.outcome is Outcome.FAILED:
        retry_at = next_attempt_at(
            row.attempts + 1, now=at, retry_after=attempt.retry_after, jitter=jitter()
        )
    with transaction(engine) as session:
        settled = settle(session, row, attempt, at=at, retry_at=retry_at)
    if settled.disabled is not None:
        log.warning(
            "endpoint_disabled", subscription=str(row.subscription.id), reason=settled.disabled
        )
    # Who let one attempt run out of time would do so with each of the others in the lane.
    rests = attempt.retry_after is not None or attempt.detail is Reason.TIMEOUT
    return settled.outcome, rests or settled.disabled is not None


class Lanes:
    """Claims rows and sends them, one endpoint beside the other.

    Args:
        engine: A lane takes a connection only to record, never while it sends.
        send: Makes one attempt.
        timeout_s: The longest that ``send`` takes.
        now: The wall clock: leases and retries live by it.
        on_outcome: Called in a lane's thread after each recorded attempt.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        send: Send,
        timeout_s: float,
        now: Clock,
        on_outcome: Callable[[Outcome], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._send = send
        self._needs = timedelta(seconds=timeout_s) + MARGIN
        # Room for two slow attempts of one lane before it gives its other rows back; no longer,
        # for so long wait the rows of a process that was killed.
        self._lease = 2 * self._needs
        self._now = now
        self._on_outcome = on_outcome
        self._changed = threading.Condition()
        self._lanes: dict[UUID, deque[tuple[DeliveryRow, datetime]]] = {}
        self._failing: set[UUID] = set()
        self._failures: deque[Exception] = deque(maxlen=MAX_LANES)
        self._closing = False

    def tick(self) -> int:
        """Claim what is due and hand it to the lanes; does not wait for them.

        Returns:
            How many rows were claimed.

        Raises:
            Exception: A bug that a lane met since the last tick.
            db.engine.DatabaseAway: If the outbox cannot be read.
        """
        self._look_at_failures()
        now = self._now()
        with transaction(self._engine) as session:
            make_digests(session, now=now)
        return sum(self._fill(failing=failing) for failing in (False, True))

    def _look_at_failures(self) -> None:
        """Raise the first bug that a lane met; tell once of outages, which may be over by now."""
        with self._changed:
            failures = list(self._failures)
            self._failures.clear()
        for failure in failures:
            if not isinstance(failure, DatabaseAway):
                raise failure
        if failures:
            log.warning("attempts_not_recorded", lanes=len(failures), reason=str(failures[0]))

    def _fill(self, *, failing: bool) -> int:
        """Claim as much as there are free lanes for; return how many rows that were."""
        claimed = 0
        while (limit := min(CLAIM_ROWS, self._free(failing=failing))) and claimed < TICK_ROWS:
            now = self._now()
            with transaction(self._engine) as session:
                rows = claim(
                    session,
                    now=now,
                    limit=limit,
                    lease=self._lease,
                    failing=failing,
                    but=self._full(),
                )
            for row in rows:
                self._offer(row, now + self._lease, failing=failing)
            claimed += len(rows)
            if len(rows) < limit:
                break
        return claimed

    def _full(self) -> list[UUID]:
        with self._changed:
            return [key for key, waiting in self._lanes.items() if len(waiting) > _ENOUGH_ROWS]

    def _free(self, *, failing: bool) -> int:
        with self._changed:
            if self._closing:
                return 0
            free = MAX_LANES - len(self._lanes)
            return min(free, MAX_FAILING_LANES - len(self._failing)) if failing else free

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until no lane has work; tell whether that came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._lanes, timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Begin no further attempt and wait for those under way; tell whether all ended.

        An attempt that is cut off by the end of the process is made again when its lease
        ends, with the same id.
        """
        with self._changed:
            self._closing = True
        return self.wait_idle(timeout_s)

    def _offer(self, row: DeliveryRow, lease_ends: datetime, *, failing: bool) -> None:
        endpoint = row.subscription.id
        with self._changed:
            waiting = self._lanes.get(endpoint)
            if waiting is not None:
                waiting.append((row, lease_ends))
                return
            if self._closing:
                return
            self._lanes[endpoint] = deque([(row, lease_ends)])
            if failing:
                self._failing.add(endpoint)
        # A daemon: an endpoint that hangs cannot keep the process from ending.
        threading.Thread(
            target=self._run, args=(endpoint,), name=f"deliver-{endpoint}", daemon=True
        ).start()

    def _run(self, endpoint: UUID) -> None:
        try:
            while (next_one := self._take(endpoint)) is not None:
                row, lease_ends = next_one
                if self._now() + self._needs > lease_ends:
                    with transaction(self._engine) as session:
                        give_back(session, row.id, leased_until=lease_ends)
                    continue
                outcome, rests = deliver_one(self._engine, row, send=self._send, now=self._now)
                self._on_outcome(outcome)
                if rests:
                    self._drop_waiting(endpoint)
        except Exception as error:  # noqa: BLE001  # the thread's outermost edge: tick() raises it
            with self._changed:
                self._failures.append(error)
                self._end(endpoint)

    def _take(self, endpoint: UUID) -> tuple[DeliveryRow, datetime] | None:
        with self._changed:
            waiting = self._lanes[endpoint]
            if waiting and not self._closing:
                return waiting.popleft()
            self._end(endpoint)
            return None

    def _drop_waiting(self, endpoint: UUID) -> None:
        with self._changed:
            self._lanes[endpoint].clear()

    def _end(self, endpoint: UUID) -> None:
        del self._lanes[endpoint]
        self._failing.discard(endpoint)
        self._changed.notify_all()
