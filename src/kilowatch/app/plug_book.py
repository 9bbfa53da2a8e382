"""From a device's record to its plug, with the login and the networks that the settings allow."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from kilowatch.links.plugs import HttpSettings, Login, PolledPlug, open_plug
from kilowatch.links.plugs.login import Assistant

if TYPE_CHECKING:
    from kilowatch.config.sections import Config
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.ports import Plug
    from kilowatch.observability import Metrics


class PlugBook:
    """Opens plugs and keeps them open; safe to share between threads. metrics: keeps the time that answers took."""

    def __init__(self, config: Config, metrics: Metrics | None = None) -> None:
        self._devices = config.devices
        plugs = config.plugs
        self._settings = self._polling = HttpSettings(
            allowed_networks=tuple(plugs.allowed_networks),
            timeout_s=plugs.timeout_s,
            verify_tls=plugs.verify_tls,
            ca_file=plugs.ca_file,
        )
        if metrics is not None:
            seconds = metrics.histogram("kilowatch_plug_request_seconds")
            self._settings = replace(self._settings, on_answer_s=seconds.labels("actor").observe)
            self._polling = replace(self._settings, on_answer_s=seconds.labels("poll").observe)
        home = config.sources.home_assistant
        self._assistant = Assistant(home.url, home.token) if home.url and home.token is not None else None
        self._open: dict[str, Plug] = {}
        self._lock = threading.Lock()

    def plug_of(self, record: DeviceRecord) -> Plug | None:
        """Return the plug of a device, None where its record names none; `ConfigError` where that makes no sense."""
        if record.plug is None:
            return None
        with self._lock:
            # Within the lock: two threads that ask at once must not open one plug twice.
            if record.plug not in self._open:
                login = self._login(record.device)
                self._open[record.plug] = open_plug(record.plug, self._settings, login, self._assistant)
            return self._open[record.plug]

    def polled(self, records: list[DeviceRecord], usual_s: float) -> list[PolledPlug]:
        """Return the plugs that are to be read, each with a connection of its own: reading waits for no switching."""
        out = []
        for record in records:
            known = self._devices.get(record.device)
            # A plug that a broker told us of is heard there already: polled too, each of its readings would come twice.
            is_wanted = known.poll if known is not None else not record.source.startswith("mqtt:")
            if record.plug is not None and is_wanted:
                plug = open_plug(record.plug, self._polling, self._login(record.device), self._assistant)
                out.append(PolledPlug(record.device, plug, record.interval_s or usual_s))
        return out

    def close(self) -> None:
        """Let all connections go."""
        with self._lock:
            for plug in self._open.values():
                plug.close()
            self._open.clear()

    def _login(self, device: str) -> Login | None:
        known = self._devices.get(device)
        return None if known is None or known.password is None else Login(known.password, known.username)
