"""Drawing places for injections: anywhere in the series with equal chance, never over one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ReadingError
from kilowatch.lab.inject.injector import HOUR_S
from kilowatch.lab.inject.registry import INJECTIONS
from kilowatch.lab.inject.spec import InjectionSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.lab.inject.spec import Injection
    from kilowatch.lab.inject.trace import Trace

GAP_S = 6 * HOUR_S
"""Quiet time between two injections: a detector must be able to forget the one before."""


def place(
    trace: Trace,
    kinds: Sequence[Injection],
    seed: int,
    *,
    hours: tuple[float, float] | None = None,
    strength: float | None = None,
    from_ms: int | None = None,
    gap_s: float = GAP_S,
) -> tuple[InjectionSpec, ...]:
    """Return one spec for each kind given, in random order, at places that do not overlap.

    hours: the range of durations, each kind's own where None; drawn evenly on a log scale. from_ms: nothing is placed
    earlier, so that the part to learn from stays clean. `ReadingError` where the series is too short for all.
    """
    rng = np.random.default_rng(seed)
    order = [kinds[int(k)] for k in rng.permutation(len(kinds))]
    begin = 0 if from_ms is None else int(np.searchsorted(trace.ts_ms, from_ms))
    lengths = _lengths(trace, order, hours, rng)
    starts = begin + _starts(lengths, len(trace) - begin, round(gap_s / trace.interval_s), rng)
    specs = []
    for kind, first, length in zip(order, starts.tolist(), lengths.tolist(), strict=True):
        start_ms, last_ms = int(trace.ts_ms[first]), int(trace.ts_ms[first + length - 1])
        after = first + length
        end_ms = int(trace.ts_ms[after]) if after < len(trace) else trace.end_ms
        # Not beyond the next reading, nor beyond an interval after the last: the span holds its rows alone.
        specs.append(
            InjectionSpec(kind, start_ms, max(min(end_ms, last_ms + trace.interval_ms), last_ms + 1), strength)
        )
    return tuple(specs)


def _lengths(
    trace: Trace, kinds: Sequence[Injection], hours: tuple[float, float] | None, rng: np.random.Generator
) -> NDArray[np.intp]:
    ranges = np.array([hours or INJECTIONS[kind].hours for kind in kinds], dtype=np.float64).reshape(-1, 2)
    if (ranges <= 0).any():
        raise ReadingError("An injection lasts longer than 0 h.", "Give a range of hours above 0.")
    drawn = np.exp(rng.uniform(np.log(ranges[:, 0]), np.log(ranges[:, 1])))
    return np.maximum(1, np.rint(drawn * HOUR_S / trace.interval_s)).astype(np.intp)


def _starts(lengths: NDArray[np.intp], room: int, gap: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return first rows: what room is left over is shared out at random before, between and after."""
    needed = int(lengths.sum()) + gap * max(len(lengths) - 1, 0)
    if needed > room:
        raise ReadingError(
            f"{len(lengths)} injections with their gaps need {needed} readings, the series has {max(room, 0)}.",
            "Inject fewer, shorter or closer together, or use a longer series.",
        )
    # Sorted, so that the room before a start only grows and no two injections overlap.
    slack = np.sort(rng.integers(0, room - needed + 1, len(lengths)))
    before = np.concatenate(([0], np.cumsum(lengths + gap)[:-1])) if len(lengths) else lengths
    return (slack + before).astype(np.intp)
