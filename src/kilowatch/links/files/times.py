"""Times in many shapes to integer milliseconds: epochs, ISO 8601, day/month/year and its kin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kilowatch.links.files.cells import cast_text, numbers, plain_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FARTHEST_MS = 2.0**53
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_LIKE_ISO = r"^\d{4}-\d\d-\d\d([ T]\d\d(:?\d\d(:?\d\d(\.\d+)?)?)?(Z|[-+]\d\d(:?\d\d)?)?)?$"
_FRACTION = r":\d\d[.,](?P<fraction>\d{1,9})"
_EPOCH_NAMES = {1.0: "s", 1e3: "ms", 1e6: "µs", 1e9: "ns"}
_MARK_NAMES = {"%d": "day", "%m": "month", "%Y": "year", "%y": "year", "%H": "hh", "%I": "hh", "%M": "mm", "%S": "ss"}


class TimeForm(StrEnum):
    """Which way a time is written."""

    TYPED = "typed"
    EPOCH = "epoch"
    ISO = "ISO"
    PATTERN = "pattern"


@dataclass(frozen=True, slots=True)
class TimeShape:
    """How a column's times are written.

    zoned: the zone is in the value; otherwise it is local time. per_second: units of an epoch in one second.
    pattern: for strptime, without the fraction of a second. fraction: such fractions occur.
    """

    form: TimeForm
    zoned: bool = False
    per_second: float = 1.0
    pattern: str = ""
    fraction: bool = False

    def __str__(self) -> str:
        if self.form is TimeForm.EPOCH:
            return f"epoch {_EPOCH_NAMES[self.per_second]}"
        if self.form is TimeForm.PATTERN:
            parts = re.findall(r"%.|[^%]", self.pattern)
            return "".join(_MARK_NAMES.get(part, part.replace("%p", "am/pm")) for part in parts)
        return "ISO 8601" if self.form is TimeForm.ISO else "timestamps"


@dataclass(frozen=True, slots=True)
class Times:
    """int64[n] ms, UTC where the shape is zoned and local otherwise, and bool[n] where there is none."""

    ms: NDArray[np.int64]
    bad: NDArray[np.bool_]


def read_times(column: Any, shape: TimeShape) -> Times:
    """Return a column's times; what does not fit the shape is bad."""
    if shape.form is TimeForm.TYPED:
        return _of_arrow(column)
    if shape.form is TimeForm.EPOCH:
        return _of_epoch(column, shape.per_second)
    if shape.form is TimeForm.PATTERN:
        return _of_pattern(plain_text(column), shape)
    # ns, since Arrow refuses a time with more digits than its unit has.
    kind = pa.timestamp("ns", tz="UTC" if shape.zoned else None)
    text = _joined_zone(column) if shape.zoned else column
    cast, bad = cast_text(text, _LIKE_ISO, lambda part: part.cast(kind))
    times = _of_arrow(cast)
    return Times(times.ms, times.bad | bad)


def _of_arrow(stamps: Any) -> Times:
    if pa.types.is_date(stamps.type):
        stamps = stamps.cast(pa.timestamp("ms"))
    bad = stamps.is_null().to_numpy(zero_copy_only=False)
    whole = stamps.cast(pa.int64())
    whole = (whole.fill_null(0) if stamps.null_count else whole).to_numpy(zero_copy_only=False)
    per_second = _PER_SECOND[stamps.type.unit]
    return Times(whole * 1000 if per_second == 1 else whole // (per_second // 1000), bad)


def _of_epoch(column: Any, per_second: float) -> Times:
    ms = numbers(column).value * (1000.0 / per_second)
    # So written, NaN is bad too.
    bad = ~(np.abs(ms) < _FARTHEST_MS)
    return Times(np.rint(np.where(bad, 0.0, ms)).astype(np.int64), bad)


def _joined_zone(text: Any) -> Any:
    """Bring " UTC", " GMT" and a space before an offset into the one form that Arrow reads."""
    if not pc.any(pc.match_substring_regex(text, r" [+-]\d|[A-Z]{3}$")).as_py():
        return text
    return pc.replace_substring_regex(pc.replace_substring_regex(text, r" ?(UTC|GMT)$", "Z"), r" ([+-]\d)", r"\1")


def _of_pattern(text: Any, shape: TimeShape) -> Times:
    extra = np.zeros(len(text), dtype=np.int64)
    # Taken apart and added again: Arrow's strptime knows no fractions of a second.
    if shape.fraction:
        found = pc.struct_field(pc.extract_regex(text, _FRACTION), "fraction")
        padded = pc.utf8_slice_codeunits(pc.utf8_rpad(found, 3, "0"), 0, 3)
        extra = padded.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        text = pc.replace_substring_regex(text, r"(:\d\d)[.,]\d{1,9}", r"\1")
    stamps = pc.strptime(text, format=shape.pattern, unit="s", error_is_null=True)
    times = _of_arrow(stamps)
    return Times(times.ms + extra, times.bad | _rolled_over(text, stamps, shape.pattern))


def _rolled_over(text: Any, stamps: Any, pattern: str) -> NDArray[np.bool_]:
    """Return where strptime took 30 February for 1 March."""
    day = pc.day(stamps).fill_null(31).to_numpy(zero_copy_only=False)
    # A day that does not exist rolls over to the 3rd at the latest, as 31 February does: few rows are to be checked.
    early = np.flatnonzero(day <= 3)
    place = "abc"[re.findall("%[dmYy]", pattern).index("%d")]
    compact = pattern.startswith("%Y%m")
    digits = r"^(?P<a>\d{4})(?P<b>\d\d)(?P<c>\d\d)" if compact else r"^(?P<a>\d+)\D(?P<b>\d+)\D(?P<c>\d+)"
    written = pc.struct_field(pc.extract_regex(text.take(pa.array(early)), digits), place)
    rolled = np.zeros(len(day), dtype=np.bool_)
    rolled[early] = written.cast(pa.int64()).to_numpy(zero_copy_only=False) != day[early]
    return rolled
