"""The picture of the desk in the docs, taken anew of the demo's stream.

    python -m tests.desk_picture docs/desk.png

starts an embedded PostgreSQL in a temporary folder, stores the stream with what it raises, serves
the desk from this process, and takes the page of the company in trouble in Chromium (Debian:
``apt-get install chromium``, and a font with Chinese).
"""

import tempfile
from pathlib import Path
from shutil import which
from typing import Annotated

import typer
from playwright.sync_api import sync_playwright

from db.engine import create_engine
from db.migrate import upgrade
from pipeline.demo.embedded import start_postgres
from pipeline.settings import Settings
from tests.desk_server import serving
from tests.integration.demo_archive import store_demo

_KEY = "picture-key-of-no-value"
# The column in which the alert fired.
_PAGE = "/desk/series/entity/quillmere?lang=en&theme=light&at=2026-03-05T06:00Z"
_WIDTH, _HEIGHT = 1180, 710


def main(path: Annotated[Path, typer.Argument(help="PNG file to write.")]) -> None:
    """Take the picture."""
    with tempfile.TemporaryDirectory(prefix="tapewatch-picture-") as folder:
        server = start_postgres(Path(folder) / "cluster")
        try:
            upgrade(server.url)
            engine = create_engine(server.url, statement_timeout_s=60)
            store_demo(engine)
            engine.dispose()
            settings = Settings.model_validate(
                {"database": {"url": server.url}, "web": {"api_key": _KEY}}
            )
            with serving(settings) as address:
                _take(address, path)
        finally:
            server.stop()


def _take(address: str, path: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
        page.goto(f"{address}/desk/login#key={_KEY}")
        page.wait_for_url("**/desk")
        page.goto(f"{address}{_PAGE}")
        page.screenshot(path=path)
        browser.close()


if __name__ == "__main__":
    typer.run(main)
