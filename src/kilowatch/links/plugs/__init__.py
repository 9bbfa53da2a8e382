"""Smart plugs over HTTP: read them, and where one is the actor, switch them."""

from kilowatch.links.plugs.address import PlugAddress, PlugMake, parse_address
from kilowatch.links.plugs.configured import http_settings, plug_of, poll_source
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
    "http_settings",
    "open_plug",
    "parse_address",
    "plug_of",
    "poll_source",
]
