"""Messages that are sent until the broker has confirmed them all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog
from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from pipeline.backoff import Outage, persist
from pipeline.outbound import Headers, Outbound, is_too_large

# Topic, key, value, headers: hands one message to the client; awaiting what it returns waits
# until the broker has it.
Sender = Callable[[str, bytes | None, bytes | None, Headers], Awaitable[Awaitable[object]]]
log = structlog.stdlib.get_logger(__name__)


@dataclass(slots=True)
class Producing:
    """Sends messages; at least once, for what is sent again may have come through.

    Attributes:
        send: Produces one message.
        stopping: Set when the process is to stop.
    """

    send: Sender
    stopping: asyncio.Event
    _broker: Outage = field(default_factory=lambda: Outage("broker, when producing"))

    async def confirmed(self, messages: Sequence[Outbound]) -> None:
        """Send messages and wait until the broker has them all; again while it is away.

        One that is too large would be refused for ever: its stub goes instead, if it has one.

        Raises:
            Stopping: If the process is to stop while the broker is away.
        """
        left = list(messages)

        async def attempt() -> None:
            while left:
                outcomes = await self._send(left)
                failed = [
                    (one, outcome)
                    for one, outcome in zip(left, outcomes, strict=True)
                    if isinstance(outcome, BaseException)
                ]
                left[:] = [kept for one, error in failed if (kept := _again(one, error))]
                for _, error in failed:
                    if not is_too_large(error):
                        raise error

        await persist(
            attempt,
            outage=self._broker,
            is_away=lambda error: isinstance(error, KafkaError | ProducerSendError | OSError),
            stopping=self.stopping,
        )

    async def _send(self, messages: Sequence[Outbound]) -> list[object]:
        """Hand over all messages, in their order, then return what came of each."""
        pending = [await self._hand_over(one) for one in messages]
        return await asyncio.gather(*pending, return_exceptions=True)

    async def _hand_over(self, one: Outbound) -> Awaitable[object]:
        try:
            return await self.send(one.topic, one.key, one.value, one.headers)
        except (KafkaError, ProducerSendError) as error:
            if not is_too_large(error):
                raise
            refused = asyncio.get_running_loop().create_future()
            refused.set_exception(error)
            return refused


def _again(one: Outbound, error: BaseException) -> Outbound | None:
    """Return what to send after a failure, None where nothing can get through."""
    if not is_too_large(error):
        return one
    log.error("too_large_for_broker", topic=one.topic, stub=one.stub is not None)
    return one.stub
