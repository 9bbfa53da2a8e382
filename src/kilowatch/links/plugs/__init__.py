"""Smart plugs over HTTP: read them, and where one is the actor, switch them."""

from kilowatch.links.plugs.address import PlugAddress, PlugMake, parse_address
from kilowatch.links.plugs.http import HttpSettings
from kilowatch.links.plugs.login import Assistant, Login
from kilowatch.links.plugs.open import open_plug
from kilowatch.links.plugs.poll import PolledPlug, PollSource

__all__ = [
    "Assistant",
    "HttpSettings",
    "Login",
    "PlugAddress",
    "PlugMake",
    "PollSource",
    "PolledPlug",
    "open_plug",
    "parse_address",
]
