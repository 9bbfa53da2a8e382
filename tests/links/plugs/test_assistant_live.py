"""The adapter for Home Assistant against a real one.

Its own switch first; then a real chain: adapter, Home Assistant, its Shelly integration, and a simulated Gen2 plug
with a password behind it, whose own log is the witness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from kilowatch.config import Secret
from kilowatch.core.plug import PlugFailedError, PlugTrouble
from kilowatch.links.plugs import HttpSettings, open_plug
from kilowatch.links.plugs.login import Assistant
from kilowatch.sim.plugs import Make, PlugFault
from links.mqtt.brokers import until
from sim.plugs.doors import door_to
from sim.plugs.hosted import host_of, plug_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisor.homeassistant import HomeAssistant

    from components.assistant import AssistantApi
    from kilowatch.core.ports import Plug
    from kilowatch.sim.plugs import SimPlug

pytestmark = pytest.mark.homeassistant
PASSWORD = "correct horse"  # noqa: S105
SLOW = HttpSettings(timeout_s=10.0)
TV = "homeassistant:switch.tv?power=sensor.tv_power"


def opened(server: HomeAssistant, entity: str = TV, token: str | None = None, settings: HttpSettings = SLOW) -> Plug:
    return open_plug(entity, settings, assistant=Assistant(server.url, Secret(token or server.token)))


def trouble(plug: Plug) -> PlugTrouble:
    with pytest.raises(PlugFailedError) as caught:
        plug.read()
    plug.close()
    assert caught.value.hint
    return caught.value.trouble


@pytest.fixture
def tv(home_assistant: HomeAssistant, assistant: AssistantApi) -> Iterator[Plug]:
    assistant.call("switch", "turn_on", entity_id="switch.tv")
    until(lambda: assistant.state("sensor.tv_power")["state"] == "90.0")
    plug = opened(home_assistant)
    yield plug
    plug.close()


def test_off_is_read_back_and_no_power_flows(tv: Plug, assistant: AssistantApi) -> None:
    before = tv.read()
    assert (before.on, before.power_w) == (True, 90.0)
    tv.switch_off()
    until(lambda: tv.read().power_w == 0.0)
    after = tv.read()
    assert not after.on
    assert (after.changed_ms or 0) > (before.changed_ms or 0)
    assert assistant.state("input_boolean.tv_relay")["state"] == "off"


def test_off_when_off_already_changes_nothing(tv: Plug) -> None:
    tv.switch_off()
    until(lambda: not tv.read().on)
    changed_ms = tv.read().changed_ms
    tv.switch_off()
    assert not tv.read().on
    assert tv.read().changed_ms == changed_ms


def test_on_again(tv: Plug) -> None:
    tv.switch_off()
    until(lambda: not tv.read().on)
    tv.switch_on()
    until(lambda: tv.read().on)


def test_it_says_yes_to_an_entity_that_does_not_exist_and_only_reading_tells(home_assistant: HomeAssistant) -> None:
    plug = opened(home_assistant, "homeassistant:switch.nothing")
    plug.switch_off()
    assert trouble(plug) is PlugTrouble.STATUS


def test_a_wrong_token_is_a_refused_login_and_switches_nothing(tv: Plug, home_assistant: HomeAssistant) -> None:
    stranger = opened(home_assistant, token="wrong")  # noqa: S106
    with pytest.raises(PlugFailedError):
        stranger.switch_off()
    assert trouble(stranger) is PlugTrouble.LOGIN
    assert tv.read().on


def test_an_address_outside_the_networks_is_never_called(home_assistant: HomeAssistant) -> None:
    outside = HttpSettings(allowed_networks=("10.0.0.0/8",))
    assert trouble(opened(home_assistant, settings=outside)) is PlugTrouble.FORBIDDEN


def test_a_hurry_that_it_cannot_keep_is_slow(home_assistant: HomeAssistant) -> None:
    assert trouble(opened(home_assistant, settings=HttpSettings(timeout_s=0.0001))) is PlugTrouble.SLOW


@dataclass(frozen=True, slots=True)
class Chain:
    """A plug behind Home Assistant: our adapter on one end, the simulated plug on the other."""

    plug: Plug
    sim: SimPlug
    entity: str


@pytest.fixture(scope="module")
def shelly(home_assistant: HomeAssistant, assistant: AssistantApi) -> Iterator[Chain]:
    sim = plug_of(Make.SHELLY2, password=PASSWORD)
    with host_of(sim), door_to(sim, "127.0.1.81") as address:
        entry = assistant.add("shelly", {"host": address}, {"password": PASSWORD})
        until(lambda: "switch.router_switch_0" in assistant.entities("switch."), 60.0)
        settings = "homeassistant:switch.router_switch_0?power=sensor.router_switch_0_power"
        plug = opened(home_assistant, settings + "&energy=sensor.router_switch_0_energy")
        yield Chain(plug, sim, "switch.router_switch_0")
        plug.close()
        assistant.remove(entry)


@pytest.fixture
def chain(shelly: Chain) -> Chain:
    shelly.sim.outlet.fault = None
    shelly.plug.switch_on()
    until(lambda: shelly.plug.read().on)
    shelly.sim.seen.clear()
    return shelly


def test_home_assistant_knows_our_plug_and_what_it_meters(chain: Chain, assistant: AssistantApi) -> None:
    until(lambda: (chain.plug.read().power_w or 0.0) > 5)
    said = chain.plug.read()
    assert said.power_w == pytest.approx(11, abs=2)
    assert said.energy_wh == pytest.approx(chain.sim.outlet.energy_wh(), abs=10)
    assert assistant.state(chain.entity)["attributes"]["friendly_name"] == "router switch_0"


def test_off_goes_through_home_assistant_to_the_relay_and_comes_back(chain: Chain) -> None:
    chain.plug.switch_off()
    until(lambda: not chain.plug.read().on)
    until(lambda: chain.plug.read().power_w == 0.0)
    assert not chain.sim.outlet.is_on
    assert [seen.switched for seen in chain.sim.seen if seen.switched is not None] == [False]


def test_what_a_person_does_at_the_plug_is_seen(chain: Chain) -> None:
    chain.sim.switch(on=False)
    until(lambda: not chain.plug.read().on)


def test_a_relay_that_is_stuck_stays_on_for_home_assistant_too(chain: Chain) -> None:
    chain.sim.outlet.fault = PlugFault.STUCK
    chain.plug.switch_off()
    until(lambda: any(seen.switched is False for seen in chain.sim.seen))
    assert chain.plug.read().on


def test_power_that_flows_on_is_seen_through_home_assistant(chain: Chain) -> None:
    chain.sim.outlet.fault = PlugFault.WELDED
    chain.plug.switch_off()
    until(lambda: not chain.plug.read().on)
    assert (chain.plug.read().power_w or 0.0) == pytest.approx(11, abs=2)


def test_an_off_for_a_plug_that_died_behind_it_is_an_error(chain: Chain) -> None:
    chain.sim.outlet.fault = PlugFault.DEAD
    with pytest.raises(PlugFailedError) as caught:
        chain.plug.switch_off()
    assert caught.value.trouble in {PlugTrouble.STATUS, PlugTrouble.SLOW}
    assert chain.sim.outlet.is_on
