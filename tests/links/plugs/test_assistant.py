"""The adapter for Home Assistant against its documented REST answers; a 200 to an off proves nothing."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from kilowatch.config import Secret
from kilowatch.core.plug import PlugFailedError, PlugTrouble
from kilowatch.links.plugs import HttpSettings, open_plug
from kilowatch.links.plugs.login import Assistant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.core.ports import Plug

TOKEN = "long-lived"  # noqa: S105
CHANGED = "2026-01-05T00:00:00.250000+00:00"


class Hub:
    """A Home Assistant with one switch and two sensors."""

    def __init__(self) -> None:
        self.states: dict[str, dict[str, Any]] = {
            "switch.tv": {"state": "on", "last_changed": CHANGED, "attributes": {}},
            "sensor.tv_power": {"state": "0.12", "attributes": {"unit_of_measurement": "kW"}},
            "sensor.tv_energy": {"state": "1.5", "attributes": {"unit_of_measurement": "kWh"}},
        }
        self.calls: list[tuple[str, Any]] = []

    def answer(self, method: str, path: str, token: str, body: bytes) -> tuple[int, Any]:
        if token != f"Bearer {TOKEN}":
            return 401, {}
        if method == "GET":
            state = self.states.get(path.removeprefix("/api/states/"))
            return (200, state) if state else (404, {"message": "Entity not found."})
        self.calls.append((path, json.loads(body)))
        entity = self.states.get(json.loads(body)["entity_id"])
        if entity is not None:
            entity["state"] = "off" if path.endswith("off") else "on"
        return 200, []


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def url(hub: Hub) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, said = hub.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            raw = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = _serve  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def opened(
    url: str, entity: str = "switch.tv?power=sensor.tv_power&energy=sensor.tv_energy", token: str = TOKEN
) -> Plug:
    settings = HttpSettings(timeout_s=2.0)
    return open_plug(f"homeassistant:{entity}", settings, assistant=Assistant(url, Secret(token)))


def trouble(plug: Plug) -> PlugTrouble:
    with pytest.raises(PlugFailedError) as caught:
        plug.read()
    plug.close()
    return caught.value.trouble


def test_reads_switch_sensors_and_when_it_changed(url: str) -> None:
    plug = opened(url)
    said = plug.read()
    plug.close()
    assert (said.on, said.power_w, said.energy_wh) == (True, 120.0, 1500.0)
    assert said.changed_ms == 1_767_571_200_250


def test_off_calls_the_service_and_is_read_back(url: str, hub: Hub) -> None:
    plug = opened(url)
    plug.switch_off()
    assert not plug.read().on
    plug.switch_on()
    assert plug.read().on
    plug.close()
    assert hub.calls == [
        ("/api/services/switch/turn_off", {"entity_id": "switch.tv"}),
        ("/api/services/switch/turn_on", {"entity_id": "switch.tv"}),
    ]


def test_off_of_an_entity_that_does_not_exist_says_yes_and_only_reading_tells(url: str) -> None:
    plug = opened(url, "switch.nothing")
    plug.switch_off()
    assert trouble(plug) is PlugTrouble.STATUS


def test_a_wrong_token_is_a_refused_login(url: str) -> None:
    assert trouble(opened(url, token="wrong")) is PlugTrouble.LOGIN  # noqa: S106


@pytest.mark.parametrize(("state", "expected"), [("unavailable", "unreachable"), ("maybe", "garbage")])
def test_a_state_that_is_neither_on_nor_off(url: str, hub: Hub, state: str, expected: str) -> None:
    hub.states["switch.tv"]["state"] = state
    assert trouble(opened(url)) == expected


@pytest.mark.parametrize(("state", "unit"), [("much", "W"), ("5", "hp"), ("5", 3)])
def test_a_sensor_that_makes_no_sense_is_garbage(url: str, hub: Hub, state: str, unit: object) -> None:
    hub.states["sensor.tv_power"] = {"state": state, "attributes": {"unit_of_measurement": unit}}
    assert trouble(opened(url)) is PlugTrouble.GARBAGE
