"""On and off: where a device's power parts into the two, and the runs of either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.quantise import decode_watts, encode_watts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.samples import Series

_BIN = 256
"""Codes in a bin of the histogram: 7 % of power."""
_BINS = 65_536 // _BIN
_LEAST_SEPARATION = 0.78
"""Share of the variance of log power that on and off explain. One broad heap cut in two reaches 0.64."""
_LEAST_RATIO = 4.0
"""On draws at least so many times what off draws: a floor's day and night are no switch."""
_LEAST_INNER_RATIO = 3.0
_CODES_PER_E = 65_534 / np.log(1e8)
_HYSTERESIS = 0.15
"""Part of the way from the threshold to either level within which the state stays what it was."""


@dataclass(frozen=True, slots=True)
class Switch:
    """On from code `up`, off down to code `down`."""

    up: int
    down: int


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of on and off in order. on: bool[r]; samples: int64[r], how long; begin: intp[r], the first row."""

    on: NDArray[np.bool_]
    samples: NDArray[np.int64]
    begin: NDArray[np.intp]


def find_switch(history: Series) -> Switch | None:
    """Return where a device switches, None where it is not clearly either on or off.

    Otsu's threshold (IEEE Trans. SMC 9(1), 1979) on the logarithm of power, which codes are. Where what is on
    parts once more and the upper part uses most of the energy, that is the switch: a washer's heater, not its drum.
    """
    least = int(encode_watts(np.array([history.record.off_below_w]))[0])
    # All that is off is one level: noise below `off_below_w` must not pass for a second one.
    code = np.maximum(history.code[history.usable], least)
    counts = np.bincount(code // _BIN, minlength=_BINS)
    outer = _part(counts, 0, _LEAST_RATIO)
    if outer is None:
        return None
    begin = outer.up // _BIN
    inner = _part(counts, begin, _LEAST_INNER_RATIO)
    if inner is not None and _energy(counts, inner.up // _BIN) >= 0.5 * _energy(counts, 0):
        return inner
    return outer


def states(code: NDArray[np.uint16], switch: Switch, fresh: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether each of one device's samples is on, bool[n]; off at a fresh start until power tells."""
    known = (code >= switch.up) | (code <= switch.down) | fresh
    last = np.maximum.accumulate(np.where(known, np.arange(len(code)), 0))
    return (code >= switch.up)[last]


def find_runs(on: NDArray[np.bool_], fresh: NDArray[np.bool_]) -> Runs:
    """Return the runs of equal states; none goes on over a fresh start."""
    begins = fresh.copy()
    begins[1:] |= on[1:] != on[:-1]
    begins[:1] = True
    begin = np.flatnonzero(begins)
    return Runs(on[begin], np.diff(begin, append=len(on)), begin)


def _part(counts: NDArray[np.int64], begin: int, ratio: float) -> Switch | None:
    """Return the best parting of the bins from begin on, None where they are one heap or too close."""
    part = np.where(np.arange(_BINS) >= begin, counts, 0).astype(np.float64)
    level = (np.arange(_BINS) + 0.5) * _BIN
    size, total = np.cumsum(part), np.cumsum(part * level)
    inside = np.flatnonzero((size > 0) & (size < size[-1]))
    if not len(inside):
        return None
    low, high = size[inside] / size[-1], 1 - size[inside] / size[-1]
    mean = total[-1] / size[-1]
    between = (mean * low - total[inside] / size[-1]) ** 2 / (low * high)
    # Empty bins between two heaps part them equally well: the threshold goes to the middle of the gap.
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    variance = float((part * (level - mean) ** 2).sum() / size[-1])
    edge = int(inside[best[0]])
    below, above = total[edge] / size[edge], (total[-1] - total[edge]) / (size[-1] - size[edge])
    if between.max() < _LEAST_SEPARATION * variance or above - below < np.log(ratio) * _CODES_PER_E:
        return None
    threshold = (inside[best[0]] + inside[best[-1]] + 2) / 2 * _BIN
    up, down = threshold + _HYSTERESIS * (above - threshold), threshold - _HYSTERESIS * (threshold - below)
    return Switch(round(up), round(down))


def _energy(counts: NDArray[np.int64], begin: int) -> float:
    middle_w = decode_watts((np.arange(_BINS) * _BIN + _BIN // 2).astype(np.uint16)).astype(np.float64)
    middle_w[0] = 0.0
    return float((counts * middle_w)[begin:].sum())
