"""The worker's consumer does not let a broker hold its fetches for long, nor dies alone."""

import asyncio
import os
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import aiokafka
import pytest
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

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


def test_a_process_ends_whose_consumer_has_no_memory_left(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = Mock()
    monkeypatch.setattr(os, "_exit", ended)
    monkeypatch.setattr(AIOKafkaConsumerThread, "_start_thread", Mock(side_effect=MemoryError))

    object.__new__(_Thread)._start_thread()

    ended.assert_called_once_with(1)
