"""Thresholds asked for in alarms per device-week: set from a device's past, then moved along with its scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from kilowatch.core.blocks import BLOCK_S, BLOCKS_PER_DAY, BLOCKS_PER_WEEK, Span, block_maxima, cut_spans
from kilowatch.core.calibrate import Calibration, Method
from kilowatch.core.device import grown
from kilowatch.core.drift import Finished, Gains, Pace, Track, as_level, as_score, follow, start
from kilowatch.core.segments import Segments
from kilowatch.core.tail import Tail, fit_tail
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.blocks import Blocks, Spans
    from kilowatch.core.samples import Samples

FEW_BLOCKS = 24
"""Under a day of scores the threshold is a default."""

_UNSET = np.iinfo(np.int32).min
"""Level of a device that has no threshold."""

_MOST = np.iinfo(np.uint16).max

_COLUMNS: dict[str, tuple[type[np.generic], int]] = {
    "level": (np.int32, _UNSET),
    "reference": (np.int32, _UNSET),
    "day": (np.int32, _UNSET),
    "alarmed": (np.uint8, 0),
    "fitted": (np.int32, _UNSET),
    "reference_up": (np.int32, 0),
    "alarm_up": (np.int32, 0),
    "block": (np.int32, -1),
    "peak": (np.float32, 0),
    "covered": (np.uint16, 0),
    "spoilt": (np.bool_, 0),
    "method": (np.uint8, Method.NONE),
    "blocks": (np.uint16, 0),
    "peaks": (np.uint16, 0),
    "alarms_per_week": (np.float32, 0),
}
"""Type and first value of what is kept for each device: 45 bytes."""

_T = TypeVar("_T", Track, Gains, Span)


def public_score(raw: NDArray[np.float32], level: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return raw over its threshold, rounded to 1e-4 so that every machine compares alike; NaN where unknown."""
    # Over a threshold next to nothing a score becomes endless; incidents bound it.
    with np.errstate(over="ignore"):
        return np.round(raw / level, 4)


class Thresholds:
    """A threshold for every device, which follows the device's scores. Raw scores are at least 0, on any scale."""

    def __init__(self) -> None:
        self._columns: dict[str, NDArray[Any]] = {name: np.empty(0, dtype=kind) for name, (kind, _) in _COLUMNS.items()}

    def reserve(self, devices: int) -> None:
        """Make room for so many devices; new ones have no threshold."""
        for name, (_, first) in _COLUMNS.items():
            self._columns[name] = grown(self._columns[name], devices, first)

    def fit(
        self,
        slot: int,
        confirmed: NDArray[np.float32],
        ts_ms: NDArray[np.int64],
        usable: NDArray[np.bool_],
        alarms_per_week: float,
        prior: float = np.nan,
    ) -> Calibration:
        """Set a device's threshold so that scores like its past ones open so many alarms a week.

        confirmed: float32[n] scores after k of n, NaN where unknown, from data that did not fit the detector. prior:
        the least threshold to take under a day of scores; without one and without scores the device has none.
        `ConfigError` where the rate is not above 0 and at most one alarm in two hours.
        """
        share = alarms_per_week / BLOCKS_PER_WEEK
        if not 0 < share <= 0.5:
            raise ConfigError(f"{alarms_per_week:g} alarms a week cannot be asked for.", "Ask for 0.1 to 84.")
        blocks = block_maxima(confirmed, ts_ms, usable=usable)
        tail = fit_tail(blocks.separate)
        level, method = _level(blocks, tail, share, prior)
        made = Calibration(method, len(blocks), tail.exceedances or len(tail.peaks), alarms_per_week)
        # Before the past is replayed, which takes the wanted rate from here.
        self._record(slot, made)
        for values in start(level, tail.slope(level), share, blocks.peak) if level > 0 else _NOWHERE:
            self._put(np.array([slot]), values)
        if method is not Method.PRIOR:
            self._advance(Segments.of_sorted(np.full(len(blocks), slot, dtype=np.int32)), _replayed(blocks))
        return made

    def lower(self, slot: int, most: float) -> None:
        """Hold a device's threshold at `most` or under."""
        # One unit less: rounding on the way back must not lift the threshold over the score that has to pass it.
        level = int(as_level(most)) - 1
        for name in ("level", "reference", "fitted"):
            column = self._columns[name]
            if column[slot] != _UNSET:
                column[slot] = min(int(column[slot]), level)

    def levels(self, slots: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the devices' present thresholds float32[len(slots)], NaN where there is none."""
        return _as_thresholds(self._columns["level"][slots].astype(np.int64))

    def follow(
        self,
        samples: Samples,
        confirmed: NDArray[np.float32],
        excluded: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float32]:
        """Return the threshold in force at each sample, float32[n], and learn from every block that ends.

        confirmed: float32[n] scores after k of n, NaN where unknown. excluded: bool[n], samples whose block must not
        be learnt from whatever their score: labels, mutes, other rules' incidents. A device's own alarms need no
        mask, for they are known here and taught from as `drift` says.
        """
        if not len(samples):
            return np.empty(0, dtype=np.float32)
        spoilt = np.zeros(len(samples), dtype=np.bool_) if excluded is None else excluded
        spans = cut_spans(samples, confirmed, spoilt, self._get(Span, samples.segments.slot))
        level = self._columns["level"][samples.slot[spans.starts]].astype(np.int64)
        # A block moves the threshold of the next one only: no score has a say in its own verdict.
        if spans.finishes.any():
            level[spans.finishes] = self._learn(spans, samples.grid_ms[spans.starts])
        self._put(spans.segments.slot, Span(*(column[spans.segments.ends] for column in spans.now)))
        return np.repeat(_as_thresholds(level), np.diff(spans.starts, append=len(samples)))

    def calibration(self, slot: int) -> Calibration:
        """Return what a device's threshold rests on."""
        kept = self._columns
        return Calibration(
            method=Method(kept["method"][slot]),
            blocks=int(kept["blocks"][slot]),
            peaks=int(kept["peaks"][slot]),
            alarms_per_week=float(kept["alarms_per_week"][slot]),
        )

    def sentence(self, slot: int) -> str:
        """Say what a device's threshold rests on, and what cannot be seen yet."""
        return self.calibration(slot).sentence

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return every array over slots, by name."""
        return dict(self._columns)

    def _record(self, slot: int, made: Calibration) -> None:
        kept = self._columns
        kept["method"][slot], kept["alarms_per_week"][slot] = made.method, made.alarms_per_week
        kept["blocks"][slot], kept["peaks"][slot] = min(made.blocks, _MOST), min(made.peaks, _MOST)

    def _learn(self, spans: Spans, grid_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        ahead = Span(*(column[spans.finishes] for column in spans.ahead))
        block = spans.now.block[spans.finishes]
        # Half a block, as in `block_maxima`: what moves a threshold has to be like what it was set from.
        enough = 2 * ahead.covered * grid_ms[spans.finishes] >= BLOCK_S * 1000
        finished = Finished(
            peak=as_level(ahead.peak),
            usable=(enough & ~ahead.spoilt).astype(np.int64),
            adjoins=(block == ahead.block + 1).astype(np.int64),
            ends_day=(block // BLOCKS_PER_DAY != ahead.block // BLOCKS_PER_DAY).astype(np.int64),
        )
        return self._advance(spans.segments.keep(spans.finishes), finished)

    def _advance(self, segments: Segments, finished: Finished) -> NDArray[np.int64]:
        track, gains = self._get(Track, segments.slot), self._get(Gains, segments.slot)
        rate = self._columns["alarms_per_week"][segments.slot].astype(np.float64)
        usable = finished.usable * (track.level != _UNSET)[segments.of_row]
        pace = Pace.of(gains, rate / BLOCKS_PER_WEEK)
        levels, track = follow(segments, track, pace, finished._replace(usable=usable))
        self._put(segments.slot, track)
        return levels

    def _get(self, kind: type[_T], slots: NDArray[np.integer]) -> _T:
        # Reckoned in int64, kept in int32: of a million devices every byte counts.
        columns = (self._columns[name][slots] for name in kind._fields)
        return kind(*(column if column.dtype.kind in "bf" else column.astype(np.int64) for column in columns))

    def _put(self, slots: NDArray[np.integer], values: Track | Gains | Span) -> None:
        for name, column in zip(values._fields, values, strict=True):
            self._columns[name][slots] = column


_NOWHERE = Track(_UNSET, _UNSET, _UNSET, 0), Gains(_UNSET, 0, 0)


def _level(blocks: Blocks, tail: Tail, share: float, prior: float) -> tuple[float, Method]:
    level = tail.return_level(share)
    if len(blocks) < FEW_BLOCKS or level <= 0:
        # fmax passes over a prior that is not given (NaN).
        return float(np.fmax(level, prior)), Method.PRIOR
    return level, Method.POT if tail.exceedances else Method.QUANTILE


def _replayed(blocks: Blocks) -> Finished:
    """Return the past as finished blocks: the last of them count most for where a device is now."""
    after = np.append(blocks.index[1:], blocks.index[-1:])
    return Finished(
        peak=as_level(blocks.peak),
        usable=np.ones(len(blocks), dtype=np.int64),
        adjoins=(after == blocks.index + 1).astype(np.int64),
        ends_day=(after // BLOCKS_PER_DAY != blocks.index // BLOCKS_PER_DAY).astype(np.int64),
    )


def _as_thresholds(level: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.where(level == _UNSET, np.nan, as_score(level)).astype(np.float32)
