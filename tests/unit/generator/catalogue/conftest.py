"""A headless Chromium, and the pages that it opens."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, sync_playwright

from beamwright_generator.cli.gen import main

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium: `BEAMWRIGHT_CHROMIUM`, the system's, or what `playwright install chromium` put there."""
    named = os.environ.get("BEAMWRIGHT_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    # Chromium's own sandbox is not there for root; all that it opens here is made by these tests.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        if named is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("there is no Chromium: install the package chromium, or run `playwright install chromium`")
        browser = playwright.chromium.launch(executable_path=named, args=arguments)
        yield browser
        browser.close()


def write_page(file: Path, folder: Path) -> Path:
    """Write the page of a beamline file into a folder, and give where it is."""
    done = CliRunner().invoke(main, ["show", str(file), "-o", str(folder), "--quiet"])
    assert done.exit_code == 0, done.output
    return folder / "index.html"


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Open a page; nothing that it does may fail, be refused by its own policy, or ask the network."""
    said: list[str] = []
    asked: list[str] = []
    contexts = []

    def opened(path: Path, place: str = "", **options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()

        def console(message: ConsoleMessage) -> None:
            said.append(f"{message.type}: {message.text}")

        def failed(error: Error) -> None:
            said.append(f"failed: {error}")

        page.on("console", console)
        page.on("pageerror", failed)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri() + place)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith("file:")] == []
