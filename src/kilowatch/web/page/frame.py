"""What every page has: the way around, what is armed and protected, who is looking, one clock for all that moves."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from nicegui import ui

from kilowatch.errors import KilowatchError
from kilowatch.web.access import NEEDS
from kilowatch.web.page.markup import link, mark, tag, toast
from kilowatch.web.page.phrases import Safety, counted, named
from kilowatch.web.page.wall import device_href, name_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from kilowatch.web.access import Deed, Visitor
    from kilowatch.web.house import House
    from kilowatch.web.page.markup import Tag
    from kilowatch.web.page.mischief import Mischief
    from kilowatch.web.page.wall import Picture, Wall
    from kilowatch.web.ports import Words

TICK_S = 1.0
PLACES = (("/", "Home"), ("/past", "Last month"), ("/models", "Models"))
_NAMED = 5
_T = TypeVar("_T")
_STRIP = {Safety.ARMED: "May be switched off", Safety.PROTECTED: "Never switched"}


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person does. done: what they are told when it is done; word: does it, on any thread."""

    deed: Deed
    done: str
    word: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Desk:
    """What a page works with. visitor: who is looking; mischief: of the demo alone."""

    house: House
    words: Words
    wall: Wall
    visitor: Visitor
    mischief: Mischief | None = None

    def may(self, deed: Deed) -> bool:
        """Return whether the person may do something."""
        return self.visitor.may(deed)

    async def ask(self, question: Callable[..., _T], *args: Any, **named: Any) -> _T:
        """Ask the house without holding up other browsers."""
        return await asyncio.to_thread(question, *args, **named)

    def guarded(self, offered: Tag, deed: Deed) -> Tag:
        """Return a button, out of use where the person may not do what it does."""
        if not self.may(deed):
            offered.attribute("disabled", value=True)
            offered.attribute("title", f"You are signed in as {self.visitor.role}; this asks for {NEEDS[deed]}.")
        return offered

    async def do(self, act: Act) -> None:
        """Do what a person wants, and tell them what came of it; a browser may send what its buttons do not offer."""
        if not self.may(act.deed):
            toast(f"You are signed in as {self.visitor.role} and may not do that.", is_bad=True)
            return
        try:
            await asyncio.to_thread(act.word)
        except KilowatchError as error:
            toast(told(error), is_bad=True)
            return
        self.wall.touched()
        toast(act.done)


class Frame:
    """A page in one browser. Everything on it that moves is moved by one timer."""

    def __init__(self, desk: Desk, picture: Picture) -> None:
        self.desk = desk
        self._moving: list[Callable[[Picture], Awaitable[None] | None]] = []
        self._strip = Strip(picture)
        self.every(self._strip.take)

    def every(self, move: Callable[[Picture], Awaitable[None] | None]) -> None:
        """Call `move` once a second with the newest picture."""
        self._moving.append(move)

    async def tick(self) -> None:
        """Move everything."""
        picture = await self.desk.ask(self.desk.wall.look)
        for move in self._moving:
            waiting = move(picture)
            if waiting is not None:
                await waiting


class Strip:
    """What is armed and what is protected, always in sight."""

    def __init__(self, picture: Picture) -> None:
        self._shown: tuple[Any, ...] = ()
        self._box = tag("details", "", "strip")
        self.take(picture)

    def take(self, picture: Picture) -> None:
        """Draw it anew where it has changed."""
        overview = picture.overview
        found = overview.is_dry_run, overview.armed, overview.protected, len(overview.devices)
        called = {name_of(card): named(card.device, card.kind)[0] for card in overview.devices}
        if found == self._shown:
            return
        self._shown = found
        self._box.clear()
        with self._box:
            with tag("summary"):
                if overview.is_dry_run:
                    tag("span", "Dry run: nothing is switched", "badge")
                _names(Safety.ARMED, overview.armed, called)
                _names(Safety.PROTECTED, overview.protected, called)
                watched = len(overview.devices) - len({*overview.armed, *overview.protected})
                tag("span", f"Only watched: {watched}", "strip-part")
            _lists(overview.armed, overview.protected, called)


@contextmanager
def framed(desk: Desk, picture: Picture, title: str, here: str = "") -> Iterator[Frame]:
    """Draw a page's frame; its content is what is drawn within."""
    ui.page_title(f"{title} · kilowatch")
    link("Skip to the content", "#main", "skip")
    with tag("header", "", "top"):
        with tag("div", "", "top-inner"):
            with link("", "/", "brand").attribute("aria-label", "kilowatch, home"):
                mark("brand")
                tag("span", "kilowatch")
            with tag("nav", aria_label="Pages"):
                for href, name in PLACES:
                    link(name, href, "place").attribute("aria-current", "page" if href == here else None)
            tag("span", f"{desk.visitor.name}, {desk.visitor.role}", "visitor")
        frame = Frame(desk, picture)
    with tag("main", "", "main", id="main", tabindex="-1"):
        yield frame
    # Not at once: the page has just been drawn from this very picture.
    ui.timer(TICK_S, frame.tick, immediate=False)


def told(error: KilowatchError) -> str:
    """Return an error for who sits before a page: hints that name commands are for who sits before a terminal."""
    return str(error) if "kilowatch " in error.hint else f"{error} {error.hint}".strip()


def _names(safety: Safety, devices: list[str], called: Mapping[str, str]) -> None:
    with tag("span", "", f"strip-part may-{safety}"):
        mark(safety)
        words = ", ".join(called[device] for device in devices[:_NAMED]) or "nothing"
        more = f" and {len(devices) - _NAMED} more" if len(devices) > _NAMED else ""
        tag("span", f"{_STRIP[safety]}: ")
        tag("b", words + more, "strip-names")
        tag("b", counted(len(devices), "device"), "strip-count")


def _lists(armed: list[str], protected: list[str], called: Mapping[str, str]) -> None:
    with tag("div", "", "strip-lists"):
        for safety, devices in ((Safety.ARMED, armed), (Safety.PROTECTED, protected)):
            with tag("div"):
                tag("h2", _STRIP[safety], "strip-title")
                with tag("ul"):
                    for device in devices:
                        with tag("li"):
                            link(called[device], device_href(*device.split("/", 1)))
                if not devices:
                    tag("p", "No device.")
