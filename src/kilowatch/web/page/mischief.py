"""In the demo alone: buttons that let something go wrong, so that a stranger sees what becomes of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

import msgspec

from kilowatch.core import explain
from kilowatch.web.access import Deed
from kilowatch.web.page.frame import Act
from kilowatch.web.page.markup import button, tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.web.page.frame import Desk

# As many as fit beside the board; what a stranger tries first should be found while they watch.
_QUICK = 5


class Trick(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be made to go wrong. within_s: it is found so soon, s of ours; None where nobody promises."""

    device: str
    name: str
    meaning: str
    within_s: float | None = None


class Mischief(Protocol):
    """Lets things go wrong in a home that is simulated."""

    def tricks(self) -> Sequence[Trick]:
        """Return what can go wrong, what is found soonest first."""

    def play(self, device: str, name: str) -> str:
        """Let something go wrong and return in words what; `KilowatchError` where that cannot be."""


class Panel:
    """Quick buttons for what is found soonest of each sort, and a list of all the others."""

    def __init__(self, desk: Desk, mischief: Mischief) -> None:
        self._desk, self._mischief = desk, mischief
        tricks = list(mischief.tricks())
        quick = _soonest(tricks)
        with tag("section", "", "card mischief", aria_labelledby="mischief-title"):
            tag("h2", "Let something go wrong", id="mischief-title")
            tag("p", "This home is simulated. Break something and watch what kilowatch makes of it.", "quiet")
            with tag("div", "", "tricks"):
                for trick in quick:
                    self._offer(trick)
            with tag("details", "", "more") as more:
                tag("summary", f"{len(tricks) - len(quick)} more")
                self._box = tag("div", "", "tricks")
            self._rest = [trick for trick in tricks if trick not in quick]
            more.on("toggle", lambda _: self._open())

    def _open(self) -> None:
        """Draw the others when somebody first asks for them: there are many."""
        rest, self._rest = self._rest, []
        with self._box:
            for trick in rest:
                self._offer(trick)

    def _offer(self, trick: Trick) -> None:
        async def play() -> None:
            done = f"{explain.label(trick.device)}: {trick.meaning}."
            await self._desk.do(Act(Deed.SWITCH, done, partial(self._mischief.play, trick.device, trick.name)))

        offered = self._desk.guarded(button("", play, "button trick"), Deed.SWITCH)
        with offered:
            tag("b", explain.label(trick.device))
            tag("span", "" if trick.within_s is None else f"found within {trick.within_s:.0f} s")
            tag("span", trick.meaning, "trick-what")


def _soonest(tricks: Sequence[Trick]) -> list[Trick]:
    """Return what is found soonest, one of each sort."""
    seen: dict[str, Trick] = {}
    for trick in tricks:
        if trick.within_s is not None:
            seen.setdefault(trick.name, trick)
    return list(seen.values())[:_QUICK]
