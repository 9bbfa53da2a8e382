"""A simulated TV that goes wrong, its days, the models that are trained on them, and a Shelly plug that it hangs on."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from app.services import TOKEN
from kilowatch.core.device import Kind, first_seen
from kilowatch.core.events import WIRE_V, ReadingColumns
from kilowatch.core.phase import phase_of
from kilowatch.core.quantise import encode_watts
from kilowatch.core.samples import Series
from kilowatch.links.wall import wall_ms
from kilowatch.nets.card import Network
from kilowatch.nets.fit import TrainPlan
from kilowatch.nets.shapes import AutoencoderShape, EdgeClassifierShape, Shape
from kilowatch.nets.train import Trained, train
from kilowatch.nets.windows import Windows, cut, split_by_time
from kilowatch.sim.faults import Fault, FaultSpec
from kilowatch.sim.home import Home
from kilowatch.sim.household import TV
from kilowatch.sim.plugs import Outlet, PlugHost, SimClock
from kilowatch.sim.plugs.shelly2 import Shelly2Plug

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY_MS, STEP_MS = 86_400_000, 30_000
DAYS = 4
ODD_MS = 9 * 60_000
"""It has gone wrong so long ago: less than what is taken for history."""
WINDOW = 24
STRENGTH = 8.0
"""Of 40 W: far above what a TV ever draws; the classifier was taught it."""
GROSS = 40.0
"""What rebuilds badly however small the network: a short within the set."""
PASSWORD = "of a plug on loopback"  # noqa: S105 - made up


class Television:
    """One home with a TV whose clock is ours; for some minutes it has drawn far more than it should."""

    def __init__(self, strength: float = STRENGTH, seed: int = 3, odd_for_ms: int = ODD_MS) -> None:
        self.now_ms = wall_ms() // STEP_MS * STEP_MS
        self.odd_ms = self.now_ms - odd_for_ms
        self.home = Home(seed, (self.now_ms - DAYS * DAY_MS) // DAY_MS * DAY_MS, "UTC", appliances=(TV,))
        self.faults = [FaultSpec(Fault.PHANTOM_LOAD, "tv", self.odd_ms, strength=strength)]
        outlet = Outlet(self.home, "tv", SimClock(wall_ms()), self.faults)
        self.plug = Shelly2Plug(outlet, PASSWORD)
        self.host = PlugHost([self.plug])

    def messages(self, from_ms: int, to_ms: int, *, backfill: bool) -> Iterator[bytes]:
        """Readings of from_ms <= t < to_ms every 30 s, as a sender pushes them."""
        times = np.arange(from_ms, to_ms, STEP_MS, dtype=np.int64)
        watts = np.round(self.home.power_at("tv", times, self.faults), 1)
        for first in range(0, len(times), 2000):
            part = slice(first, first + 2000)
            yield message(times[part].tolist(), watts[part].tolist(), backfill=backfill)

    def past(self, stride: int = 1) -> Iterator[bytes]:
        """Days on which nothing was wrong, begun so that a detector of that stride looks at the last steps but one."""
        steps = (self.now_ms - self.home.start_ms) // STEP_MS
        skipped = (steps - 2 + phase_of("home", "tv")) % stride
        return self.messages(self.home.start_ms + skipped * STEP_MS, self.odd_ms, backfill=True)

    def lately(self) -> Iterator[bytes]:
        """The minutes in which it has gone wrong."""
        return self.messages(self.odd_ms, self.now_ms, backfill=False)

    def now(self) -> bytes:
        """What the plug's meter shows."""
        return message([wall_ms()], [self.host.call(self.plug.outlet.power_w)], backfill=False)

    def offs(self) -> int:
        """How often the plug was told to switch off, by its own log."""
        return sum(seen.switched is False for seen in self.plug.seen)

    def settings(self) -> str:
        """The TV in the settings: armed by nothing but a person."""
        return (
            f'[devices.tv]\nkind = "tv"\nplug = "{self.plug.address}"\ninterval_s = 30\n'
            "poll = false\n[policy]\ndry_run = false\n"
        )


def message(ts_ms: list[int], power_w: list[float], *, backfill: bool) -> bytes:
    flags = [True] * len(ts_ms) if backfill else None
    columns = ReadingColumns(
        v=WIRE_V, site="home", device=["tv"] * len(ts_ms), ts_ms=ts_ms, power_w=power_w, backfill=flags
    )
    return msgspec.json.encode(columns)


HEADERS = {"Authorization": f"Bearer {TOKEN}"}
SHAPES: dict[Network, Shape] = {
    Network.AUTOENCODER: AutoencoderShape(window=WINDOW, filters=6, kernel=5, units=12, latent=6, dropout=0.0),
    Network.EDGE_CLASSIFIER: EdgeClassifierShape(window=WINDOW, filters=6, units=6),
}


@lru_cache
def trained(network: Network) -> Trained:
    """A small network that knows the TVs of other homes, and for the classifier how they go wrong."""
    sound = Windows.join([cut(_days(seed, ()), WINDOW, 6) for seed in (11, 12)])
    windows = sound
    if network is Network.EDGE_CLASSIFIER:
        faulty = [FaultSpec(Fault.PHANTOM_LOAD, "tv", 0, strength=strength) for strength in (2.0, STRENGTH)]
        odd = [cut(_days(20 + n, (one,)), WINDOW, 12, abnormal=True) for n, one in enumerate(faulty)]
        windows = Windows.join([sound, *odd])
    plan = TrainPlan(epochs=12, batch=32, patience=0, learning_rate=5e-3)
    return train(*split_by_time(windows, 0.25), SHAPES[network], plan)


def _days(seed: int, faults: tuple[FaultSpec, ...]) -> Series:
    start_ms = 1_767_571_200_000
    home = Home(seed, start_ms, "UTC", appliances=(TV,))
    ts_ms = np.arange(start_ms + STEP_MS, start_ms + 3 * DAY_MS, STEP_MS, dtype=np.int64)
    own = [FaultSpec(fault.name, "tv", start_ms, strength=fault.strength) for fault in faults]
    power_w = encode_watts(home.power_at("tv", ts_ms, own))
    record = first_seen("school", f"tv {seed}", Kind.TV, interval_s=30.0)
    count = np.arange(1, len(ts_ms) + 1, dtype=np.int64)
    return Series(record, ts_ms, ts_ms, power_w, count, np.ones(len(ts_ms), dtype=np.bool_))
