"""What only numbers tell: kW or W where the name is silent, and whether a register counts up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import Kind
from kilowatch.core.segments import Segments
from kilowatch.links.files.kinds import kind_of
from kilowatch.links.files.source import PowerUnit
from kilowatch.links.files.words import ColumnWords

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.core.reading import ReadingBatch
    from kilowatch.links.files.layout import Layout
    from kilowatch.links.files.source import ReadOptions

_COUNTS_UP = 0.98
_HOUR_MS = 3_600_000
_LARGEST_HOME_KW = 40.0


def refine(layout: Layout, pieces: Sequence[ReadingBatch], options: ReadOptions) -> Layout:
    """Return the layout with units and register settled by decoded pieces of the file."""
    read_as = layout.power_unit
    if layout.energy is not None:
        layout = _checked_register(layout, pieces)
    told = layout.unit_in_cells or layout.unit_column is not None or options.unit is not None
    if not told and ColumnWords.of(layout.power).unit is None:
        layout = _guessed_unit(layout, pieces)
    return _scaled_register(layout, pieces, layout.power_unit.watts / read_as.watts)


def _steps(piece: ReadingBatch, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return hours and growth between neighbouring readings of each device, where both are known."""
    order, segments = Segments.sort(piece.slot)
    inner = np.ones(len(order), dtype=np.bool_)
    inner[segments.starts] = False
    hours = np.diff(piece.ts_ms[order], prepend=0) / _HOUR_MS
    grown = np.diff(values[order], prepend=0.0)
    known = inner & np.isfinite(grown)
    return hours[known], grown[known]


def _checked_register(layout: Layout, pieces: Sequence[ReadingBatch]) -> Layout:
    """Leave out an energy column that does not count up: it holds the energy of each interval."""
    grown = [_steps(piece, piece.energy_wh)[1] for piece in pieces if piece.energy_wh is not None]
    every = np.concatenate(grown) if grown else np.empty(0)
    if len(every) and np.mean(every >= 0) < _COUNTS_UP:
        said = f"{layout.energy} does not count up and is left out"
        return replace(layout, energy=None, energy_wh=1.0, said=(*layout.said, said))
    return layout


def _guessed_unit(layout: Layout, pieces: Sequence[ReadingBatch]) -> Layout:
    """Settle W or kW: by volts times amperes where there are both, else by size for a whole home or building."""
    ratio = _apparent_ratio(pieces)
    if ratio is not None:
        # Volt-amperes are one to some ten times the watts, as power factors go: 100 lies between W and kW.
        unit = PowerUnit.KW if ratio > 100 else PowerUnit.W
        return replace(layout, power_unit=unit, said=(*layout.said, f"{unit} by voltage and current"))
    power = np.concatenate([piece.power_w for piece in pieces]) if pieces else np.empty(0)
    power = power[np.isfinite(power)]
    # kW come with fractions; whole numbers up to 40 are rather the watts of something small.
    small = len(power) > 0 and np.abs(power).max() <= _LARGEST_HOME_KW and bool(np.any(power % 1 != 0))
    meter = (layout.kind or kind_of(layout.device, layout.power, layout.site)) is Kind.METER
    if small and meter:
        said = "kW by its size; say --unit W if not"
        return replace(layout, power_unit=PowerUnit.KW, said=(*layout.said, said))
    return replace(layout, said=(*layout.said, "W, as nothing says kW"))


def _apparent_ratio(pieces: Sequence[ReadingBatch]) -> float | None:
    """Return the median of volts x amperes over the power as read."""
    ratios = []
    for piece in pieces:
        if piece.voltage_v is None or piece.current_a is None:
            continue
        apparent = piece.voltage_v.astype(np.float64) * piece.current_a
        known = np.isfinite(apparent) & np.isfinite(piece.power_w) & (piece.power_w > 0) & (apparent > 0)
        ratios.append(apparent[known] / piece.power_w[known])
    every = np.concatenate(ratios) if ratios else np.empty(0)
    return float(np.median(every)) if len(every) >= 8 else None


def _scaled_register(layout: Layout, pieces: Sequence[ReadingBatch], scale: float) -> Layout:
    """Take a register whose name tells no unit for kWh where it grows a thousandth of what the power amounts to."""
    if layout.energy is None or ColumnWords.of(layout.energy).energy_wh is not None:
        return layout
    used_wh = counted = 0.0
    for piece in pieces:
        if piece.energy_wh is None or not np.isfinite(piece.power_w).any():
            continue
        hours, grown = _steps(piece, piece.energy_wh)
        near = (hours > 0) & (hours < 1) & (grown >= 0)
        used_wh += scale * float(np.mean(piece.power_w[np.isfinite(piece.power_w)]) * hours[near].sum())
        counted += float(grown[near].sum())
    # In the middle, as factors go, between 1 for Wh and 1000 for kWh.
    if used_wh > 0 and 0 < counted < used_wh / 30:
        said = f"{layout.energy} in kWh by its growth"
        return replace(layout, energy_wh=1000.0, said=(*layout.said, said))
    return layout
