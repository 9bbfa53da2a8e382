"""Simulated plugs as a stranger sees them: the vendors' shapes, logins, and a log that is a witness."""

from __future__ import annotations

import base64
import time
from hashlib import sha256
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest

from kilowatch.sim.faults import Fault, FaultSpec
from kilowatch.sim.home import Home
from kilowatch.sim.household import ROUTER, TV
from kilowatch.sim.plugs import Make, Outlet, PlugFault, PlugHost, SimClock
from kilowatch.sim.plugs.shelly2 import Shelly2Plug
from sim.plugs.hosted import MAKES, START_MS, host_of, plug_of

if TYPE_CHECKING:
    from kilowatch.sim.plugs import SimPlug

NOON_MS = START_MS + 43_200_000


def get(sim: SimPlug, path: str, **kwargs: object) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=5) as client:
        return client.get(f"http://127.0.0.1:{sim.port}{path}", **kwargs)  # type: ignore[arg-type]


def test_gen2_answers_as_the_vendor_documents() -> None:
    sim = plug_of(Make.SHELLY2)
    with host_of(sim):
        status = get(sim, "/rpc/Switch.GetStatus?id=0").json()
        was = get(sim, "/rpc/Switch.Set?id=0&on=false").json()
        frame = httpx.post(
            f"http://127.0.0.1:{sim.port}/rpc",
            json={"id": 7, "method": "Switch.Set", "params": {"id": 0, "on": True}},
            trust_env=False,
        ).json()
        unknown = get(sim, "/rpc/Switch.Fly?id=0")
        missing = get(sim, "/rpc/Switch.GetStatus?id=4")
    assert {"id", "source", "output", "apower", "voltage", "current", "aenergy", "temperature"} == set(status)
    assert len(status["aenergy"]["by_minute"]) == 3
    assert status["aenergy"]["by_minute"][0] == pytest.approx(1000 * status["apower"] / 60, rel=0.2)
    assert was == {"was_on": True}
    assert (frame["id"], frame["src"], frame["result"]) == (7, sim.identity, {"was_on": False})
    assert unknown.status_code == 404
    assert missing.status_code == 500
    assert [seen.switched for seen in sim.seen] == [None, False, True, None, None]


def test_gen2_tells_who_it_is_without_login_and_nothing_else() -> None:
    sim = plug_of(Make.SHELLY2, password="word")  # noqa: S106
    with host_of(sim):
        info = get(sim, "/shelly").json()
        refused = get(sim, "/rpc/Switch.GetStatus?id=0")
    assert (info["gen"], info["auth_en"], info["auth_domain"]) == (2, True, sim.identity)
    assert refused.status_code == 401
    assert "SHA-256" in refused.headers["www-authenticate"]


def _answer_to(challenge: str, password: str, target: str) -> str:
    """Answer a challenge by RFC 7616 in a few lines of its own."""
    parts = dict(part.strip().split("=", 1) for part in challenge.removeprefix("Digest ").split(","))
    realm, nonce = parts["realm"].strip('"'), parts["nonce"].strip('"')
    h1 = sha256(f"admin:{realm}:{password}".encode()).hexdigest()
    h2 = sha256(f"GET:{target}".encode()).hexdigest()
    response = sha256(f"{h1}:{nonce}:00000001:abc:auth:{h2}".encode()).hexdigest()
    return (
        f'Digest username="admin", realm="{realm}", nonce="{nonce}", uri="{target}", '
        f'response="{response}", algorithm=SHA-256, qop=auth, nc=00000001, cnonce="abc"'
    )


def test_gen2_login_is_the_digest_of_the_standard_and_a_nonce_serves_once() -> None:
    sim, target = plug_of(Make.SHELLY2, password="word"), "/rpc/Switch.GetStatus?id=0"  # noqa: S106
    with host_of(sim):
        challenge = get(sim, target).headers["www-authenticate"]
        right = _answer_to(challenge, "word", target)
        wrong_way = get(sim, "/rpc/Switch.Set?id=0&on=false", headers={"Authorization": right})
        first = get(sim, target, headers={"Authorization": right})
        again = get(sim, target, headers={"Authorization": right})
        wrong = get(sim, target, headers={"Authorization": _answer_to(challenge, "other", target)})
    assert [answer.status_code for answer in (wrong_way, first, again, wrong)] == [401, 200, 401, 401]
    assert sim.outlet.is_on


def test_gen1_answers_as_the_vendor_documents() -> None:
    sim = plug_of(Make.SHELLY1, password="word")  # noqa: S106
    login = {"Authorization": "Basic " + base64.b64encode(b"admin:word").decode()}
    with host_of(sim):
        meter = get(sim, "/meter/0", headers=login).json()
        off = get(sim, "/relay/0?turn=off", headers=login).json()
        bad = get(sim, "/relay/0?turn=sideways", headers=login)
        status = get(sim, "/status", headers=login).json()
        stranger = get(sim, "/relay/0?turn=on")
    assert meter["total"] / 60 == pytest.approx(132, abs=20)
    assert meter["is_valid"]
    assert off["ison"] is False
    assert bad.status_code == 400
    assert (status["relays"][0]["ison"], status["meters"][0]["power"]) == (False, 0.0)
    assert stranger.status_code == 401
    assert not sim.outlet.is_on


def test_gen1_tells_how_it_is_set_up_to_who_knows_its_password() -> None:
    sim = plug_of(Make.SHELLY1, password="word")  # noqa: S106
    with host_of(sim):
        refused = get(sim, "/settings")
        told = get(sim, "/settings", auth=("admin", "word")).json()
        info = get(sim, "/shelly").json()
    assert refused.status_code == 401
    device = told["device"]
    assert (device["type"], device["mac"], told["fw"]) == (info["type"], info["mac"], info["fw"])
    assert (device["hostname"], device["num_outputs"], device["num_meters"]) == (sim.identity, 1, 1)
    assert told["login"] == {"enabled": True, "unprotected": False, "username": "admin"}
    assert [relay["ison"] for relay in told["relays"]] == [True]


def test_tasmota_answers_as_the_firmware_does() -> None:
    sim = plug_of(Make.TASMOTA, password="word")  # noqa: S106
    with host_of(sim):
        login = "&user=admin&password=word"
        status = get(sim, f"/cm?cmnd=Status%208{login}").json()
        off = get(sim, f"/cm?cmnd=Power%20Off{login}").json()
        odd = get(sim, f"/cm?cmnd=Fly{login}").json()
        stranger = get(sim, "/cm?cmnd=Power%20On&user=admin&password=wrong")
    energy = status["StatusSNS"]["ENERGY"]
    assert energy["Total"] == pytest.approx(0.132, abs=0.02)
    assert status["StatusSNS"]["Time"] == "2026-01-05T11:00:00"
    assert off == {"POWER": "OFF"}
    assert odd == {"Command": "Unknown"}
    assert stranger.status_code == 401
    assert "password=word" not in repr(sim.seen)


def test_the_appliance_is_the_simulated_homes_own() -> None:
    home = Home(1, START_MS, appliances=(ROUTER, TV))
    outlet = Outlet(home, "tv", SimClock(NOON_MS, monotonic=lambda: 0.0))
    whole_day = np.arange(START_MS, START_MS + 86_400_000, 600_000)
    drawn = []
    for ts_ms in whole_day.tolist():
        outlet.clock.start_ms = ts_ms
        drawn.append(outlet.power_w())
    assert drawn == pytest.approx(home.power_at("tv", whole_day).tolist(), abs=0.06)
    assert max(drawn) > 50


def test_a_fault_of_the_appliance_shows_at_its_plug() -> None:
    sim = plug_of(Make.SHELLY1, "heater")
    before_w = sim.outlet.power_w()
    sim.outlet.faults = [FaultSpec(Fault.LEFT_ON, "heater", NOON_MS), FaultSpec(Fault.LEFT_ON, "kettle", NOON_MS)]
    assert sim.outlet.power_w() > 1_500 > before_w


def test_the_register_stops_while_off_and_goes_on_after() -> None:
    sim = plug_of(Make.TASMOTA)
    sim.outlet.switch(on=False)
    off_wh = sim.outlet.energy_wh()
    sim.outlet.clock.start_ms += 3_600_000
    assert sim.outlet.energy_wh() == pytest.approx(off_wh, abs=0.01)
    sim.outlet.switch(on=True)
    sim.outlet.clock.start_ms += 3_600_000
    assert sim.outlet.energy_wh() == pytest.approx(off_wh + 11, abs=2)


def test_time_runs_as_fast_as_wanted() -> None:
    now_s = [0.0]
    clock = SimClock(START_MS, 600.0, lambda: now_s[0])
    now_s[0] = 2.0
    assert clock.now_ms() == START_MS + 1_200_000


def test_twenty_plugs_live_in_one_process_and_none_waits_for_another() -> None:
    home = Home(1, START_MS)
    clock = SimClock(NOON_MS)
    names = [name for name in home.kinds if name != "mains"]
    sims = [MAKES[make](Outlet(home, name, clock)) for make in Make for name in names][:20]
    with host_of(*sims):
        sims[0].outlet.fault = PlugFault.MUTE
        start_s = time.monotonic()
        for sim in sims[1:]:
            assert get(sim, "/shelly" if sim.make is not Make.TASMOTA else "/cm?cmnd=Power").status_code == 200
        assert time.monotonic() - start_s < 5.0
    assert len({sim.port for sim in sims}) == 20
    assert len({sim.mac for sim in sims[:15]}) == 15


@pytest.mark.parametrize(
    "raw", [b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"\xff" * 99]
)
def test_what_is_no_http_is_cut_off_and_the_next_is_served(raw: bytes) -> None:
    import socket

    sim = plug_of(Make.SHELLY1)
    with host_of(sim):
        with socket.create_connection(("127.0.0.1", sim.port), 5) as stranger:
            stranger.sendall(raw)
            stranger.shutdown(socket.SHUT_WR)
            assert stranger.recv(100) == b""
        assert get(sim, "/shelly").status_code == 200


def test_a_person_presses_the_button_and_it_is_not_in_the_log() -> None:
    sim = plug_of(Make.SHELLY2)
    assert isinstance(sim, Shelly2Plug)
    host = PlugHost([sim])
    with host:
        assert host.call(lambda: sim.outlet.switch(on=False))
        assert get(sim, "/rpc/Switch.GetStatus?id=0").json()["output"] is False
    assert [seen.switched for seen in sim.seen] == [None]
