"""A plug that speaks Tasmota: /cm?cmnd=..., login in the query, energies in kWh, times on the home's wall clock."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kilowatch.core.localtime import zone
from kilowatch.sim.plugs.http import Answer
from kilowatch.sim.plugs.plug import Make, SimPlug

if TYPE_CHECKING:
    from kilowatch.sim.plugs.http import Request
    from kilowatch.sim.plugs.outlet import Outlet

USER = "admin"
_WORDS = {"ON": True, "1": True, "TRUE": True, "OFF": False, "0": False, "FALSE": False}


class TasmotaPlug(SimPlug):
    """Any plug with that firmware."""

    make = Make.TASMOTA

    def __init__(self, outlet: Outlet, password: str | None = None, *, time_zone: str = "UTC") -> None:
        super().__init__(outlet, password)
        self._time_zone = time_zone

    @property
    def topic(self) -> str:
        """Its topic, from the device's name."""
        return self.outlet.device

    def respond(self, request: Request) -> Answer:
        """Answer a command; a wrong password gets a warning with status 401, as since release 13."""
        if request.path != "/cm":
            return Answer(404, b"File Not Found", "text/plain")
        query = request.query
        if not self._lets_in(query):
            return Answer.json({"WARNING": "Need user=<username>&password=<password>"}, 401)
        words = query.get("cmnd", "").split()
        return Answer.json(self.command(words[0], words[1:]) if words else {"WARNING": "Enter command cmnd="})

    def shown(self, request: Request) -> str:
        """Return the path with the command and without the password."""
        return f"{request.path}?cmnd={request.query.get('cmnd', '')}"

    def command(self, name: str, words: list[str]) -> dict[str, Any]:
        """Run one command and return what it prints."""
        if name.lower() in {"power", "power1"}:
            return self._power(words)
        # 8 is what 10 was called in older firmware, and both are still answered.
        if name.lower() == "status" and words in (["8"], ["10"]):
            return {"StatusSNS": self.sensor()}
        if name.lower() == "state":
            return self.state()
        return {"Command": "Unknown"}

    def sensor(self) -> dict[str, Any]:
        """Return what tele/TOPIC/SENSOR says."""
        watts, volts = self.outlet.power_w(), self.outlet.voltage_v()
        energy = {
            "TotalStartTime": "2025-01-01T00:00:00",
            "Total": round(self.outlet.energy_wh() / 1000, 3),
            "Power": round(watts, 1),
            "ApparentPower": round(watts, 1),
            "ReactivePower": 0,
            "Factor": 1.0,
            "Voltage": volts,
            "Current": round(watts / volts, 3),
        }
        return {"Time": self._time(), "ENERGY": energy}

    def state(self) -> dict[str, Any]:
        """Return what tele/TOPIC/STATE says."""
        return {"Time": self._time(), "POWER": self._word(), "Wifi": {"RSSI": 78, "Signal": -61}}

    def _power(self, words: list[str]) -> dict[str, Any]:
        if words and words[0].upper() in _WORDS:
            self.switch(on=_WORDS[words[0].upper()])
        elif words and words[0].upper() in {"TOGGLE", "2"}:
            self.switch(on=not self.outlet.is_on)
        return {"POWER": self._word()}

    def _word(self) -> str:
        return "ON" if self.outlet.is_on else "OFF"

    def _time(self) -> str:
        at = datetime.fromtimestamp(self.outlet.clock.now_ms() / 1000, UTC).astimezone(zone(self._time_zone))
        return at.strftime("%Y-%m-%dT%H:%M:%S")

    def _lets_in(self, query: dict[str, str]) -> bool:
        if self.password is None:
            return True
        return query.get("user") == USER and hmac.compare_digest(self.password, query.get("password", ""))
