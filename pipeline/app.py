"""The Faust app and its one topic; building it connects to nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faust

from pipeline.kafka_security import faust_credentials
from pipeline.topics import MAX_MESSAGE_BYTES
from pipeline.transport import use_quick_transport

if TYPE_CHECKING:
    import asyncio

    from faust.types import StreamT

    from pipeline.outbound import Headers
    from pipeline.producing import Sender
    from pipeline.settings import Settings

# Half as much again as the session timeout, and no less than what a slow broker needs.
_LEAST_REQUEST_S = 20.0
_HEARTBEATS_PER_SESSION = 4


def create_app(settings: Settings, *, datadir: Path, loop: asyncio.AbstractEventLoop) -> faust.App:
    """Return an app without agents; ``subscribe`` adds the one that it needs.

    Args:
        settings: Brokers, group and batch.
        datadir: A folder that no other process uses.
        loop: The loop that the app will run on.

    Returns:
        The app, which is not connected.
    """
    kafka, worker = settings.kafka, settings.worker
    request_s = max(_LEAST_REQUEST_S, kafka.session_timeout_s * 1.5)
    app = faust.App(
        kafka.group,
        loop=loop,
        broker=[f"kafka://{server.strip()}" for server in kafka.bootstrap_servers.split(",")],
        broker_credentials=faust_credentials(kafka),
        datadir=str(datadir),
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,  # `migrate` makes the topics
        topic_disable_leader=True,
        topic_partitions=kafka.partitions,
        topic_replication_factor=kafka.replication,
        table_standby_replicas=0,
        broker_session_timeout=kafka.session_timeout_s,
        broker_heartbeat_interval=kafka.session_timeout_s / _HEARTBEATS_PER_SESSION,
        broker_request_timeout=request_s,
        broker_commit_interval=0.5,
        consumer_auto_offset_reset="earliest",
        # The buffer is what a worker holds unclassified: two batches keep it busy.
        stream_buffer_maxsize=2 * worker.max_items,
        stream_wait_empty=True,
        producer_acks=-1,
        producer_request_timeout=request_s,
        producer_max_request_size=MAX_MESSAGE_BYTES,
        producer_linger=0.005,
        worker_redirect_stdouts=False,
    )
    use_quick_transport(app)
    return app


def subscribe(
    app: faust.App, topic: str, run: Callable[[StreamT[Any]], Coroutine[Any, Any, None]]
) -> None:
    """Let ``run`` consume a topic as raw bytes.

    Faust would throw an undecodable value into the channel; ``run`` decodes for itself.
    """
    raw = app.topic(
        topic,
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        internal=False,
    )

    async def store_news(stream: StreamT[Any]) -> None:
        await run(stream)

    # Concurrency 1: more can commit past a message that is still in flight.
    app.agent(raw, name="store_news", concurrency=1)(store_news)


def sender(app: faust.App) -> Sender:
    """Return what hands a message to the app's producer."""

    async def send(
        topic: str, key: bytes | None, value: bytes | None, headers: Headers
    ) -> Awaitable[object]:
        return await app.producer.send(topic, key, value, None, None, list(headers))

    return send


def assigned(app: faust.App) -> set[int]:
    """Return the partitions that the group has given to this process; none before it joined."""
    return {partition.partition for partition in app.consumer.assignment()}
