"""Write docs/pictures/demo.webp: the demo's own page from all quiet to a kettle switched off and a router left alone.

python scripts/make_moving_picture.py [FILE]

The buttons of the page are pressed in Chromium; what is seen is what the page showed. Waits are shortened, captions and
frames are drawn over it, and the list leaves out two columns that do not fit into so narrow a window.
"""

from __future__ import annotations

import io
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from demo_page import WAIT_MS, visited
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "demo.webp"
MOST_BYTES = 1_500_000
_WIDTH, _HEIGHT = 1040, 640
_QUIET_S = 4.0
_EVERY_S = 1.2
_PASSING_MS = 180
_ARMED, _PROTECTED = "kettle", "router"
_DRAW = (Path(__file__).parent / "moving_picture.js").read_text(encoding="utf-8")


@dataclass(slots=True)
class Film:
    """Frames as PNG, each with the time that it is shown; a frame like the one before only lengthens it."""

    page: Page
    frames: list[bytes] = field(default_factory=list)
    shown_ms: list[int] = field(default_factory=list)

    def hold(self, shown_ms: int) -> None:
        """Take what is to be seen now."""
        frame = self.page.screenshot(scale="css")
        if self.frames and self.frames[-1] == frame:
            self.shown_ms[-1] += shown_ms
            return
        self.frames.append(frame)
        self.shown_ms.append(shown_ms)

    def until(self, wanted: Locator) -> None:
        """Take frames in quick motion until something is there."""
        end_s = time.monotonic() + WAIT_MS / 1000
        while not wanted.count():
            self.hold(_PASSING_MS)
            self.page.wait_for_timeout(_EVERY_S * 1000)
            if time.monotonic() > end_s:
                raise TimeoutError(f"{wanted} has not come")

    def say(self, step: int, words: str) -> None:
        """Write the caption."""
        self.page.evaluate("([step, words]) => window.moving.say(step, words)", [step, words])

    def show(self, words: Locator, shown_ms: int) -> None:
        """Hold with a frame around what is to be read."""
        self.page.evaluate("(box) => window.moving.frame(box)", words.bounding_box())
        self.hold(shown_ms)
        self.page.evaluate("window.moving.frame(null)")

    def press(self, button: Locator) -> None:
        """Show the pointer on a button, then press it."""
        box = button.bounding_box()
        if box is None:
            raise LookupError(f"{button} is not to be seen")
        self.page.evaluate("([x, y]) => window.moving.point(x, y)", [box["x"] + box["width"] * 0.7, box["y"] + 34])
        self.hold(1_000)
        button.click()
        self.page.evaluate("window.moving.press()")
        self.hold(500)
        self.page.evaluate("window.moving.lift()")


def main() -> int:
    """Write the picture; 1 where it is too large."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    frames, shown_ms = visited(_play)
    _write(path, frames, shown_ms)
    size = path.stat().st_size
    print(f"{size:,} bytes, {len(frames)} frames, {sum(shown_ms) / 1000:.1f} s  {path.name}")
    return int(size > MOST_BYTES)


def _play(browser: Browser, address: str) -> tuple[list[bytes], list[int]]:
    page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.locator(".board .device").first.wait_for()
    page.evaluate(_DRAW)
    page.get_by_role("button", name="Armed").click()
    film = Film(page)
    page.wait_for_timeout(_QUIET_S * 1000)
    film.say(1, "A home on smart plugs. All is quiet.")
    film.hold(1_500)
    _armed(film)
    _protected(film)
    page.close()
    return film.frames, film.shown_ms


def _armed(film: Film) -> None:
    """The kettle was armed by a person: it is switched off and read back."""
    film.say(2, "Somebody leaves the kettle on …")
    film.press(_button(film.page, _ARMED, "leaves it on"))
    card = film.page.locator(".odd-now .card", has_text=_ARMED.capitalize())
    film.until(card)
    film.say(3, "Found, and explained in a sentence.")
    film.show(card.locator(".sentence"), 2_000)
    film.until(card.get_by_text("was read back"))
    film.say(4, "You armed the kettle: its plug is switched off, and read back.")
    film.show(card.locator(".done"), 2_400)


def _protected(film: Film) -> None:
    """The router is protected: it is only told of."""
    film.say(5, "The router draws twice as much …")
    film.press(_button(film.page, _PROTECTED, "twice as much"))
    card = film.page.locator(".odd-now .card", has_text=_PROTECTED.capitalize())
    film.until(card.get_by_text("protected"))
    film.say(6, "… but it is protected: you are told, and it is left alone.")
    film.show(card.locator(".done"), 3_000)


def _button(page: Page, device: str, what: str) -> Locator:
    return page.locator(".mischief .trick", has_text=device.capitalize()).filter(has_text=what).first


def _write(path: Path, frames: list[bytes], shown_ms: list[int]) -> None:
    """Lossless WebP: letters stay sharp, and browsers everywhere play it, at a quarter of the bytes of a GIF."""
    pictures = [Image.open(io.BytesIO(frame)).convert("RGB") for frame in frames]
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=shown_ms, loop=0, lossless=True, method=6
    )


if __name__ == "__main__":
    sys.exit(main())
