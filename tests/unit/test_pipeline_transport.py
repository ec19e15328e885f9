"""The worker's consumer does not let a broker hold its fetches for long, nor dies alone."""

import asyncio
import os
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import aiokafka
import pytest
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from pipeline.app import create_app
from pipeline.settings import Settings
from pipeline.transport import QuickTransport, _Thread


async def test_the_client_is_told_to_wait_briefly(tmp_path: Path) -> None:
    usual = aiokafka.AIOKafkaConsumer(fetch_max_wait_ms=1500)
    app = create_app(Settings(), datadir=tmp_path, loop=asyncio.get_running_loop())
    assert isinstance(app.transport, QuickTransport)
    thread = cast("Any", app.consumer)._thread
    client = thread._create_worker_consumer(app.transport)

    assert usual._fetch_max_wait_ms == 1500  # what the transport sets is what the client reads
    assert client._fetch_max_wait_ms == 50
    for one in (usual, client):
        await one.stop()
    thread.thread_loop.close()


async def test_nothing_flows_where_a_rebalance_begins_before_the_last_one_has_ended(
    tmp_path: Path,
) -> None:
    app: Any = create_app(Settings(), datadir=tmp_path, loop=asyncio.get_running_loop())
    consumer, one = app.consumer, TP("news.raw.v1", 0)
    app._fetcher.maybe_start = AsyncMock()
    app._producer = AsyncMock()
    sought, answer = asyncio.Event(), asyncio.Event()

    async def seek_to_committed() -> dict[TP, int]:
        sought.set()
        await answer.wait()
        return {one: 5}

    consumer._thread.assignment = lambda: {one}
    consumer._thread.seek_to_committed = seek_to_committed
    app.consumer_generation_id = 2
    resuming = asyncio.create_task(app.tables.recovery._resume_streams(2))
    await sought.wait()

    await consumer.on_partitions_revoked({one})
    answer.set()
    await resuming
    flows = [(consumer.flow_active, app.flow_control.is_active())]
    app.consumer_generation_id = 3
    app.topics.maybe_wait_for_subscriptions = AsyncMock()
    await consumer.on_partitions_assigned({one}, 3)
    app.tables.recovery.signal_recovery_start.clear()  # as the task does that resumes
    await app.tables.recovery._resume_streams(3)
    flows.append((consumer.flow_active, app.flow_control.is_active()))

    assert flows == [(False, False), (True, True)]
    consumer._thread.thread_loop.close()


def test_a_process_ends_whose_consumer_has_no_memory_left(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = Mock()
    monkeypatch.setattr(os, "_exit", ended)
    monkeypatch.setattr(AIOKafkaConsumerThread, "_start_thread", Mock(side_effect=MemoryError))

    object.__new__(_Thread)._start_thread()

    ended.assert_called_once_with(1)
