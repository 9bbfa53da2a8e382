"""From the address of a plug to the plug itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.errors import ConfigError
from kilowatch.links.plugs.address import PlugMake, parse_address
from kilowatch.links.plugs.assistant import HomeAssistantPlug
from kilowatch.links.plugs.http import HttpSettings
from kilowatch.links.plugs.makes import Shelly1, Shelly2, Tasmota

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.core.ports import Plug
    from kilowatch.links.plugs.address import PlugAddress
    from kilowatch.links.plugs.login import Assistant, Login


def open_plug(
    plug: str, settings: HttpSettings | None = None, login: Login | None = None, assistant: Assistant | None = None
) -> Plug:
    """Return the plug of an address; nothing is asked of it yet.

    `ConfigError` where the address makes no sense, or names Home Assistant and none is set.
    """
    settings = settings or HttpSettings()
    address = parse_address(plug)
    if address.make is PlugMake.HOME_ASSISTANT:
        if assistant is None:
            raise ConfigError(f"{plug} needs a Home Assistant.", "Set sources.home_assistant.url and token_file.")
        return HomeAssistantPlug(address, settings, assistant)
    makes: dict[PlugMake, Callable[[PlugAddress, HttpSettings, Login | None], Plug]] = {
        PlugMake.SHELLY2: Shelly2,
        PlugMake.SHELLY1: Shelly1,
        PlugMake.TASMOTA: Tasmota,
    }
    return makes[address.make](address, settings, login)
