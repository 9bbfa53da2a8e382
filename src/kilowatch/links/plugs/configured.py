"""The plugs that the settings name, with their logins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.links.plugs.http import HttpSettings
from kilowatch.links.plugs.login import Assistant, Login
from kilowatch.links.plugs.open import open_plug
from kilowatch.links.plugs.poll import PolledPlug, PollSource
from kilowatch.links.wall import wall_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.config import Config
    from kilowatch.core.ports import Plug
    from kilowatch.observability.metrics import Metrics
    from kilowatch.observability.presence import Presence


def http_settings(config: Config, metrics: Metrics | None = None) -> HttpSettings:
    """Return how plugs are spoken to; metrics: keeps the time that each answer took."""
    plugs = config.plugs
    seconds = None if metrics is None else metrics.histogram("kilowatch_plug_request_seconds").labels("poll")
    return HttpSettings(
        allowed_networks=tuple(plugs.allowed_networks),
        timeout_s=plugs.timeout_s,
        verify_tls=plugs.verify_tls,
        ca_file=plugs.ca_file,
        on_answer_s=None if seconds is None else seconds.observe,
    )


def plug_of(config: Config, device: str, address: str, settings: HttpSettings) -> Plug:
    """Return the plug at an address, with the login that the settings have for the device."""
    known = config.devices.get(device)
    login = None
    if known is not None and known.password is not None:
        login = Login(known.password, known.username)
    hub = config.sources.home_assistant
    assistant = None if hub.token is None or not hub.url else Assistant(hub.url, hub.token)
    return open_plug(address, settings, login, assistant)


def poll_source(
    config: Config,
    *,
    metrics: Metrics | None = None,
    presence: Presence | None = None,
    clock_ms: Callable[[], int] = wall_ms,
) -> PollSource | None:
    """Return the source that reads every plug of the settings that is to be polled, None where there is none."""
    poll = config.sources.poll
    settings = http_settings(config, metrics)
    polled = [
        PolledPlug(name, plug_of(config, name, device.plug, settings), device.interval_s or poll.interval_s)
        for name, device in config.devices.items()
        if device.plug is not None and device.poll
    ]
    if not poll.enabled or not polled:
        return None
    return PollSource(
        config.site.name, polled, presence=presence, backoff_most_s=poll.backoff_most_s, clock_ms=clock_ms
    )
