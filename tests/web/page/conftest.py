"""A browser, and a demo with its page that all of these tests look at."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from supervisor.places import free_port

from web.page.visits import Stand

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from playwright.sync_api import Browser

_QUIET = ("quic", "background-networking", "component-update", "sync", "gpu")


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is missing: install it to see the page")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install kilowatch[dev]")
    with playwright.sync_playwright() as player:
        arguments = ["--no-sandbox", *(f"--disable-{what}" for what in _QUIET)]
        opened = player.chromium.launch(executable_path=chromium, args=arguments)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stand]:
    folder: Path = tmp_path_factory.mktemp("page")
    standing = Stand(free_port(), folder)
    standing.start()
    yield standing
    standing.stop()
