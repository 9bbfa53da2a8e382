"""Addresses of plugs as device records have them, without any password."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, urlsplit

from kilowatch.errors import ConfigError

_ENTITY = re.compile(r"[a-z_]+\.[a-z0-9_]+")


class PlugMake(StrEnum):
    """Whose HTTP interface a plug has."""

    SHELLY2 = "shelly2"
    SHELLY1 = "shelly1"
    TASMOTA = "tasmota"
    HOME_ASSISTANT = "homeassistant"

    @property
    def first_channel(self) -> int:
        """The number of a plug's first switch."""
        return 1 if self is PlugMake.TASMOTA else 0


_ASKED = [f"{make}://HOST/{make.first_channel}" for make in PlugMake if make is not PlugMake.HOME_ASSISTANT]
_HINT = f"Write it as {', '.join(_ASKED)} or homeassistant:switch.NAME."


@dataclass(frozen=True, slots=True)
class PlugAddress:
    """Where a plug is. base: http://HOST:PORT, empty for Home Assistant. channel: which of its switches.

    entity, power_entity, energy_entity: Home Assistant's names, where the make is that.
    """

    make: PlugMake
    base: str = ""
    channel: int = 0
    entity: str = ""
    power_entity: str | None = None
    energy_entity: str | None = None


def parse_address(plug: str) -> PlugAddress:
    """Return the parts of an address; `ConfigError` where it is none or holds a password.

    MAKE://HOST[:PORT][/CHANNEL], with MAKE+https for TLS; homeassistant:switch.NAME[?power=sensor.X&energy=sensor.Y].
    """
    try:
        parts = urlsplit(plug)
        make = PlugMake(parts.scheme.removesuffix("+https"))
        port = parts.port
    # Of all three: brackets that make no host, a make that is none, a port that is no number.
    except ValueError as error:
        raise ConfigError(f"{plug!r} is no address of a plug.", _HINT) from error
    if parts.username is not None or parts.password is not None:
        raise ConfigError("The address of a plug holds a login.", "Set username and password_file of the device.")
    if make is PlugMake.HOME_ASSISTANT:
        return _of_home_assistant(plug, parts.path, parts.query)
    channel = parts.path.strip("/") or str(make.first_channel)
    if not parts.hostname or not re.fullmatch(r"\d{1,3}", channel) or parts.query or parts.fragment:
        raise ConfigError(f"{plug!r} is no address of a plug.", _HINT)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    scheme = "https" if parts.scheme.endswith("+https") else "http"
    return PlugAddress(make, f"{scheme}://{host}" + (f":{port}" if port else ""), int(channel))


def _of_home_assistant(plug: str, entity: str, query: str) -> PlugAddress:
    named = dict(parse_qsl(query))
    if not all(_ENTITY.fullmatch(name) for name in (entity, *named.values())) or not named.keys() <= {
        "power",
        "energy",
    }:
        raise ConfigError(f"{plug!r} names no entity of Home Assistant.", _HINT)
    return PlugAddress(
        PlugMake.HOME_ASSISTANT, entity=entity, power_entity=named.get("power"), energy_entity=named.get("energy")
    )
