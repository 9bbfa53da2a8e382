"""A plug that speaks Shelly Gen2: RPC over GET and POST, digest login. Shapes as the vendor documents them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

from kilowatch.sim.plugs.digest import DigestLogin
from kilowatch.sim.plugs.http import Answer
from kilowatch.sim.plugs.plug import Make, SimPlug

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.sim.plugs.http import Request
    from kilowatch.sim.plugs.outlet import Outlet

MODEL, APP, FIRMWARE = "SNPL-00112EU", "PlusPlugS", "1.4.4"
# Told to anybody, as by the firmware: whoever wants to sign in must first know the realm.
_OPEN = frozenset({"Shelly.GetDeviceInfo", "shelly.getdeviceinfo"})
_MINUTE_MS = 60_000


class RpcError(Exception):
    """A call that the plug refuses, with the vendor's code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Shelly2Plug(SimPlug):
    """Shelly Plus Plug S and its kin."""

    make = Make.SHELLY2

    def __init__(self, outlet: Outlet, password: str | None = None, *, nonce_reuse: bool = False) -> None:
        super().__init__(outlet, password)
        self.login = DigestLogin(self.identity, reusable=nonce_reuse)
        self.source = "init"

    @property
    def identity(self) -> str:
        """The device id, which is also the realm."""
        return f"shellyplusplugs-{self.mac.lower()}"

    def respond(self, request: Request) -> Answer:
        """Answer /shelly, /rpc and /rpc/METHOD."""
        if request.path == "/shelly":
            return Answer.json(self.info())
        if request.path != "/rpc" and not request.path.startswith("/rpc/"):
            return Answer.json({"code": 404, "message": "No handler"}, 404)
        frame = _frame(request)
        if frame is None:
            return Answer.json({"code": -103, "message": "Invalid argument"}, 400)
        if not self._lets_in(request, str(frame["method"])):
            return Answer(401, b"", headers={"WWW-Authenticate": self.login.challenge()})
        return self._answered(request, frame)

    def _lets_in(self, request: Request, method: str) -> bool:
        if self.password is None or method in _OPEN:
            return True
        header = request.headers.get("authorization", "")
        return self.login.accepts(header, request.method, request.target, self.password)

    def _answered(self, request: Request, frame: dict[str, Any]) -> Answer:
        self.source = "http"
        is_frame = request.path == "/rpc"
        try:
            result = self.call(str(frame["method"]), frame.get("params") or {})
        except RpcError as error:
            said = {"code": error.code, "message": error.message}
            if not is_frame:
                return Answer.json(said, 500 if error.code < 0 else 404)
            return Answer.json({"id": frame.get("id"), "src": self.identity, "error": said})
        if not is_frame:
            return Answer.json(result)
        return Answer.json({"id": frame.get("id"), "src": self.identity, "result": result})

    def call(self, method: str, params: dict[str, Any]) -> Any:
        """Run one RPC method; `RpcError` where there is none or its arguments are wrong."""
        known: dict[str, Callable[[dict[str, Any]], Any]] = {
            "switch.set": self._set,
            "switch.toggle": lambda params: self._set({**params, "on": not self.outlet.is_on}),
            "switch.getstatus": self._status_of,
            "switch.getconfig": lambda _: self._switch_config(),
            "shelly.getdeviceinfo": lambda _: self.info(),
            "shelly.getstatus": lambda _: self.full_status(),
            "shelly.getconfig": lambda _: self._config(),
            "shelly.getcomponents": lambda _: {"components": [], "cfg_rev": 1, "offset": 0, "total": 0},
            "script.list": lambda _: {"scripts": []},
            "shelly.listmethods": lambda _: {"methods": sorted(known)},
        }
        handler = known.get(method.lower())
        if handler is None:
            raise RpcError(404, f"No handler for {method}")
        return handler(params)

    def status(self) -> dict[str, Any]:
        """Return the object that Switch.GetStatus and MQTT's status/switch:0 share."""
        outlet, now_ms = self.outlet, self.outlet.clock.now_ms()
        minute_ms = now_ms // _MINUTE_MS * _MINUTE_MS
        # Backwards in time: the vendor's by_minute begins with the newest full minute.
        ends = outlet.energy_at([minute_ms - place * _MINUTE_MS for place in range(4)])
        watts, volts = outlet.power_w(), outlet.voltage_v()
        return {
            "id": 0,
            "source": self.source,
            "output": outlet.is_on,
            "apower": watts,
            "voltage": volts,
            "current": round(watts / volts, 3),
            "aenergy": {
                "total": outlet.energy_wh(),
                "by_minute": [round(1000 * (late - early), 3) for late, early in pairwise(ends)],
                "minute_ts": minute_ms // 1000,
            },
            "temperature": {"tC": 31.2, "tF": 88.2},
        }

    def full_status(self) -> dict[str, Any]:
        """Return the status of every component."""
        now_ms = self.outlet.clock.now_ms()
        system = {"mac": self.mac, "unixtime": now_ms // 1000, "uptime": 1000, "cfg_rev": 1, "available_updates": {}}
        wifi = {"sta_ip": "127.0.0.1", "status": "got ip", "ssid": "home", "rssi": -55}
        return {"switch:0": self.status(), "sys": system, "wifi": wifi, "cloud": {"connected": False}}

    def info(self) -> dict[str, Any]:
        """Return who the plug is: known without login."""
        return {
            "name": self.outlet.device,
            "id": self.identity,
            "mac": self.mac,
            "slot": 0,
            "model": MODEL,
            "gen": 2,
            "fw_id": f"20241011-114455/{FIRMWARE}-g6d2a586",
            "ver": FIRMWARE,
            "app": APP,
            "auth_en": self.password is not None,
            "auth_domain": self.identity if self.password is not None else None,
        }

    def _set(self, params: dict[str, Any]) -> dict[str, bool]:
        on = params.get("on")
        if params.get("id") != 0 or not isinstance(on, bool):
            raise RpcError(-105, f"Argument 'id', value {params.get('id')} not found!")
        return {"was_on": self.switch(on=on)}

    def _status_of(self, params: dict[str, Any]) -> dict[str, Any]:
        if params.get("id") != 0:
            raise RpcError(-105, f"Argument 'id', value {params.get('id')} not found!")
        return self.status()

    def _switch_config(self) -> dict[str, Any]:
        return {"id": 0, "name": None, "in_mode": "momentary", "initial_state": "match_input", "auto_off": False}

    def _config(self) -> dict[str, Any]:
        device = {"name": self.outlet.device, "mac": self.mac, "fw_id": FIRMWARE, "eco_mode": False}
        return {
            "switch:0": self._switch_config(),
            "sys": {"device": device, "cfg_rev": 1},
            "wifi": {"ap": {"enable": False}, "sta": {"ssid": "home", "enable": True}},
            "ws": {"enable": False, "server": None, "ssl_ca": "ca.pem"},
        }


def _frame(request: Request) -> dict[str, Any] | None:
    """Return the call that a request makes, as a frame; None where it makes none."""
    if request.path != "/rpc":
        query = {name: _parsed(text) for name, text in request.query.items()}
        body = _decoded(request.body) if request.body else {}
        return None if body is None else {"method": request.path.removeprefix("/rpc/"), "params": {**query, **body}}
    frame = _decoded(request.body)
    return frame if frame is not None and isinstance(frame.get("method"), str) else None


def _decoded(body: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, dict) else None


# A query has id=0 and on=true as JSON would; what is no JSON is a text.
def _parsed(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
