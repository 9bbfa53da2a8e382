"""Who plays in the demo: a dozen appliances, the plugs that they hang on, what is armed and what is protected."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import msgspec

from kilowatch.config import Config, Secret
from kilowatch.config.devices import DeviceConfig
from kilowatch.config.sections import SiteConfig
from kilowatch.core.device import ActsBy, DeviceRecord, Stage
from kilowatch.sim import household
from kilowatch.sim.home import MAINS, Home
from kilowatch.sim.plugs import Outlet, SimClock
from kilowatch.sim.plugs.shelly1 import Shelly1Plug
from kilowatch.sim.plugs.shelly2 import Shelly2Plug
from kilowatch.sim.plugs.tasmota import TasmotaPlug

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.sim.plugs import SimPlug

SITE = "home"
TIME_ZONE = "Europe/Berlin"
DAY_MS = 86_400_000
LEARNT_FROM_MS = 1_767_567_600_000
"""Monday 2026-01-05 00:00 in Berlin: any Monday serves."""
LEARNT_DAYS = 28
LIVE_FROM_MS = LEARNT_FROM_MS + LEARNT_DAYS * DAY_MS + 63_000_000
"""Half past five in the afternoon of a Monday: people are at home, and not everything runs."""
LEARNT_SEED = 1001
"""The home that devices were learnt in; the home of the demo has another seed, so other days."""

SPEED = 30.0
"""Half a minute of the home in a second of ours.

Faster, and an intent, worth 120 s of the home's time, would run out before a busy machine has made the call.
"""
INTERVAL_S = 30.0
POLL_S = INTERVAL_S / SPEED
"""Once a second a dozen plugs are asked over HTTP: with the plugs' own side of it less than a tenth of one core."""
HEARTBEAT_S = 300.0
"""A plug's value holds for ten seconds of ours, so that a machine that stalls for some is not told of as silence."""
ALARMS_PER_WEEK = 0.1
"""A dozen devices, one alarm in ten weeks of each: what goes wrong on the stage is what was made to."""

ARMED = ("kettle", "heater", "tv", "lamp")
PLAYERS = (
    household.FRIDGE,
    household.FREEZER,
    household.ROUTER,
    household.KETTLE,
    household.HEATER,
    household.TV,
    household.LAMP,
    household.WATER_HEATER,
    household.COMPUTER,
    household.WASHER,
    household.COFFEE,
    household.MICROWAVE,
)
_PASSWORD = "simulated"  # noqa: S105 - of a plug that lives for a minute, on loopback
_WITH_LOGIN = ("kettle", "heater", "tv")
"""One of each make asks for its login: digest, Basic, and in the query."""


def home_of(seed: int, start_ms: int) -> Home:
    """Return the demo's home as it lives from start_ms on; its first local day is the one that holds it."""
    return Home(seed, start_ms, TIME_ZONE, SITE, INTERVAL_S, PLAYERS)


def records(home: Home) -> list[DeviceRecord]:
    """Return the records of what hangs on a plug, watched, and none of it armed."""
    return [
        msgspec.structs.replace(
            record,
            heartbeat_s=HEARTBEAT_S,
            alarms_per_week=ALARMS_PER_WEEK,
            acts_by=ActsBy.EDGE,
            stage=Stage.WATCHING,
            source="demo",
        )
        for record in home.records()
        # The meter of the whole home hangs on no plug.
        if record.device != MAINS
    ]


def plugs_of(home: Home, clock: SimClock) -> list[SimPlug]:
    """Return a plug for each appliance, makes in turn, before their host has started them."""
    makes = cycle((Shelly2Plug, Shelly1Plug, TasmotaPlug))
    outlets = [Outlet(home, device, clock) for device in home.kinds if device != MAINS]
    return [
        make(outlet, _PASSWORD if outlet.device in _WITH_LOGIN else None)
        # The makes go round without end.
        for outlet, make in zip(outlets, makes, strict=False)
    ]


def config_of(plugs: Sequence[SimPlug]) -> Config:
    """Return the settings that name these plugs: from here on they are as good as real ones."""
    devices = {
        plug.outlet.device: DeviceConfig(
            plug=plug.address, password=None if plug.password is None else Secret(plug.password)
        )
        for plug in plugs
    }
    return Config(site=SiteConfig(name=SITE, time_zone=TIME_ZONE), devices=devices)
