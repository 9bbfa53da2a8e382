"""The promises that links keep: what the pipeline asks of the world outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.history import HistorySeries
    from kilowatch.core.samples import Samples, Series


class SampleHistory(Protocol):
    """Past samples of every device, to learn from."""

    def append(self, samples: Samples) -> None:
        """Keep samples; within a device they come in event order."""

    def series(self, slot: int, record: DeviceRecord, from_ms: int, to_ms: int) -> Series:
        """Return a device's samples with from_ms <= ts_ms < to_ms; held ones are not usable."""


@dataclass(frozen=True, slots=True)
class PlugReading:
    """What a plug says of itself; None where it does not know.

    on: the switch · power_w W · energy_wh Wh · voltage_v V · current_a A · changed_ms: when the switch last changed,
    ms UTC, where the plug itself keeps that (Home Assistant's last_changed).
    """

    on: bool
    power_w: float | None = None
    energy_wh: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    changed_ms: int | None = None


class Plug(Protocol):
    """A switch with a meter. Both calls raise `PlugError` where it does not answer or makes no sense."""

    def read(self) -> PlugReading:
        """Ask how it stands."""

    def switch_off(self) -> None:
        """Tell it to switch off; what it did, only the next reading says."""

    def switch_on(self) -> None:
        """Tell it to switch on, on a person's word alone."""

    def close(self) -> None:
        """Let its connections go."""


class History(Protocol):
    """What people look at: five-minute buckets of everything, and on an edge single samples of incidents."""

    def query(self, site: str, device: str, from_ms: int, to_ms: int, points: int) -> HistorySeries:
        """Return a device's past between two times in at most `points` (2 or more) buckets, at the finest level kept.

        A sample stands for the interval that it ends: from_ms < ts_ms <= to_ms.
        """

    def expire(self, now_ms: int) -> None:
        """Forget what is older than its level is kept."""

    def erase(self, site: str, device: str) -> None:
        """Forget a device."""
