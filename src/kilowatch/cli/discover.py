"""`kilowatch discover`: which smart plugs are there, and the lines of the settings that would name them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from kilowatch.cli.database import AsJson, ConfigFile
from kilowatch.config import Config, load_config
from kilowatch.core.outputs_live import DiscoverOutput, FoundPlug
from kilowatch.errors import KilowatchError

if TYPE_CHECKING:
    from kilowatch.core.device import DeviceRecord
    from kilowatch.links.mdns import Announced

_GEN1 = re.compile(r"shelly(?:plug|plug-s|plug-u1|1|1pm|1l|em|swsw|switch|switch25)?-[0-9a-f]{6,12}", re.IGNORECASE)


def discover(
    lasts: Annotated[float, typer.Option("--for", min=0.5, help="How long to listen, s.")] = 5.0,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Find smart plugs: those that announce themselves on this network, and those that speak to your brokers."""
    settings = load_config(config).config
    console = Console(stderr=as_json, highlight=False)
    console.print(f"Listening for {lasts:g} s ...", style="dim")
    output = found_plugs(settings, lasts)
    if as_json:
        typer.echo(msgspec.json.encode(output))
        return
    _show(console, output)


def found_plugs(config: Config, lasts: float) -> DiscoverOutput:
    """Return every plug that answers or speaks, and the ways that could not be tried."""
    plugs: dict[str, FoundPlug] = {}
    missing: list[str] = []
    try:
        from kilowatch.links.mdns import browse

        plugs |= {one.name: _announced(one, config) for one in browse(lasts) if _make(one)}
    except KilowatchError as error:
        missing.append(f"mDNS: {error} {error.hint}")
    for label, broker in config.sources.mqtt.items():
        from kilowatch.links.mqtt.visit import visit

        try:
            seen = visit(broker, config.site, lasts)
        except KilowatchError as error:
            missing.append(f"MQTT {label}: {error} {error.hint}")
            continue
        if seen.problem:
            missing.append(f"MQTT {label}: {broker.host}:{broker.port}: {seen.problem}.")
        for record in seen.devices.values():
            # A plug that announced itself stays: that tells the address at which it can be called.
            plugs.setdefault(record.device, _spoken(record, label, config))
    if not config.sources.mqtt:
        missing.append("MQTT: the settings name no broker; add [sources.mqtt.NAME], then plugs that speak to it show.")
    return DiscoverOutput(plugs=sorted(plugs.values(), key=lambda plug: plug.name), missing=missing)


def _make(one: Announced) -> str | None:
    """Return the make behind an announcement, None where it is no plug's."""
    if one.texts.get("gen", "").isdigit() and int(one.texts["gen"]) >= 2:
        return "shelly2"
    # The first generation tells what it is by its name alone.
    if _GEN1.fullmatch(one.name):
        return "shelly1"
    return "tasmota" if one.name.lower().startswith("tasmota") else None


def _announced(one: Announced, config: Config) -> FoundPlug:
    make = _make(one) or ""
    # Shelly numbers its switches from 0, Tasmota its relays from 1.
    address = f"{make}://{one.host}/{1 if make == 'tasmota' else 0}"
    known = any(
        device.plug is not None and f"://{one.host}/" in f"{device.plug}/" for device in config.devices.values()
    )
    return FoundPlug(name=one.name, make=make, by="mdns", address=address, known=known)


def _spoken(record: DeviceRecord, label: str, config: Config) -> FoundPlug:
    return FoundPlug(
        name=record.device,
        make="mqtt",
        by=f"mqtt:{label}",
        address=record.plug,
        known=record.device in config.devices,
    )


def _show(console: Console, output: DiscoverOutput) -> None:
    for plug in output.plugs:
        known = " [dim](in the settings already)[/]" if plug.known else ""
        console.print(f"[bold]{escape(plug.name)}[/]  {plug.by}  {plug.address or 'speaks for itself'}{known}")
    fresh = [plug for plug in output.plugs if plug.address is not None and not plug.known]
    if fresh:
        console.print("\nFor kilowatch.toml, under names of your own:\n")
    for plug in fresh:
        console.print(
            f'\\[devices.{plug.name.replace(".", "-")}]\nplug = "{plug.address}"\nkind = "unknown"\n', markup=True
        )
    if not output.plugs:
        console.print("No plug was found.")
    for way in output.missing:
        console.print(f"[yellow]not tried[/] {escape(way)}")
