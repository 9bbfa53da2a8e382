"""How long a device with regular cycles stays on, against its own past: one run far too long, or many a little.

A compressor, a heater or a thermostat ends its runs by itself, so their lengths repeat; a television's do not, and
such devices stay unfitted, as do meters of many devices. The score while on is what the run's length says for a fault
that prolongs it (`evidence`), and on top of it what earlier runs have piled up: a CUSUM (Page, Biometrika 41, 1954) of
the surprise -log P(length > this) that each run ended with, exponential with mean one where nothing is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.device import Kind
from kilowatch.core.explain import duration
from kilowatch.core.quantise import encode_watts
from kilowatch.core.samples import HOUR_MS
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.stretches import Stretches, cut, leaky_sum
from kilowatch.detectors.survival import SURPRISES, evidence, spread, surprise, surprise_knots
from kilowatch.detectors.switching import find_runs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.segments import Segments
    from kilowatch.core.window import WindowView

_RUNGS = (0.5, 0.2)
"""On is above half, and also above a fifth, of the power at which the device uses half of its energy."""
_LEAST_RUNS = 8
_LEAST_SAMPLES = 1000
_REGULAR = 0.8
"""Spread of the logarithm of on-lengths: what ends by itself stays under it, with two programmes as well."""
_LONGEST_MS = 3 * HOUR_MS
"""What usually stays on for longer keeps somebody's hours, not its own."""
_SLACK, _MOST = 1.3, 3.0
"""Of the CUSUM, in nats: the mean is one; one very long run is not a trend."""
_COUNTED_FROM = 1.0
"""Nats from which a run may add what has piled up: before that it is as short as any."""
_UNIT = 4096
_FACTS = ("run_s", "usual_s", "now", "piled")
_USUAL = 3
"""Where in `SURPRISES` a phrase finds the usual length: four in ten runs last longer."""


class RunLength(PerDevice):
    """Evidence in the length of the present run, and of those before it; 158 bytes a device."""

    name = "run_length"
    needs = 2
    columns: ClassVar[Mapping[str, Column]] = {
        "on_from": Column(np.uint16, len(_RUNGS)),
        "knots": Column(np.float32, len(_RUNGS) * len(SURPRISES)),
        "run": Column(np.uint32, len(_RUNGS)),
        "piled": Column(np.uint32, len(_RUNGS)),
    }
    on_from: NDArray[np.uint16]
    knots: NDArray[np.float32]
    run: NDArray[np.uint32]
    piled: NDArray[np.uint32]

    def fit(self, slot: int, history: Series) -> None:
        """Learn the lengths of one device's runs; it becomes unfitted where they are not regular."""
        past = history.part(history.usable)
        if len(past) < _LEAST_SAMPLES:
            return
        fresh = np.diff(past.count, prepend=0) != 1
        from_w = _main_w(past.power_w) * np.array(_RUNGS)
        codes = encode_watts(np.maximum(from_w, history.record.off_below_w))
        lengths = [_ended(past.code >= code, fresh) for code in codes]
        ends_itself = history.record.kind is not Kind.METER and _are_regular(lengths[0] * past.grid_ms)
        self.on_from[slot] = codes if ends_itself else 0
        if not ends_itself:
            # Where no device of a batch is fitted nothing is reckoned, and what was under way would wait for a refit.
            self.run[slot] = self.piled[slot] = 0
        if self.on_from[slot, 0]:
            # Runs above the lower rung may never have ended: those above the upper one stand in.
            self.knots[slot] = np.concatenate([surprise_knots(each if len(each) else lengths[0]) for each in lengths])

    def score(self, samples: Samples, view: WindowView) -> Scores:  # noqa: ARG002 - the protocol's
        """Return the mean evidence over the rungs, 0 while off."""
        fitted = self.on_from[samples.slot, 0] > 0
        if not fitted.any():
            nothing = np.zeros(len(samples))
            return Scores(np.full(len(samples), np.nan, dtype=np.float32), facts=dict.fromkeys(_FACTS, nothing))
        stretches = Stretches.of(samples)
        parts = [self._rung(rung, samples, stretches) for rung in range(len(_RUNGS))]
        raw = sum(now + piled for now, piled, _ in parts) / len(_RUNGS)
        raw = np.where(fitted & (samples.count >= self.needs), raw, np.nan)
        usual_s = np.exp(self.knots[samples.slot, _USUAL].astype(np.float64)) * samples.grid_ms / 1000
        facts = {"run_s": parts[0][2] * samples.grid_ms / 1000, "usual_s": usual_s, "now": parts[0][0]}
        return Scores(raw.astype(np.float32), facts={**facts, "piled": parts[0][1]})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say how long it is on, or that one run after another is a little too long."""
        on, usual = duration(1000 * facts["run_s"]), duration(1000 * facts["usual_s"])
        if facts["piled"] > facts["now"]:
            return f"on for longer than usual time after time; now {on}, usually off after {usual}"
        return f"on for {on}; usually off after {usual}"

    def clone(self) -> RunLength:
        """Return the same method without devices."""
        return RunLength()

    def _rung(
        self, rung: int, samples: Samples, stretches: Stretches
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Return the evidence of the present run, what has piled up, and its length in samples; move past them."""
        slot, pieces, owner = samples.slot, stretches.segments, samples.segments
        from_code = self.on_from[slot, rung]
        on = (samples.code >= from_code) & (from_code > 0)
        carried = stretches.before(self.run[:, rung])
        run = _lengths(on, pieces, carried)
        knots = self.knots[:, rung * len(SURPRISES) : (rung + 1) * len(SURPRISES)]
        now, rows = np.zeros(len(on)), np.flatnonzero(on)
        # Still on after k samples says a length of k or more, but surprise is that of more than: half a sample less.
        now[rows] = evidence(np.log(run[rows] - 0.5), knots[slot[rows]])
        last = pieces.shift(run, carried.astype(np.int64))
        ended = np.flatnonzero(~on & (last > 0))
        gain = np.zeros(len(on), dtype=np.int64)
        surprised = np.minimum(surprise(np.log(last[ended].astype(np.float64)), knots[slot[ended]]), _MOST)
        gain[ended] = np.rint((surprised - _SLACK) * _UNIT).astype(np.int64)
        piled = leaky_sum(pieces, gain, stretches.before(self.piled[:, rung]).astype(np.int64))
        self.run[owner.slot, rung], self.piled[owner.slot, rung] = run[owner.ends], piled[owner.ends]
        # As if the run ended now: what has piled up must not wait for its end to be heard.
        sofar = np.maximum(piled / _UNIT + np.minimum(now, _MOST) - _SLACK, 0.0)
        return now, np.where(now > _COUNTED_FROM, sofar, 0.0), run


def _main_w(power_w: NDArray[np.float32]) -> float:
    """Return the power at which half of the energy is used."""
    ordered = np.sort(power_w).astype(np.float64)
    used = np.cumsum(ordered)
    return float(ordered[np.searchsorted(used, used[-1] / 2)])


def _ended(on: NDArray[np.bool_], fresh: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the lengths of on-runs whose begin and end were both seen."""
    runs = find_runs(on, fresh)
    cut_off = fresh[runs.begin]
    seen = runs.on & ~cut_off
    # A run before a gap was cut by it, and the last one may still go on: neither has a length.
    seen[:-1] &= ~cut_off[1:]
    seen[-1:] = False
    return runs.samples[seen]


def _are_regular(lengths_ms: NDArray[np.int64]) -> bool:
    if len(lengths_ms) < _LEAST_RUNS:
        return False
    return bool(np.median(lengths_ms) <= _LONGEST_MS) and spread(lengths_ms) < _REGULAR


def _lengths(on: NDArray[np.bool_], pieces: Segments, carried: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return how many samples each on-run has lasted, 0 while off."""
    turned = on != pieces.shift(on, carried > 0)
    runs = cut(pieces, turned)
    before = np.zeros(pieces.size, dtype=np.int64)
    before[pieces.starts] = carried
    before[turned] = 0
    return np.where(on, runs.running_sum(np.ones(pieces.size, dtype=np.int64), before[runs.starts]), 0)
