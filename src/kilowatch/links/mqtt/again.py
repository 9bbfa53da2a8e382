"""Reading kept messages of a broker once more, as the settings have it now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.core.localtime import zone
from kilowatch.links.decode.overlay import Overlay, encoded
from kilowatch.links.decode.report import Report, UndecodableError
from kilowatch.links.mqtt.vendors import Vendors

if TYPE_CHECKING:
    from kilowatch.config.sections import SiteConfig
    from kilowatch.config.sources import MqttConfig


class KeptReader:
    """Decodes messages of one broker in the order in which they came. label: its name in the settings.

    Units and topics that Home Assistant had announced are not known here: what hangs on them stays undecodable.
    """

    def __init__(self, label: str, config: MqttConfig, site: SiteConfig) -> None:
        self.source = f"mqtt:{label}"
        self._vendors = Vendors(config, site.name, self.source, zone(site.time_zone))
        self._overlay = Overlay(site.name, self.source)

    def read(self, topic: str, payload: bytes, received_ms: int, *, is_retained: bool) -> bytes | None:
        """Return a message of the contract, None where it says no reading; `UndecodableError` with the reason."""
        said = self._vendors.decode(topic, payload, received_ms)
        if said.is_raw:
            return payload
        if not (said.reports or said.devices or said.subscribe):
            raise UndecodableError("no vendor or mapping of the settings reads its topic")
        reports = [report for report in said.reports if isinstance(report, Report)]
        laid = (self._overlay.reading(report, received_ms, is_retained=is_retained) for report in reports)
        readings = [reading for reading in laid if reading is not None]
        return encoded(readings) if readings else None
