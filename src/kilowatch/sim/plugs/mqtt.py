"""What simulated plugs publish over MQTT: each make's own topics and payloads, on a steady interval."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from kilowatch.errors import ConfigError
from kilowatch.sim.plugs.outlet import PlugFault
from kilowatch.sim.plugs.shelly1 import Shelly1Plug
from kilowatch.sim.plugs.shelly2 import Shelly2Plug
from kilowatch.sim.plugs.tasmota import TasmotaPlug

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kilowatch.sim.plugs.plug import SimPlug

_SILENT = frozenset({PlugFault.DEAD, PlugFault.MUTE})


def messages(plug: SimPlug) -> list[tuple[str, bytes]]:
    """Return (topic, payload) of what a plug publishes when its time has come."""
    if isinstance(plug, Shelly2Plug):
        return [(f"{plug.identity}/events/rpc", msgspec.json.encode(_notification(plug)))]
    if isinstance(plug, Shelly1Plug):
        relay = f"shellies/{plug.identity}/relay/0"
        meter = plug.meter()
        word = b"on" if plug.outlet.is_on else b"off"
        power, energy = str(meter["power"]).encode(), str(meter["total"]).encode()
        return [(relay, word), (f"{relay}/energy", energy), (f"{relay}/power", power)]
    if isinstance(plug, TasmotaPlug):
        state = (f"tele/{plug.topic}/STATE", msgspec.json.encode(plug.state()))
        return [state, (f"tele/{plug.topic}/SENSOR", msgspec.json.encode(plug.sensor()))]
    raise ConfigError(f"A plug of make {plug.make} publishes nothing.", "Use another make.")


def topic_name(plug: SimPlug) -> str:
    """Return the name by which an MQTT source knows the plug."""
    return plug.topic if isinstance(plug, TasmotaPlug) else plug.identity


async def publish_steadily(
    plugs: Sequence[SimPlug], interval_s: float, publish: Callable[[str, bytes], object]
) -> None:
    """Publish what every plug says, each at its own place within the interval, until cancelled.

    Runs in the plugs' own thread, through `PlugHost.spawn`.
    """
    loop = asyncio.get_running_loop()
    start_s, turn = loop.time(), 0
    while True:
        for place, plug in enumerate(plugs):
            # From the start and not from the last one: sleeping for the interval would drift by what publishing takes.
            due_s = start_s + interval_s * (turn + place / len(plugs))
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            if plug.outlet.fault not in _SILENT:
                for topic, payload in messages(plug):
                    publish(topic, payload)
        turn += 1


def _notification(plug: Shelly2Plug) -> dict[str, object]:
    now_s = plug.outlet.clock.now_ms() / 1000
    params = {"ts": now_s, "switch:0": plug.status()}
    return {"src": plug.identity, "dst": f"{plug.identity}/events", "method": "NotifyStatus", "params": params}
