"""A plug that speaks Shelly Gen1: /relay/0, /meter/0 and /status, Basic login, energies in watt-minutes."""

from __future__ import annotations

import base64
import hmac
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from kilowatch.sim.plugs.http import Answer
from kilowatch.sim.plugs.plug import Make, SimPlug

if TYPE_CHECKING:
    from kilowatch.sim.plugs.http import Request

USER = "admin"
MODEL, FIRMWARE = "SHPLG-S", "20230913-113610/v1.14.0-gcb84623"
_MINUTE_MS = 60_000
_MOST_W = 2500


class Shelly1Plug(SimPlug):
    """Shelly Plug S of the first generation."""

    make = Make.SHELLY1

    @property
    def identity(self) -> str:
        """The device id, as in its topics."""
        return f"shellyplug-s-{self.mac[-6:]}"

    def respond(self, request: Request) -> Answer:
        """Answer as the vendor's REST interface does."""
        if request.path == "/shelly":
            return Answer.json({"type": MODEL, "mac": self.mac, "auth": self.password is not None, "fw": FIRMWARE})
        if not self._lets_in(request):
            return Answer(401, b"401 Unauthorized", "text/plain", {"WWW-Authenticate": 'Basic realm="Shelly"'})
        if request.path == "/relay/0":
            return self._relay_request(request.query.get("turn"))
        if request.path == "/meter/0":
            return Answer.json(self.meter())
        if request.path == "/status":
            return Answer.json({"relays": [self.relay()], "meters": [self.meter()], "mac": self.mac, "unixtime": 0})
        if request.path == "/settings":
            return Answer.json(self.settings())
        return Answer(404, b"Not Found", "text/plain")

    def settings(self) -> dict[str, Any]:
        """Return what it is and how it is set up, as far as clients ask before they show it."""
        return {
            "device": {
                "type": MODEL,
                "mac": self.mac,
                "hostname": self.identity,
                "num_outputs": 1,
                "num_meters": 1,
            },
            "name": self.outlet.device,
            "fw": FIRMWARE,
            "login": {"enabled": self.password is not None, "unprotected": False, "username": USER},
            "max_power": _MOST_W,
            "relays": [{"name": None, "ison": self.outlet.is_on, "default_state": "last", "has_timer": False}],
        }

    def relay(self) -> dict[str, Any]:
        """Return the relay's object."""
        timer = {"has_timer": False, "timer_started": 0, "timer_duration": 0, "timer_remaining": 0}
        return {"ison": self.outlet.is_on, **timer, "overpower": False, "source": "http"}

    def meter(self) -> dict[str, Any]:
        """Return the meter's object: power in W, counters of the last minutes and the total in watt-minutes."""
        now_ms = self.outlet.clock.now_ms()
        minute_ms = now_ms // _MINUTE_MS * _MINUTE_MS
        ends = self.outlet.energy_at([minute_ms - place * _MINUTE_MS for place in range(4)])
        return {
            "power": self.outlet.power_w(),
            "overpower": 0.0,
            "is_valid": True,
            "timestamp": now_ms // 1000,
            "counters": [round(60 * (late - early), 3) for late, early in pairwise(ends)],
            "total": int(60 * self.outlet.energy_wh()),
        }

    def _relay_request(self, turn: str | None) -> Answer:
        if turn == "toggle":
            turn = "off" if self.outlet.is_on else "on"
        if turn is not None and turn not in {"on", "off"}:
            return Answer(400, b"Bad turn!", "text/plain")
        if turn is not None:
            self.switch(on=turn == "on")
        return Answer.json(self.relay())

    def _lets_in(self, request: Request) -> bool:
        if self.password is None:
            return True
        expected = b"Basic " + base64.b64encode(f"{USER}:{self.password}".encode())
        return hmac.compare_digest(expected, request.headers.get("authorization", "").encode())
