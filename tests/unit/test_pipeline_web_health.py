"""Liveness says that the process answers, whatever its threads wait for."""

import asyncio
import threading

import anyio.to_thread
import httpx
from fastapi import FastAPI

from pipeline.web import routes_health


async def test_the_process_is_alive_while_all_its_threads_wait() -> None:
    app = FastAPI()
    app.include_router(routes_health.router)
    anyio.to_thread.current_default_thread_limiter().total_tokens = 1
    go_on = threading.Event()
    waiting = asyncio.create_task(anyio.to_thread.run_sync(go_on.wait, 10))
    await asyncio.sleep(0)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://web"
    ) as client:
        answer = await asyncio.wait_for(client.get("/healthz"), 5)
    held = not waiting.done()
    go_on.set()
    await waiting

    assert answer.status_code == 200
    assert held
