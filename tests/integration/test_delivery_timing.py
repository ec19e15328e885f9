"""Quiet hours, digests and pauses, to real endpoints from a real database."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import pytest

from db import endpoints
from db.engine import Engine, transaction
from db.subscriptions import pause_subscription
from db.watchlists import replace_sectors, save_watchlist
from tests.integration.endpoints import receiver
from tests.integration.samples import NOON, SVB, alert, mention, minutes
from tests.integration.watching import Watch, types, verified
from tests.integration.web_client import web_client, web_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def watch(engine: Engine) -> Iterator[Watch]:
    running = Watch(engine)
    yield running
    running.close()


def quiet_now() -> dict[str, time]:
    """Return quiet hours that began an hour ago and end in one, by the real clock."""
    now = datetime.now(UTC).time().replace(second=0, microsecond=0)
    hour = timedelta(hours=1)
    today = datetime.combine(datetime.now(UTC), now)
    return {"quiet_start": (today - hour).time(), "quiet_end": (today + hour).time()}


def test_what_comes_in_quiet_hours_is_told_in_one_digest_at_their_end(watch: Watch) -> None:
    with receiver() as heard, receiver() as awake:
        watch.subscribe(heard.url, **quiet_now())
        watch.subscribe(awake.url)
        first = alert(evidence=(mention("a"),))
        second = alert(fired_at=NOON + minutes(5), severity="critical")
        watch.tell(first, second, alert(revision=2, state="resolved", evidence=(mention("a"),)))
        watch.deliver()
        assert heard.received == []
        watch.lost = timedelta(minutes=61)
        watch.deliver()
        watch.deliver()

        assert len(awake.received) == 3
        [digest] = verified(heard)
        assert digest["type"] == "alert.digest"
        data = digest["data"]
        assert isinstance(data, dict)
        assert [(each["id"], each["event"]) for each in data["alerts"]] == [
            (str(second.id), "alert.fired"),
            (str(first.id), "alert.resolved"),
        ]
        assert data["alerts"][1]["title"] == "Title of a"


def test_critical_alerts_pass_the_quiet_hours_where_they_are_told_to(watch: Watch) -> None:
    with receiver() as heard:
        watch.subscribe(heard.url, critical_passes=True, **quiet_now())
        watch.tell(alert(), alert(fired_at=NOON + minutes(5), severity="critical"))
        watch.deliver()
        assert types(heard) == ["alert.fired"]
        watch.lost = timedelta(minutes=61)
        watch.deliver()

        assert types(heard) == ["alert.fired", "alert.digest"]


def test_a_digest_that_is_refused_is_tried_again_and_told_once(watch: Watch) -> None:
    with receiver() as heard:
        watch.subscribe(heard.url, **quiet_now())
        watch.say(count=3)
        heard.status = 500
        watch.lost = timedelta(minutes=61)
        watch.deliver()
        heard.status = 204
        watch.lost += timedelta(minutes=1)
        watch.deliver()

        assert types(heard) == ["alert.digest"] * 2
        assert len({headers["webhook-id"] for headers, _ in heard.received}) == 1


def test_while_a_subscription_is_paused_what_waits_is_kept_and_what_comes_is_not(
    engine: Engine, watch: Watch
) -> None:
    with receiver() as heard:
        subscription_id = watch.subscribe(heard.url)
        watch.say()
        with transaction(engine) as session:
            assert pause_subscription(session, subscription_id)
        watch.say(count=2)
        assert watch.deliver() == 0
        with transaction(engine) as session:
            endpoints.resume(session, subscription_id)
        watch.deliver()
        assert len(heard.received) == 1
        watch.say()
        watch.deliver()

        assert len(heard.received) == 2


def test_a_watchlist_and_a_sector_decide_when_the_alert_is_told(
    engine: Engine, watch: Watch
) -> None:
    with receiver() as listed, receiver() as of_sector, receiver() as other:
        with transaction(engine) as session:
            save_watchlist(session, "lenders", ["us:KO"])
            replace_sectors(session, {SVB.id: "Financials"})
        watch.subscribe(listed.url, watchlists=("lenders",))
        watch.subscribe(of_sector.url, sectors=("Financials",))
        watch.subscribe(other.url, sectors=("Energy",))
        watch.say()
        with transaction(engine) as session:
            save_watchlist(session, "lenders", [SVB.id])
        watch.say()
        watch.deliver()

        assert [len(each.received) for each in (listed, of_sector, other)] == [1, 2, 0]


async def test_times_filters_and_watchlists_are_set_by_the_api(database_url: str) -> None:
    wish = {
        "url": "http://127.0.0.1:9000/hook",
        "watchlists": ["Lenders"],
        "sectors": ["financials"],
        "languages": ["ZH"],
        "detectors": ["negative_spike"],
        "quiet": "22:00-07:00",
        "digest_at": ["16:00", "08:30"],
        "time_zone": "Asia/Shanghai",
        "critical_passes": True,
    }
    async with web_client(web_settings(database_url=database_url)) as client:
        unknown = await client.post("/v1/subscriptions", json=wish)
        listed = await client.put("/v1/watchlists/lenders", json={"entities": ["SVB", "SIVB"]})
        nobody = await client.put("/v1/watchlists/lenders", json={"entities": ["No Such Co"]})
        made = await client.post("/v1/subscriptions", json=wish)
        path = f"/v1/subscriptions/{made.json()['id']}"
        paused = await client.post(f"{path}/pause")
        tried = await client.post(f"{path}/test")
        resumed = await client.post(f"{path}/resume")
        used = await client.delete("/v1/watchlists/lenders")
        await client.delete(path)
        unused = await client.delete("/v1/watchlists/lenders")
        gone = await client.delete("/v1/watchlists/lenders")

    assert unknown.json()["errors"][0]["field"] == "watchlists"
    assert listed.json() == {"name": "lenders", "entities": ["SIVB"]}
    assert nobody.status_code == 422
    shown = {name: made.json()[name] for name in wish}
    assert shown == wish | {
        "watchlists": ["lenders"],
        "sectors": ["Financials"],
        "languages": ["zh"],
        "digest_at": ["08:30", "16:00"],
    }
    assert (paused.json()["paused"], resumed.json()["paused"]) == (True, False)
    assert tried.status_code == 409
    assert [answer.status_code for answer in (used, unused, gone)] == [409, 204, 404]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quiet": "22:00"}, "quiet"),
        ({"quiet": "22:00-22:00"}, "quiet"),
        ({"quiet": "25:00-07:00"}, "quiet"),
        ({"digest_at": ["8"]}, "digest_at"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
        ({"sectors": ["Wizardry"]}, "sectors"),
        ({"languages": ["fr"]}, "languages"),
        ({"detectors": ["crystal_ball"]}, "detectors"),
        ({"watchlists": ["none"]}, "watchlists"),
    ],
    ids=str,
)
async def test_times_and_filters_that_say_nothing_are_refused(
    database_url: str, change: dict[str, object], field: str
) -> None:
    async with web_client(web_settings(database_url=database_url)) as client:
        answer = await client.post(
            "/v1/subscriptions", json={"url": "http://127.0.0.1:9000/hook"} | change
        )

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
