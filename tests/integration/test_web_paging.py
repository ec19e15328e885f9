"""Every list, read page by page while rows come: none is shifted, none repeated."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from db.alert_rows import AlertEventRow
from db.alerts import save_alerts
from db.engine import Engine, transaction
from db.items import store_items
from db.subscriptions import create_subscription
from tests.integration.desk_archive import fill
from tests.integration.samples import NOON, SVB, alert, item, subscription
from tests.integration.web_client import web_client, web_settings

pytestmark = pytest.mark.integration


async def pages(client: httpx.AsyncClient, path: str, name: str) -> list[str]:
    """Return the ids of a list, read two by two."""
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        address = httpx.URL(path).copy_merge_params({"limit": "2"} | cursor)
        answer = (await client.get(address)).json()
        assert len(answer[name]) <= 2
        ids += [row.get("id") or row["data"]["id"] for row in answer[name]]
        if answer["next_cursor"] is None:
            return ids
        cursor = {"cursor": answer["next_cursor"]}


def told(engine: Engine, *, count: int, body: str) -> list[str]:
    """Store alerts that fired at the same moment; return their ids, as the list has them."""
    ids = []
    for _ in range(count):
        fired = replace(alert(), id=uuid4())
        said = body.replace(str(FIRST), str(fired.id))
        with transaction(engine) as session:
            save_alerts(session, [(fired, AlertEventRow(fired.id, 1, "alert.fired", NOON, said))])
        ids.append(str(fired.id))
    return sorted(ids, reverse=True)


FIRST = uuid4()


async def test_items_are_paged_at_the_same_second_and_by_company(
    database_url: str, engine: Engine
) -> None:
    rows = [item(f"i{number}") for number in range(5)]
    rows += [item("other", entities=()), item("late", at=NOON + timedelta(hours=1))]
    with transaction(engine) as session:
        store_items(session, rows, [])

    async with web_client(web_settings(database_url=database_url)) as client:
        every = await pages(client, "/v1/items", "items")
        of_one = await pages(client, f"/v1/items?entity={SVB.id}", "items")
        neutral = await pages(client, "/v1/items?sentiment=neutral", "items")

    assert every == ["late", "other", "i4", "i3", "i2", "i1", "i0"]
    assert of_one == ["late", "i4", "i3", "i2", "i1", "i0"]
    assert neutral == []


async def test_subscriptions_are_paged_though_one_is_removed_meanwhile(
    database_url: str, engine: Engine
) -> None:
    rows = [replace(subscription(), id=uuid4()) for _ in range(5)]
    for row in rows:
        with transaction(engine) as session:
            create_subscription(session, row)

    async with web_client(web_settings(database_url=database_url)) as client:
        every = await pages(client, "/v1/subscriptions", "subscriptions")
        first = (await client.get("/v1/subscriptions?limit=2")).json()
        await client.delete(f"/v1/subscriptions/{rows[1].id}")
        cursor = {"cursor": first["next_cursor"]}
        rest = (await client.get("/v1/subscriptions", params=cursor)).json()

    assert every == [str(row.id) for row in rows]
    assert [row["id"] for row in rest["subscriptions"]] == [str(row.id) for row in rows[2:]]


async def test_alerts_that_fired_at_the_same_moment_are_paged(
    database_url: str, engine: Engine
) -> None:
    found = fill(engine)
    async with web_client(web_settings(database_url=database_url)) as client:
        first = (await client.get(f"/v1/alerts/{found}")).text
        ids = told(engine, count=5, body=first.replace(found, str(FIRST)))
        every = await pages(client, "/v1/alerts", "alerts")

    assert sorted(every, reverse=True) == sorted([*ids, found], reverse=True)
    assert len(set(every)) == 6


@pytest.mark.parametrize("cursor", ["x", "bnVsbA==", "WzEsMl0=", "é", "AAAA" * 300])
async def test_a_cursor_that_no_page_gave_is_refused(database_url: str, cursor: str) -> None:
    async with web_client(web_settings(database_url=database_url)) as client:
        for path in ("alerts", "items", "subscriptions", "deliveries", "audit"):
            answer = await client.get(f"/v1/{path}", params={"cursor": cursor})
            assert answer.status_code in {400, 422}, path
            assert answer.headers["content-type"] == "application/problem+json"
