"""Pages to readings: columns in, a `ReadingBatch` out, unreadable rows counted and left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from kilowatch.core.device import first_seen
from kilowatch.core.reading import ReadingBatch
from kilowatch.links.files.cells import Cells, is_text, numbers, plain_text, switches, unit_factors, watts_with_units
from kilowatch.links.files.kinds import kind_of
from kilowatch.links.files.names import NameColumn
from kilowatch.links.files.times import Times, read_times
from kilowatch.links.files.zones import LocalClock

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.device import DeviceRecord, Fleet
    from kilowatch.links.files.layout import Layout
    from kilowatch.links.files.pages import Page
    from kilowatch.links.files.source import Problems


class Decoder:
    """Turns the pages of one pass over a table into readings of a fleet's devices."""

    def __init__(self, layout: Layout, fleet: Fleet, problems: Problems) -> None:
        self.layout = layout
        self.fleet = fleet
        self.problems = problems
        self.clock = LocalClock(layout.zone)
        self._slots: dict[tuple[str, str], int] = {}

    def batch(self, page: Page) -> ReadingBatch:
        """Return the readable rows of a page, in order."""
        layout = self.layout
        times, (power, no_unit) = self._times(page.table), self._power(page.table)
        site = NameColumn.of(page, layout.site_column, layout.site)
        device = NameColumn.of(page, layout.device_column, layout.device)
        bad = self._left_out(page, times, power, no_unit, site.missing | device.missing)
        ts_ms, power_w = times.ms, power.value
        # Before slots are given: a row that is left out must not found a device.
        if bad.any():
            page, ts_ms, power_w = page.keep(~bad), ts_ms[~bad], power_w[~bad]
            site, device = site.keep(~bad), device.keep(~bad)
        slot = self._slot(site, device)
        return ReadingBatch(
            slot=slot,
            ts_ms=ts_ms if layout.shape.zoned else self.clock.to_utc(ts_ms, slot),
            power_w=power_w,
            energy_wh=self._optional(page, layout.energy, layout.energy_wh, np.float64),
            voltage_v=self._optional(page, layout.voltage, 1.0, np.float32),
            current_a=self._optional(page, layout.current, 1.0, np.float32),
            on=None if layout.on is None else switches(page.column(layout.on)),
        )

    def _times(self, table: Any) -> Times:
        columns = [table.column(name).combine_chunks() for name in self.layout.time]
        if len(columns) == 1:
            return read_times(columns[0], self.layout.shape)
        joined = pc.binary_join_element_wise(*(plain_text(column) for column in columns), " ")
        return read_times(joined, self.layout.shape)

    def _power(self, table: Any) -> tuple[Cells, NDArray[np.bool_]]:
        """Return watts, and where the row's unit is no unit of power."""
        layout, column = self.layout, table.column(self.layout.power).combine_chunks()
        none = np.zeros(len(column), dtype=np.bool_)
        if layout.unit_in_cells:
            return watts_with_units(column, layout.power_unit.watts, decimal_comma=layout.decimal_comma), none
        cells = numbers(column, layout.decimal_comma)
        if layout.unit_column is not None:
            units = table.column(layout.unit_column).combine_chunks()
            factor = unit_factors(units, layout.power_unit.watts)
            return Cells(cells.value * factor, cells.bad), np.isnan(factor)
        watts = layout.power_unit.watts
        return (cells if watts == 1.0 else Cells(cells.value * watts, cells.bad)), none

    def _left_out(
        self,
        page: Page,
        times: Times,
        power: Cells,
        no_unit: NDArray[np.bool_],
        unnamed: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        """Return which rows are no readings, and count each under its first reason; blank lines are no rows."""
        bad = times.bad | power.bad | no_unit | unnamed
        if not bad.any():
            return bad
        left = bad & ~np.logical_and.reduce([_blank(page.column(name)) for name in page.table.column_names])
        for reason, mask in (
            ("The time cannot be read.", times.bad),
            ("The power is not a number.", power.bad),
            ("The unit is not W, kW or MW.", no_unit),
            ("The row names no device.", unnamed),
        ):
            self.problems.add_rows(page.path, reason, page.row[left & mask], page.raw(left & mask))
            # Taken out, so that a row with two faults is counted once.
            left &= ~mask
        return bad

    def _slot(self, site: NameColumn, device: NameColumn) -> NDArray[np.int32]:
        pairs, row_of = site.pairs(device)
        return np.array([self._slot_of(*pair) for pair in pairs], dtype=np.int32)[row_of]

    def _slot_of(self, site: str, device: str) -> int:
        key = (site, device)
        if key not in self._slots:
            known = self.fleet.slot(site, device)
            self._slots[key] = self.fleet.add(self._record(site, device)) if known is None else known
        return self._slots[key]

    def _record(self, site: str, device: str) -> DeviceRecord:
        kind = self.layout.kind or kind_of(device, site)
        return first_seen(site, device, kind, time_zone=self.layout.zone, source=self.layout.source)

    def _optional(self, page: Page, name: str | None, factor: float, dtype: type[Any]) -> NDArray[Any] | None:
        """Return a column whose unreadable cells are counted but never cost the reading."""
        if name is None:
            return None
        cells = numbers(page.column(name), self.layout.decimal_comma)
        if cells.bad.any():
            reason = f"{name} is not a number; the reading is kept without it."
            self.problems.add_rows(page.path, reason, page.row[cells.bad], page.raw(cells.bad), lost=False)
        with np.errstate(over="ignore"):
            return (cells.value * factor).astype(dtype)


def _blank(column: Any) -> NDArray[np.bool_]:
    known = plain_text(column) if is_text(column) else column
    return known.is_null().to_numpy(zero_copy_only=False)
