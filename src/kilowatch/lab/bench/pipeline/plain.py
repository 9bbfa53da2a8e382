"""The same job in plain Python, an object for each device, one message at a time: what the service is compared with."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from kilowatch.core.events import Reading
from kilowatch.core.window import WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOUR_MS = 3_600_000
_ALPHA = 0.1
_LIMIT = 8.0
_LIMIT_W = 1e6
_OFF_W = 2.0


@dataclass(slots=True)
class _Device:
    """One device: its window, how it usually is by the hour of the day, and how long it has been on and unchanged."""

    window: deque[float] = field(default_factory=lambda: deque([0.0], maxlen=WINDOW))
    newest_ms: int = 0
    mean_w: float = 0.0
    variance: float = 0.0
    # A spread so wide that the first reading of an hour is never odd.
    hours: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 1e4)] * 24)
    unchanged: int = 0
    on_since_ms: int = 0
    odd: int = 0
    is_open: bool = False


class Plain:
    """Cleans, keeps a window, scores by level, hour, jump, flatness and run length, and confirms 2 of 3."""

    def __init__(self) -> None:
        self.incidents = 0
        self._devices: dict[tuple[str, str], _Device] = {}
        self._decode = msgspec.json.Decoder(Reading).decode

    def take_all(self, messages: Iterable[bytes]) -> None:
        """Judge messages in their order."""
        for raw in messages:
            self.take(raw)

    def take(self, raw: bytes) -> None:
        """Judge one message."""
        reading = self._decode(raw)
        key = reading.site, reading.device
        device = self._devices.get(key)
        if device is None:
            device = self._devices[key] = _Device()
        if reading.ts_ms <= device.newest_ms or not 0.0 <= reading.power_w < _LIMIT_W:
            return
        device.newest_ms = reading.ts_ms
        score = max(_by_level(device, reading.power_w), _by_hour(device, reading), _by_rest(device, reading))
        device.odd = (device.odd << 1 | (score > _LIMIT)) & 7
        is_open = device.odd.bit_count() >= 2
        self.incidents += is_open and not device.is_open
        device.is_open = is_open
        device.window.append(reading.power_w)


def _by_level(device: _Device, power_w: float) -> float:
    step_w = power_w - device.mean_w
    score = abs(step_w) / (device.variance**0.5 + 10.0)
    device.mean_w += _ALPHA * step_w
    device.variance = (1 - _ALPHA) * (device.variance + _ALPHA * step_w * step_w)
    return score


def _by_hour(device: _Device, reading: Reading) -> float:
    hour = reading.ts_ms // _HOUR_MS % 24
    usual_w, spread_w = device.hours[hour]
    off_w = abs(reading.power_w - usual_w)
    device.hours[hour] = (usual_w + _ALPHA * (reading.power_w - usual_w), spread_w + _ALPHA * (off_w - spread_w))
    return off_w / (spread_w + 1.0)


def _by_rest(device: _Device, reading: Reading) -> float:
    before_w = device.window[-1]
    device.unchanged = device.unchanged + 1 if reading.power_w == before_w else 0
    device.on_since_ms = (device.on_since_ms or reading.ts_ms) if reading.power_w > _OFF_W else 0
    on_h = (reading.ts_ms - device.on_since_ms) / _HOUR_MS if device.on_since_ms else 0.0
    jump = abs(reading.power_w - before_w) / (max(device.window) + 10.0)
    return max(jump, device.unchanged / 240, on_h / 240)
