"""Write docs/pictures/page-*.png: the demo's own page in Chromium, light, dark and on a phone.

python scripts/make_screenshots.py [FOLDER]
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from demo_page import WAIT_MS, visited

from kilowatch.demo.live import Cue

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
MOST_BYTES = 150_000
_CUES = (Cue(2.0, "kettle", "left-on"), Cue(14.0, "router", "double-draw"))
_SETTLE_MS = 2_000
_DEVICE = "/device?site=home&device=kettle"


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: its name, what it shows, and through which window."""

    name: str
    path: str
    scheme: Literal["light", "dark"] = "light"
    width: int = 1200
    height: int = 720


_WIDE = (
    Shot("home-light", "/"),
    Shot("home-dark", "/", "dark"),
    Shot("home-phone", "/", "light", 390, 844),
    Shot("device-light", _DEVICE, height=900),
    Shot("device-phone-dark", _DEVICE, "dark", 390, 844),
    Shot("incident-light", "incident"),
    Shot("incident-dark", "incident", "dark"),
    Shot("past-light", "/past", height=480),
    Shot("models-light", "/models", height=520),
)


def main() -> int:
    """Take every picture; 1 where one is too large."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    sizes = visited(lambda browser, address: _take_all(browser, address, folder), _CUES)
    for shot, size in sizes.items():
        print(f"{size:>8,} bytes  page-{shot}.png")
    return int(max(sizes.values()) > MOST_BYTES)


def _take_all(browser: Browser, address: str, folder: Path) -> dict[str, int]:
    incident = _until_something_is_odd(browser, address)
    return {shot.name: _take(browser, address, shot, incident, folder) for shot in _WIDE}


def _until_something_is_odd(browser: Browser, address: str) -> str:
    """Wait until the kettle is switched off and the router is odd; return the address of the kettle's incident."""
    page = browser.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.get_by_text("was read back").first.wait_for()
    page.locator("li.device[data-id='home/router'][data-look$=odd]").wait_for()
    page.goto(_root(address))
    found = page.locator(".event-link", has_text="Kettle").first.get_attribute("href")
    page.close()
    return found or "/"


def _take(browser: Browser, address: str, shot: Shot, incident: str, folder: Path) -> int:
    page = browser.new_page(viewport={"width": shot.width, "height": shot.height}, color_scheme=shot.scheme)
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.goto(_root(address) + (incident if shot.path == "incident" else shot.path))
    page.locator("main h1").wait_for(state="attached")
    page.wait_for_timeout(_SETTLE_MS)
    path = folder / f"page-{shot.name}.png"
    page.screenshot(path=path, scale="css")
    page.close()
    return path.stat().st_size


def _root(address: str) -> str:
    return address.split("/?")[0]


if __name__ == "__main__":
    sys.exit(main())
