"""Labelled days of appliances: each faulty day is a normal day with labelled minutes put in.

A. Papaioannou et al., "Simulation of Malfunctions in Home Appliances' Power Consumption", Energies 17(17):4529, 2024.
Days are not consecutive. They are laid one after another here, each moved by whole weeks, so that time of day and day
of the week stay true; the window of a detector begins anew with each.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pyarrow import parquet

from kilowatch.errors import ReadingError
from kilowatch.lab.datasets import Family, folder
from kilowatch.lab.inject import Trace

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

INTERVAL_S = 60.0
WEEK_MS = 7 * 86_400_000
_HOUR_MS = 3_600_000
_FITS = 0.9
"""Share of unlabelled minutes that must be those of the normal day: the source has a few missing minutes."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day of an appliance: ts_ms int64[n] on its own clock, power_w float64[n], NaN where missing."""

    device: str
    day: int
    ts_ms: NDArray[np.int64]
    power_w: NDArray[np.float64]

    @property
    def trace(self) -> Trace:
        """The readings of the day."""
        return Trace(self.ts_ms, self.power_w, INTERVAL_S)

    @property
    def end_ms(self) -> int:
        """A minute after the last reading."""
        return int(self.ts_ms[-1]) + round(INTERVAL_S * 1000)

    def overlaps(self, other: Day) -> bool:
        """Whether both hold readings of the same hours: one then says what the other will be."""
        return self.ts_ms[0] < other.end_ms and other.ts_ms[0] < self.end_ms


D = TypeVar("D", bound=Day)


@dataclass(frozen=True, slots=True)
class FaultDay(Day):
    """The same day with a fault; label bool[n] marks the minutes that were put in."""

    fault: str
    label: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Appliance:
    """All days of one appliance; refused: faulty days that do not fit their normal day, and why."""

    device: str
    normal: tuple[Day, ...]
    faulty: tuple[FaultDay, ...]
    refused: tuple[str, ...]


def appliances() -> list[Appliance]:
    """Return every appliance of the data set that has normal days and faulty ones."""
    normal, faulty = _read(sorted(folder(Family.APPLIANCES).glob("*.parquet")))
    found = [_checked(device, normal[device], days) for device, days in faulty.items()]
    usable = [one for one in found if one.faulty and len(one.normal) > 1]
    if not usable:
        reasons = "; ".join(reason for one in found for reason in one.refused[:3]) or "no labelled day was found"
        raise ReadingError(
            f"No appliance can be measured: {reasons}.", "Normal days and labelled days are both needed."
        )
    return usable


def in_sequence(days: Iterable[D], after_ms: int, step_ms: int = WEEK_MS) -> list[D]:
    """Return the days one after another from after_ms on, each moved by whole steps, an hour apart at least."""
    placed: list[D] = []
    for day in days:
        # Minus the floor of the difference: the first place by whole steps that is not before `after_ms`.
        moved_ms = -((int(day.ts_ms[0]) - after_ms) // step_ms) * step_ms
        placed.append(replace(day, ts_ms=day.ts_ms + moved_ms))
        after_ms = placed[-1].end_ms + _HOUR_MS
    return placed


def _read(files: list[Path]) -> tuple[dict[str, list[Day]], dict[str, list[FaultDay]]]:
    normal: defaultdict[str, list[Day]] = defaultdict(list)
    faulty: defaultdict[str, list[FaultDay]] = defaultdict(list)
    for file in files:
        table = parquet.read_table(file)
        keys = [name for name in ("device", "fault", "day") if name in table.column_names]
        if not {"device", "day", "timestamp", "power_w"} <= set(table.column_names):
            raise ReadingError(
                f"{file} has the columns {', '.join(table.column_names)}.",
                "Expected device, day, timestamp, power_w, and fault and label where days are faulty.",
            )
        for rows in _groups(table, keys):
            if "label" in table.column_names:
                faulty[rows["device"]].append(_faulty(rows, file))
            else:
                normal[rows["device"]].append(_day(rows))
    return normal, faulty


def _groups(table: Any, keys: list[str]) -> Iterable[dict[str, Any]]:
    columns = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    named = np.array(["\n".join(map(str, row)) for row in zip(*(columns[key] for key in keys), strict=True)])
    edges = np.flatnonzero(np.append(True, named[1:] != named[:-1]))
    for first, after in zip(edges, np.append(edges[1:], len(named)), strict=True):
        rows = {name: column[first:after] for name, column in columns.items() if name not in keys}
        yield rows | {key: columns[key][first] for key in keys}


def _day(rows: dict[str, Any]) -> Day:
    ts_ms, onward = _onward(rows)
    return Day(str(rows["device"]), int(rows["day"]), ts_ms[onward], rows["power_w"].astype(np.float64)[onward])


def _faulty(rows: dict[str, Any], file: Path) -> FaultDay:
    label = rows["label"]
    if not np.isin(label, (0, 1)).all():
        raise ReadingError(f"{file} has labels other than 0 and 1.", "1 marks a minute that belongs to a fault.")
    day = _day(rows)
    marked = label.astype(np.bool_)[_onward(rows)[1]]
    return FaultDay(day.device, day.day, day.ts_ms, day.power_w, str(rows["fault"]), marked)


def _onward(rows: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the times of a day, and which rows do not step back behind an earlier one."""
    ts_ms = rows["timestamp"].astype("datetime64[ms]").astype(np.int64)
    return ts_ms, np.append(True, ts_ms[1:] > np.maximum.accumulate(ts_ms)[:-1])


def _checked(device: str, normal: list[Day], faulty: list[FaultDay]) -> Appliance:
    of_day = {day.day: day for day in normal}
    # By id: a day holds arrays, so it has no hash.
    wrong = {id(day): _misfit(day, of_day.get(day.day)) for day in faulty}
    kept = tuple(day for day in faulty if not wrong[id(day)])
    named = [f"{device}, {day.fault}, day {day.day}: {wrong[id(day)]}" for day in faulty if wrong[id(day)]]
    return Appliance(device, tuple(sorted(normal, key=lambda day: day.day)), kept, tuple(named))


def _misfit(faulty: FaultDay, normal: Day | None) -> str:
    """Return what is wrong with the labels of a faulty day, nothing where they fit."""
    if normal is None:
        return "its normal day is missing"
    if not faulty.label.any() or faulty.label.all():
        return "it has no labelled minute, or none that is not"
    rest = faulty.power_w[~faulty.label]
    size = min(len(rest), len(normal.power_w))
    same = np.isclose(rest[:size], normal.power_w[:size], equal_nan=True)
    if size < _FITS * len(rest) or same.mean() < _FITS:
        return "without the labelled minutes it is not its normal day, so the labels do not fit the series"
    return ""
