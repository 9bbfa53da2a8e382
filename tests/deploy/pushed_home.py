"""A home whose readings are pushed to a processor: its past at once, and then a message a second."""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import msgspec
import numpy as np

from app.services import DEADLINE_S, TOKEN
from kilowatch.core.device import ActsBy, DeviceRecord, Kind
from kilowatch.core.events import WIRE_V, ReadingColumns
from kilowatch.links.wall import wall_ms

if TYPE_CHECKING:
    from numpy.typing import NDArray

SITE, HEATER, LAMP, METER, ROOF = "home", "heater", "lamp", "meter", "roof"
KINDS = {HEATER: Kind.HEATER, LAMP: Kind.LAMP, METER: Kind.METER, ROOF: Kind.UNKNOWN}
HOUR_MS, STEP_MS = 3_600_000, 30_000
PAST_STEPS = 30 * HOUR_MS // STEP_MS
"""More than the day for which devices are learnt."""
MOST_STEPS = 150


def records(plug: str) -> list[DeviceRecord]:
    """Return who lives there. It is about noon: today has quarters of an hour that are over, at any time of a run."""
    zone = f"Etc/GMT{wall_ms() // HOUR_MS % 24 - 12:+d}"
    found = [
        DeviceRecord(site=SITE, device=name, kind=kind, interval_s=30.0, protected=False, time_zone=zone)
        for name, kind in KINDS.items()
    ]
    return [msgspec.structs.replace(found[0], plug=plug, acts_by=ActsBy.CLOUD), *found[1:]]


@dataclass
class PushedHome:
    """Sends to a port, each message until it is taken. is_odd: set, and the heater jumps up and down from then on.

    The roof feeds the grid, which every cleaner rejects; beside each message goes one that nobody can read.
    """

    port: int
    is_odd: threading.Event = field(default_factory=threading.Event)
    is_over: threading.Event = field(default_factory=threading.Event)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def stop(self) -> None:
        self.is_over.set()
        self._thread.join(DEADLINE_S)

    def _live(self) -> None:
        past_ms = wall_ms() - STEP_MS * np.arange(PAST_STEPS, 0, -1)
        with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=40, trust_env=False) as client:
            for ts_ms in np.array_split(past_ms, PAST_STEPS // MOST_STEPS):
                self._push(client, self._message(ts_ms))
            while not self.is_over.wait(1.0):
                self._push(client, self._message(np.array([wall_ms()])))
                self._push(client, b"no reading")

    def _message(self, ts_ms: NDArray[np.int64]) -> bytes:
        heater_w = 500 + 300 * np.sin(ts_ms / HOUR_MS * np.pi / 12) + self.rng.normal(0, 15, len(ts_ms))
        if self.is_odd.is_set():
            heater_w = np.where(ts_ms // 1000 % 2 == 0, 9000.0, heater_w)
        lamp_w = 40 + self.rng.normal(0, 1, len(ts_ms))
        power_w = {HEATER: heater_w, LAMP: lamp_w, METER: heater_w + lamp_w + 100, ROOF: np.full(len(ts_ms), -50.0)}
        columns = ReadingColumns(
            v=WIRE_V,
            site=SITE,
            device=list(KINDS) * len(ts_ms),
            ts_ms=np.repeat(ts_ms, len(KINDS)).tolist(),
            power_w=np.stack([power_w[name] for name in KINDS], axis=1).round(1).ravel().tolist(),
        )
        return msgspec.json.encode(columns)

    def _push(self, client: httpx.Client, body: bytes) -> None:
        while not self._is_taken(client, body) and not self.is_over.wait(0.2):
            pass

    def _is_taken(self, client: httpx.Client, body: bytes) -> bool:
        try:
            answer = client.post(f"http://127.0.0.1:{self.port}/v1/readings", content=body)
        except httpx.HTTPError:
            return False
        return answer.status_code == http.client.NO_CONTENT
