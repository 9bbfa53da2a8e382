"""The makes of plugs: how each is asked, told and understood. Contracts from the vendors' documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from kilowatch.core.plug import PlugFailedError, PlugTrouble
from kilowatch.links.decode import shelly1, shelly2, tasmota
from kilowatch.links.decode.report import Report
from kilowatch.links.plugs.answers import object_of, switch_of, understood
from kilowatch.links.plugs.http import PlugHttp

if TYPE_CHECKING:
    from kilowatch.core.ports import PlugReading
    from kilowatch.links.plugs.address import PlugAddress
    from kilowatch.links.plugs.http import HttpSettings
    from kilowatch.links.plugs.login import Login


class Shelly2:
    """Gen2 and later: RPC, digest login with SHA-256, user always admin."""

    def __init__(self, address: PlugAddress, settings: HttpSettings, login: Login | None) -> None:
        auth = None if login is None else httpx.DigestAuth(login.user or "admin", login.password.reveal())
        self._http = PlugHttp(address.base, settings, auth)
        self._channel = str(address.channel)

    def read(self) -> PlugReading:
        """Ask Switch.GetStatus."""
        said = object_of(self._http, self._http.get("/rpc/Switch.GetStatus", {"id": self._channel}))
        return understood(self._http, lambda: shelly2.status("", said))

    def switch_off(self) -> None:
        """Call Switch.Set with on=false."""
        self._set("false")

    def switch_on(self) -> None:
        """Call Switch.Set with on=true."""
        self._set("true")

    def close(self) -> None:
        """Let the connection go."""
        self._http.close()

    def _set(self, on: str) -> None:
        self._http.get("/rpc/Switch.Set", {"id": self._channel, "on": on})


class Shelly1:
    """Gen1: /relay/N and /meter/N, Basic login."""

    def __init__(self, address: PlugAddress, settings: HttpSettings, login: Login | None) -> None:
        auth = None if login is None else httpx.BasicAuth(login.user or "admin", login.password.reveal())
        self._http = PlugHttp(address.base, settings, auth)
        self._channel = address.channel

    def read(self) -> PlugReading:
        """Ask the relay and its meter; plugs without a meter have no /meter/N."""
        relay = object_of(self._http, self._http.get(f"/relay/{self._channel}"))
        switch_of(self._http, relay.get("ison"))  # now, while this is the answer that was heard last
        meter = self._meter()
        return understood(self._http, lambda: shelly1.relay_and_meter("", relay, meter))

    def switch_off(self) -> None:
        """Ask for turn=off."""
        self._http.get(f"/relay/{self._channel}", {"turn": "off"})

    def switch_on(self) -> None:
        """Ask for turn=on."""
        self._http.get(f"/relay/{self._channel}", {"turn": "on"})

    def close(self) -> None:
        """Let the connection go."""
        self._http.close()

    def _meter(self) -> dict[str, Any]:
        try:
            return object_of(self._http, self._http.get(f"/meter/{self._channel}"))
        except PlugFailedError as error:
            # Only a plain 404 or the like says that there is no meter; silence and a refused login are failures still.
            if error.trouble is PlugTrouble.STATUS:
                return {}
            raise


class Tasmota:
    """Commands by /cm?cmnd=, login in the query, as the firmware wants it."""

    def __init__(self, address: PlugAddress, settings: HttpSettings, login: Login | None) -> None:
        self._http = PlugHttp(address.base, settings)
        self._login = login
        self._power = "Power" if address.channel == 1 else f"Power{address.channel}"

    def read(self) -> PlugReading:
        """Ask Power and Status 8; plugs without a meter answer without ENERGY."""
        on = self._on(self._command(self._power))
        sensors = self._command("Status 8").get("StatusSNS")
        energy = sensors.get("ENERGY") if isinstance(sensors, dict) else None
        said = energy if isinstance(energy, dict) else {}
        return understood(self._http, lambda: _with_switch(tasmota.sensor("", said), on=on))

    def switch_off(self) -> None:
        """Send Power Off."""
        self._command(f"{self._power} Off")

    def switch_on(self) -> None:
        """Send Power On."""
        self._command(f"{self._power} On")

    def close(self) -> None:
        """Let the connection go."""
        self._http.close()

    def _command(self, command: str) -> dict[str, Any]:
        login = {}
        if self._login is not None:
            login = {"user": self._login.user or "admin", "password": self._login.password.reveal()}
        said = object_of(self._http, self._http.get("/cm", {**login, "cmnd": command}))
        # Some firmware says so with HTTP 200.
        if "WARNING" in said:
            raise PlugFailedError(
                PlugTrouble.LOGIN, f"{self._http.base} refused the login.", "Check password_file of the device."
            )
        return said

    def _on(self, said: dict[str, Any]) -> bool:
        # One relay is called POWER or POWER1, as the plug is set.
        word = said.get(self._power.upper(), said.get("POWER1" if self._power == "Power" else "POWER"))
        return switch_of(self._http, word)


def _with_switch(report: Report, *, on: bool) -> Report:
    return Report("", None, report.power_w, report.energy_wh, report.voltage_v, report.current_a, on)
