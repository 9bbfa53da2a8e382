"""The promises that links keep: what the pipeline asks of the world outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.samples import Samples, Series


class SampleHistory(Protocol):
    """Past samples of every device, to learn from."""

    def append(self, samples: Samples) -> None:
        """Keep samples; within a device they come in event order."""

    def series(self, slot: int, record: DeviceRecord, from_ms: int, to_ms: int) -> Series:
        """Return a device's samples with from_ms <= ts_ms < to_ms; held ones are not usable."""
