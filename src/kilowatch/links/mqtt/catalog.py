"""The devices that a source has met or been told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.core.device import DeviceRecord
    from kilowatch.links.source import OnDevices

# Names come from topics: whoever may publish could else fill our memory with them.
_MOST = 100_000


class Catalog:
    """Tells `on_devices` the whole list whenever somebody new is in it, or is told of with more than before."""

    def __init__(self, on_devices: OnDevices | None) -> None:
        self._on_devices = on_devices
        self._records: dict[str, DeviceRecord] = {}

    def meet(self, record: DeviceRecord) -> None:
        """Take in a device whose first message has come; what an announcement said of it stays."""
        if record.device not in self._records:
            self.tell([record])

    def tell(self, records: Sequence[DeviceRecord]) -> None:
        """Take in devices that were announced, but for those by whose names no database could know them."""
        news = [one for one in records if self._records.get(one.device) != one and "\0" not in one.device]
        if not news or len(self._records) + len(news) > _MOST:
            return
        self._records |= {record.device: record for record in news}
        if self._on_devices is not None:
            self._on_devices(list(self._records.values()))

    def __contains__(self, device: str) -> bool:
        return device in self._records
