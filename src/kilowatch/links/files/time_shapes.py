"""Guessing how times are written, from a sample of a column."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa

from kilowatch.links.files.cells import is_text, numbers, plain_text
from kilowatch.links.files.times import TimeForm, TimeShape, read_times

_LOOK = 64
_ENOUGH = 0.6
_FIRST_S, _LAST_S = 946_684_800.0, 4_102_444_800.0
_COMPACT = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_DATE = re.compile(
    r"^(?P<a>\d{1,4})(?P<sep>[./-])\d{1,2}(?P=sep)(?P<c>\d{1,4})"
    r"(?:(?P<gap>,? |T)\d{1,2}:\d{2}(?P<second>:\d{2}(?P<fraction>[.,]\d+)?)?(?P<half> ?[AaPp][Mm])?)?$"
)


def guess_shape(column: Any, day_first: bool | None = None, named: bool = True) -> TimeShape | None:
    """Return how a sample's times are written, None where they are no times.

    A bare number is taken for an epoch of any year only where the column is `named` like a time.
    """
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return TimeShape(TimeForm.TYPED, zoned=getattr(column.type, "tz", None) is not None)
    if is_text(column):
        return _of_text(plain_text(column).drop_null(), day_first, named)
    numeric = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    return _of_numbers(column.drop_null(), named) if numeric else None


def _of_text(text: Any, day_first: bool | None, named: bool) -> TimeShape | None:
    if len(text) == 0:
        return None
    look = text.take(pa.array(np.unique(np.linspace(0, len(text) - 1, _LOOK).astype(np.int64))))
    if np.mean(numbers(look).bad) < 1 - _ENOUGH:
        return _of_numbers(look, named)
    for zoned in (True, False):
        shape = TimeShape(TimeForm.ISO, zoned=zoned)
        if np.mean(read_times(look, shape).bad) <= 1 - _ENOUGH:
            return shape
    shapes = [shape for shape in _patterns(look.to_pylist(), day_first) if _share(text, shape) >= _ENOUGH]
    # By all of the sample, not by the look: which of day and month comes first may show in a few rows.
    return min(shapes, key=lambda shape: _oddness(text, shape), default=None)


def _of_numbers(column: Any, named: bool) -> TimeShape | None:
    cells = numbers(column)
    known = cells.value[np.isfinite(cells.value)]
    if len(known) == 0:
        return None
    middle = float(np.median(known))
    # From 2000 to 2100 the four do not overlap: the size tells the unit.
    for per_second in (1.0, 1e3, 1e6, 1e9):
        if _FIRST_S * per_second <= middle <= _LAST_S * per_second:
            return TimeShape(TimeForm.EPOCH, zoned=True, per_second=per_second)
    if (compact := _compact(middle)) is not None and is_text(column):
        return compact
    # A clock that was never set says 1970; cleaning judges it, and has to see it.
    return TimeShape(TimeForm.EPOCH, zoned=True, per_second=1.0 if middle < 1e11 else 1e3) if named else None


def _compact(middle: float) -> TimeShape | None:
    pattern = _COMPACT.get(len(f"{middle:.0f}")) if f"{middle:.0f}"[:2] in {"19", "20"} else None
    return TimeShape(TimeForm.PATTERN, pattern=pattern) if pattern else None


def _patterns(values: list[str], day_first: bool | None) -> list[TimeShape]:
    """Return the patterns that the values may follow; day first before month first."""
    found: dict[TimeShape, None] = {}
    for match in filter(None, map(_DATE.match, values)):
        for date in _dates(match, day_first):
            shape = TimeShape(TimeForm.PATTERN, pattern=date + _clock(match), fraction=bool(match["fraction"]))
            found[shape] = None
    return list(found)


def _dates(match: re.Match[str], day_first: bool | None) -> list[str]:
    sep = match["sep"]
    if len(match["a"]) == 4:
        return [f"%Y{sep}%m{sep}%d"]
    year = "%Y" if len(match["c"]) == 4 else "%y"
    orders = [f"%d{sep}%m{sep}{year}", f"%m{sep}%d{sep}{year}"]
    return orders if day_first is None else orders[:1] if day_first else orders[1:]


def _clock(match: re.Match[str]) -> str:
    if match["gap"] is None:
        return ""
    seconds = ":%S" if match["second"] else ""
    half = match["half"]
    return match["gap"] + ("%H:%M" if half is None else "%I:%M") + seconds + (half[:-2] + "%p" if half else "")


def _share(text: Any, shape: TimeShape) -> float:
    return 1.0 - float(np.mean(read_times(text, shape).bad))


def _oddness(text: Any, shape: TimeShape) -> tuple[float, bool, int]:
    """Order shapes: fewest unread, then fractions kept, then the shortest span, as real files hold days in a row."""
    times = read_times(text, shape)
    good = times.ms[~times.bad]
    return float(times.bad.sum()), not shape.fraction, int(good.max() - good.min())
