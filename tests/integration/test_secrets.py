"""Where secrets must not show: known ones go in, and all that the services say is searched."""

import json
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import make_url

from alerts.delivery.secrets import encrypt, new_key, new_secret
from db.delivery_rows import SubscriptionRow
from db.engine import Engine, transaction
from db.subscriptions import create_subscription
from pipeline.settings import KafkaSettings
from pipeline.topics import ensure_topics
from tests.integration.crises import END, archive, evaluate, said, store
from tests.integration.processes import free_port, service
from tests.integration.waiting import until
from tests.tiny_models import save_model

pytestmark = pytest.mark.integration

WRONG_KEY, PASSWORD, API_KEY, TOKEN, TEXT = (
    "no-key-at-all-83ab",
    "pass-word-of-the-database",
    "key-of-the-api-7d1c",
    "token-in-an-address-51aa",
    "Quillmere secretly sells its towers",
)


def test_no_secret_is_in_logs_metrics_or_the_process_list(
    engine: Engine, database_url: str, bootstrap_servers: str, tmp_path: Path
) -> None:
    key, signing = new_key(), new_secret()
    kafka = KafkaSettings(bootstrap_servers=bootstrap_servers, raw_topic=f"raw-{uuid4().hex[:8]}")
    ensure_topics(kafka)
    ports = {name: free_port() for name in ("web", "worker", "scheduler", "ingest")}
    feeds = tmp_path / "feeds.toml"
    feeds.write_text(f'[[feed]]\nurl = "http://me:{TOKEN}@127.0.0.1:1/{TOKEN}"\nsource = "W"\n')
    url = make_url(database_url).set(password=PASSWORD).render_as_string(hide_password=False)
    base = {
        "TAPEWATCH_DATABASE__URL": url,
        "TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS": bootstrap_servers,
        "TAPEWATCH_KAFKA__RAW_TOPIC": kafka.raw_topic,
        "TAPEWATCH_MODEL__PATH": str(save_model(tmp_path / "model")),
        "TAPEWATCH_WORKER__STATE_DIR": str(tmp_path / "state"),
        "TAPEWATCH_INGEST__FEEDS": str(feeds),
        "TAPEWATCH_DELIVERY__ALLOW_HOSTS": "127.0.0.1",
        "TAPEWATCH_SECRET_KEY": key,
        "TAPEWATCH_WEB__API_KEY": API_KEY,
        "TAPEWATCH_WEB__PORT": str(ports["web"]),
    }
    # Events for an endpoint that does not answer.
    with transaction(engine) as session:
        target = f"http://127.0.0.1:1/{TOKEN}"
        create_subscription(session, SubscriptionRow(uuid4(), target, encrypt(signing, key), ""))
    store(engine, archive())
    evaluate(engine, END)
    assert said(engine)

    pages: list[str] = []
    with ExitStack() as stack:
        running = {}
        for name in ports:
            own = {} if name == "web" else {"TAPEWATCH_METRICS_PORT": str(ports[name])}
            running[name] = stack.enter_context(service(name, base | own, tmp_path / f"{name}.log"))
        # One that finds no database, and one that is set up wrongly.
        nowhere = f"postgresql://someone:{PASSWORD}@127.0.0.1:1/none"
        lost = base | {"TAPEWATCH_DATABASE__URL": nowhere}
        running["lost"] = stack.enter_context(service("scheduler", lost, tmp_path / "lost.log"))
        wrong = base | {"TAPEWATCH_SECRET_KEY": WRONG_KEY, "TAPEWATCH_WEB__PORT": "0"}
        running["wrong"] = stack.enter_context(service("web", wrong, tmp_path / "wrong.log"))

        web = f"http://127.0.0.1:{ports['web']}"
        until(lambda: answers(f"{web}/healthz"), within_s=60)
        own = {"authorization": f"Bearer {API_KEY}"}
        item = {"published_at": "2024-03-01T00:00:00Z", "source": "w", "title": TEXT}
        for body in (item, {"title": TEXT}, TEXT):
            pages.append(
                httpx.post(f"{web}/v1/items", json=body, headers=own, trust_env=False).text
            )
        wish = {"url": f"ftp://127.0.0.1/{TOKEN}", "secret": signing}
        for headers in (own, {"authorization": "Bearer wrong"}):
            answer = httpx.post(
                f"{web}/v1/subscriptions", json=wish, headers=headers, trust_env=False
            )
            pages.append(answer.text)
        for name in ("worker", "scheduler", "ingest"):
            page = f"http://127.0.0.1:{ports[name]}/metrics"
            until(lambda page=page: answers(page), within_s=60)  # type: ignore[misc]  # bound now
            pages.append(httpx.get(page, trust_env=False).text)
        pages.append(httpx.get(f"{web}/metrics", headers=own, trust_env=False).text)
        until(lambda: bool(running["ingest"].logged("away")), within_s=60)
        until(lambda: bool(running["lost"].logged("away")), within_s=60)
        for each in running.values():
            if each.process.poll() is None:
                line = Path(f"/proc/{each.process.pid}/cmdline")
                pages.append(line.read_bytes().decode() if line.exists() else "")
                each.terminate()
        pages += [each.log_path.read_text("utf-8") for each in running.values()]

    assert "TAPEWATCH_SECRET_KEY is wrong" in running["wrong"].log_path.read_text("utf-8")
    shown = "\n".join(pages)
    known = (WRONG_KEY, PASSWORD, API_KEY, TOKEN, key, signing.removeprefix("whsec_"), TEXT)
    for secret in known:
        assert secret not in shown, json.dumps([p for p in pages if secret in p])[:2000]


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
