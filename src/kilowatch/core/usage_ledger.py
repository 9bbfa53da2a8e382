"""Every device's days in the making, from clean readings: the one place where energy, cost and use are added up."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.clean_reasons import Outcome
from kilowatch.core.clean_values import LATEST_MS
from kilowatch.core.device import grown
from kilowatch.core.energy import Before, cut, share_out, stretch
from kilowatch.core.localtime import LocalTimes
from kilowatch.core.reading import EARLIEST_MS
from kilowatch.core.samples import hour_of_week
from kilowatch.core.usage import DAY_MS, DayRows, Quantity, Tally
from kilowatch.core.usage_days import DayCells
from kilowatch.core.usage_quarter import QuarterMeans
from kilowatch.core.usage_together import CoRunning

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.clean import CleanBatch
    from kilowatch.core.device import Fleet
    from kilowatch.core.energy import Pieces, Stretches
    from kilowatch.core.tariff import Tariff

_LAST = ("ts_ms", "power_mw", "register_ms")


class Ledger:
    """What every device of a fleet used; any cut of its readings into batches adds up to the same days.

    ts_ms, power_mw, register_ms int64[slots]: each device's last reading, and its last register reading.
    """

    frozen_also: ClassVar[tuple[str, ...]] = ("_known",)

    def __init__(self, fleet: Fleet, tariff: Tariff) -> None:
        self.fleet = fleet
        self.tariff = tariff
        self.days = DayCells()
        self.together = CoRunning(fleet)
        self.ts_ms = np.zeros(0, dtype=np.int64)
        self.power_mw = np.zeros(0, dtype=np.int64)
        self.register_ms = np.zeros(0, dtype=np.int64)
        self._quarters = QuarterMeans()
        self._times = LocalTimes()
        self._known = 0

    def reserve(self) -> None:
        """Take in devices that joined the fleet."""
        size = len(self.fleet)
        if size > len(self.ts_ms):
            room = max(64, 2 * size)
            for name in _LAST:
                setattr(self, name, grown(getattr(self, name), room))
            self.days.reserve(room)
            self._quarters.reserve(room)
        for slot in range(self._known, size):
            self.refresh(slot)
        self._known = size
        self.together.reserve()

    def refresh(self, slot: int) -> None:
        """Take over a device's time zone after its record was changed."""
        self._times.assign(slot, self.fleet.records[slot].time_zone)

    def observe(self, clean: CleanBatch) -> DayRows:
        """Take the readings of a batch; return the days that are over.

        The same day may be handed out more than once, after a clock went back or for readings rejected late: its
        parts belong together as `DayRows.merged` puts them.
        """
        self.reserve()
        gone = self._observe_kept(clean) if len(clean) else []
        if len(clean.rejected):
            gone += self.days.add_known(self._rejected(clean))
        return DayRows.join(gone)

    def close(self, slot: NDArray[np.int32], now_ms: NDArray[np.int64]) -> DayRows:
        """Return the days of silent devices that ended more than a day before now_ms [n]."""
        self.reserve()
        # Not at the first midnight: late readings and the register may still correct the day.
        return DayRows.join(self.days.close(slot, self._day(slot, now_ms) - 1))

    def local_day(self, now_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the local day of every device at its now_ms [slots], days since 1970."""
        return self._day(np.arange(len(self.fleet), dtype=np.int32), now_ms)

    def _day(self, slot: NDArray[np.int32], ts_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._times.local_ms(slot, ts_ms) // DAY_MS

    def _observe_kept(self, clean: CleanBatch) -> list[DayRows]:
        slot = clean.segments.slot
        before = Before(self.ts_ms[slot], self.power_mw[slot], self.register_ms[slot])
        rows, after = stretch(clean, before, self.fleet.hold_ms[clean.readings.slot])
        self.ts_ms[slot], self.power_mw[slot], self.register_ms[slot] = after.ts_ms, after.power_mw, after.register_ms
        fate = _Fate.of(clean, rows)
        # Before the batch is added: its first decider settles what earlier batches left loose, and nothing newer.
        decided = fate.first_decider >= 0
        self.days.decide(slot[decided], rows.step_uj[fate.first_decider[decided]] >= 0)
        tally = Tally()
        self._add_readings(tally, clean, rows)
        self._add_held(tally, rows, fate)
        self._add_silent(tally, rows, fate)
        self._add_register(tally, rows)
        return self.days.add(tally.rows())

    def _is_on(self, slot: NDArray[np.int32], power_mw: NDArray[np.int64]) -> NDArray[np.bool_]:
        return power_mw >= self.fleet.off_below_w[slot] * np.float64(1000.0)

    def _add_readings(self, tally: Tally, clean: CleanBatch, rows: Stretches) -> None:
        outcome = clean.outcome
        starts = rows.follows & self._is_on(rows.slot, rows.power_mw) & ~self._is_on(rows.slot, rows.before_mw)
        values = {
            Quantity.ACCEPTED: outcome == Outcome.ACCEPTED,
            Quantity.REPAIRED: outcome == Outcome.REPAIRED,
            Quantity.CYCLES: starts,
            Quantity.PEAK_MW: rows.power_mw,
        }
        tally.add(rows.slot, self._day(rows.slot, rows.until_ms), values)

    def _add_held(self, tally: Tally, rows: Stretches, fate: _Fate) -> None:
        pieces = cut(rows.from_ms, rows.held_ms)
        slot, power_mw = rows.slot[pieces.row], rows.before_mw[pieces.row]
        local_ms = self._times.local_ms(slot, pieces.low_ms)
        energy_uj = power_mw * pieces.lasts_ms
        on = self._is_on(slot, power_mw)
        loose, firm = fate.loose[pieces.row], fate.integrated[pieces.row]
        cost = self.tariff.cost_pico(energy_uj, hour_of_week(local_ms))
        values = {
            Quantity.INTEGRATED_UJ: energy_uj * firm,
            Quantity.LOOSE_UJ: energy_uj * loose,
            Quantity.COST_PICO: cost * firm,
            Quantity.LOOSE_COST_PICO: cost * loose,
            Quantity.HELD_MS: pieces.lasts_ms,
            Quantity.ON_MS: pieces.lasts_ms * on,
        }
        tally.add(slot, local_ms // DAY_MS, values)
        self.together.add(slot[on], local_ms[on], (local_ms + pieces.lasts_ms)[on])
        self._add_quarters(tally, slot, pieces, energy_uj)

    def _add_quarters(
        self, tally: Tally, slot: NDArray[np.int32], pieces: Pieces, energy_uj: NDArray[np.int64]
    ) -> None:
        done = self._quarters.add(slot, pieces.low_ms, pieces.lasts_ms, energy_uj)
        values = {Quantity.DEMAND_MW: done.mean_mw, Quantity.FLOOR_MW: done.mean_mw}
        tally.add(done.slot, self._day(done.slot, done.start_ms), values)

    def _add_silent(self, tally: Tally, rows: Stretches, fate: _Fate) -> None:
        pieces = cut(rows.held_ms, rows.until_ms)
        slot, lasts_ms = rows.slot[pieces.row], pieces.lasts_ms
        values = {
            Quantity.SILENT_MS: lasts_ms,
            Quantity.GAP_MS: lasts_ms * fate.integrated[pieces.row],
            Quantity.LOOSE_GAP_MS: lasts_ms * fate.loose[pieces.row],
        }
        tally.add(slot, self._day(slot, pieces.low_ms), values)

    def _add_register(self, tally: Tally, rows: Stretches) -> None:
        steps = np.flatnonzero(rows.step_uj >= 0)
        from_ms, until_ms = rows.register_ms[steps], rows.until_ms[steps]
        pieces = cut(from_ms, until_ms)
        slot = rows.slot[steps][pieces.row]
        energy_uj = share_out(rows.step_uj[steps], from_ms, until_ms, pieces)
        local_ms = self._times.local_ms(slot, pieces.low_ms)
        cost = self.tariff.cost_pico(energy_uj, hour_of_week(local_ms))
        tally.add(slot, local_ms // DAY_MS, {Quantity.REGISTER_UJ: energy_uj, Quantity.COST_PICO: cost})

    def _rejected(self, clean: CleanBatch) -> DayRows:
        """Count rejected readings on the day of their arrival; of an unset clock without one, nobody knows the day."""
        rejected = clean.rejected
        at_ms = rejected.filled("received_ms")
        known = (at_ms >= EARLIEST_MS) & (at_ms < LATEST_MS)
        slot = rejected.slot[known]
        tally = Tally()
        tally.add(slot, self._day(slot, at_ms[known]), {Quantity.REJECTED: np.ones(len(slot), dtype=np.int64)})
        return tally.rows()


class _Fate:
    """What becomes of the power held on the way to each row: taken for good, loose, or replaced by the register.

    integrated, loose: bool[n] · first_decider: intp[segments], the first row that settles what is loose, -1 for none.
    """

    __slots__ = ("first_decider", "integrated", "loose")

    def __init__(
        self, integrated: NDArray[np.bool_], loose: NDArray[np.bool_], first_decider: NDArray[np.intp]
    ) -> None:
        self.integrated, self.loose, self.first_decider = integrated, loose, first_decider

    @classmethod
    def of(cls, clean: CleanBatch, rows: Stretches) -> _Fate:
        segments, size = clean.segments, len(rows.slot)
        at = np.where(rows.decides, np.arange(size), size)
        decider = np.minimum.accumulate(at[::-1])[::-1]
        # Beyond the segment's end it is another device's.
        loose = decider > segments.ends[segments.of_row]
        # Held within the array for rows that no decider follows; these are loose.
        replaced = ~loose & (rows.step_uj[np.minimum(decider, size - 1)] >= 0)
        first = np.where(loose[segments.starts], -1, decider[segments.starts])
        return cls(~loose & ~replaced, loose, first)
