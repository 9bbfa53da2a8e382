"""The process that serves a page to tests, and a visit of it by somebody with a browser."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.once import run_folder
from web.page.stand import ADMIN

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_STAND = Path(__file__).with_name("stand.py")
_DRAW_MS = 45_000


class Stand:
    """A demo in a process of its own, which can be stopped and started again on the same port."""

    def __init__(self, port: int, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.port, self._folder = port, folder
        self._starts = 0
        self.began_s = 0.0

    def start(self) -> None:
        self._starts += 1
        data = self._folder / f"data-{self._starts}"
        command = [sys.executable, str(_STAND), str(self.port), str(run_folder() / "demo"), str(data)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=self._folder
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().startswith(self.url)
        self.began_s = time.monotonic()

    def stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


class Visit:
    """Somebody who is signed in, what their browser complains of, and what it asked for."""

    def __init__(self, browser: Browser, stand: Stand, token: str = ADMIN, **looks: Any) -> None:
        self.context = browser.new_context(
            base_url=stand.url, reduced_motion="reduce", **{"viewport": {"width": 1280, "height": 900}, **looks}
        )
        self.context.set_default_timeout(_DRAW_MS)
        self.complaints: list[str] = []
        self.asked_for: list[str] = []
        self.page = self.tab(f"/?token={token}")

    def tab(self, path: str) -> Page:
        page = self.context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked_for.append(request.url))
        page.goto(path, wait_until="domcontentloaded")
        page.wait_for_selector("main h1", state="attached")
        return page

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
