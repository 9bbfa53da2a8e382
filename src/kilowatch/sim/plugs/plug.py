"""A simulated plug: an outlet, a vendor's way to speak, a login and a log of every request."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING

from kilowatch.sim.plugs.http import Answer
from kilowatch.sim.plugs.outlet import Outlet, PlugFault, Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.sim.plugs.http import Request


class Make(StrEnum):
    """Whose protocol a plug speaks; as in the address of a plug."""

    SHELLY2 = "shelly2"
    SHELLY1 = "shelly1"
    TASMOTA = "tasmota"


_GARBAGE = Answer(200, b"<html>404: not the plug you are looking for", "text/html")
# Port 9 discards: whoever follows gets nowhere.
_ELSEWHERE = "http://127.0.0.1:9/elsewhere"


class SimPlug(ABC):
    """What all makes have in common. password: None lets everybody in. port is known once a host has started it."""

    make: Make

    def __init__(self, outlet: Outlet, password: str | None = None) -> None:
        self.outlet = outlet
        self.password = password
        self.port = 0
        self.seen: list[Seen] = []
        """Every request, oldest first: the witness of who switched what."""
        self.watchers: list[Callable[[], None]] = []
        """Called after whoever has switched it: a plug tells its open connections."""
        self._told: bool | None = None

    @property
    def address(self) -> str:
        """The plug's address as a device record has it."""
        return f"{self.make}://127.0.0.1:{self.port}/{1 if self.make is Make.TASMOTA else 0}"

    @property
    def identity(self) -> str:
        """The id that the vendor's firmware would give: the make and a made-up address of the network card."""
        return f"{self.make}-{self.mac.lower()}"

    @property
    def mac(self) -> str:
        """A made-up address of the network card, of the locally administered kind."""
        number = sum(ord(letter) << (5 * place % 32) for place, letter in enumerate(self.outlet.device))
        return f"02{number % 2**40:010X}"

    def answer(self, request: Request) -> Answer:
        """Answer one request and write it into the log."""
        answer = self._with_fault(request)
        self.witness(request.method, self.shown(request), answer.status)
        return answer

    def witness(self, method: str, path: str, status: int) -> None:
        """Write into the log what was asked and answered."""
        now = time.monotonic(), self.outlet.clock.now_ms()
        self.seen.append(Seen(*now, method, path, status, self._told))
        # It was told by this request: the next one may only read.
        self._told = None

    def _with_fault(self, request: Request) -> Answer:
        if self.outlet.fault is PlugFault.GARBAGE:
            return _GARBAGE
        if self.outlet.fault is PlugFault.REDIRECT:
            return Answer(302, b"", headers={"Location": _ELSEWHERE})
        return self.respond(request)

    def shown(self, request: Request) -> str:
        """Return the path for the log."""
        return request.path

    def switch(self, *, on: bool) -> bool:
        """Switch on behalf of a request; return how the relay stood."""
        self._told = on
        was_on = self.outlet.switch(on=on)
        for tell in list(self.watchers):
            tell()
        return was_on

    @abstractmethod
    def respond(self, request: Request) -> Answer:
        """Answer a request as this make does."""
