"""The demo played for as long as somebody looks at its page in Chromium: what pictures of it are taken from."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from playwright.sync_api import sync_playwright

from kilowatch.app.stores import DataFolder
from kilowatch.demo.learnt import learnt
from kilowatch.demo.live import LiveDemo, Staging
from kilowatch.demo.web import paged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from playwright.sync_api import Browser

    from kilowatch.demo.live import Cue

T = TypeVar("T")

WAIT_MS = 180_000
"""A machine with other work to do finds things late."""
_TURN_S = 0.25


def visited(visit: Callable[[Browser, str], T], cues: Sequence[Cue] = ()) -> T:
    """Play the demo while `visit` looks at its page, given a browser and the address, and return what that returns."""
    with tempfile.TemporaryDirectory(prefix="kilowatch-pictures-") as name:
        state = learnt(lambda _: None)
        with (
            LiveDemo(DataFolder(Path(name) / "data"), state, Staging(cues=tuple(cues))) as live,
            paged(live) as address,
        ):
            live.begin()
            with ThreadPoolExecutor(1) as pool:
                work = pool.submit(_in_chromium, visit, address)
                while not work.done():
                    live.turn()
                    wait([work], _TURN_S)
            return work.result()


def _in_chromium(visit: Callable[[Browser, str], T], address: str) -> T:
    with sync_playwright() as player:
        browser = player.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            return visit(browser, address)
        finally:
            browser.close()
