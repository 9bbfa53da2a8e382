"""How long a device stays on, how long off, and how often it starts, against its own past.

The best single method on appliance faults (notes on detection, section 5.4): the length of the current run over
the 99 % quantile of such runs. It is about one at the edge of what is known and grows while the run goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import duration
from kilowatch.core.samples import HOUR_MS
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.cycles import DAY_PARTS, PART_MS, START, START_EDGE, off_edge_s, on_edges_s, starts_edge
from kilowatch.detectors.logscale import SECONDS
from kilowatch.detectors.stretches import Stretches, cut, leaky_sum
from kilowatch.detectors.switching import find_runs, find_switch, states

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.segments import Segments
    from kilowatch.core.window import WindowView

_LEAST_MS = 24 * HOUR_MS
_LEAST_RUNS = 5
_BEYOND = 0.5
"""Off runs and starts count from their edge on and reach one half beyond it: they must not drown the on run."""
_MOST = np.iinfo(np.int32).max


class DutyCycle(PerDevice):
    """The current run over its edge; 23 bytes a device. Unfitted where a device does not switch."""

    name = "duty_cycle"
    needs = 2
    columns: ClassVar[Mapping[str, Column]] = {
        "up": Column(np.uint16),
        "down": Column(np.uint16),
        "on_edge": Column(np.uint8, DAY_PARTS),
        "off_edge": Column(np.uint8),
        "pace": Column(np.uint16),
        "starts_edge": Column(np.uint16),
        "run": Column(np.int32),
        "bucket": Column(np.int32),
    }
    up: NDArray[np.uint16]
    down: NDArray[np.uint16]
    on_edge: NDArray[np.uint8]
    off_edge: NDArray[np.uint8]
    pace: NDArray[np.uint16]
    starts_edge: NDArray[np.uint16]
    run: NDArray[np.int32]
    bucket: NDArray[np.int32]

    def fit(self, slot: int, history: Series) -> None:
        """Learn the switch of one device and the edges of its runs; under a day or 5 of either leave it."""
        switch = find_switch(history)
        past = history if history.usable.all() else history.part(history.usable)
        if switch is None or len(past) * past.grid_ms < _LEAST_MS:
            return
        fresh = np.diff(past.count, prepend=0) != 1
        runs = find_runs(states(past.code, switch, fresh), fresh)
        if min(runs.on.sum(), (~runs.on).sum()) < _LEAST_RUNS:
            return
        seconds = runs.samples * np.float64(past.grid_ms / 1000)
        part = past.local_ms[runs.begin] // PART_MS % DAY_PARTS
        off_s = off_edge_s(seconds[~runs.on], len(past) * past.grid_ms / (24 * HOUR_MS))
        begun = runs.begin[runs.on & ~fresh[runs.begin]]
        self.up[slot], self.down[slot] = switch.up, switch.down
        self.on_edge[slot] = SECONDS.encode(on_edges_s(seconds[runs.on], part[runs.on]))
        self.off_edge[slot] = SECONDS.encode(np.array([off_s]))[0]
        self.pace[slot], self.starts_edge[slot] = starts_edge(begun, len(past))

    def score(self, samples: Samples, view: WindowView) -> Scores:  # noqa: ARG002 - the protocol's
        """Return the larger of what the current run and the recent starts say."""
        slot, fitted = samples.slot, self.on_edge[samples.slot, 0] > 0
        run, starts = self._advance(samples, fitted)
        on, length = run > 0, np.abs(run)
        run_s = length * (samples.grid_ms / 1000)
        # Edges are learnt by the part of the day in which a run begins, so they are looked up by that too.
        begin_ms = samples.local_ms - (length - 1) * samples.grid_ms
        on_edge_s = SECONDS.decode(self.on_edge[slot, begin_ms // PART_MS % DAY_PARTS])
        off_edge_s = SECONDS.decode(self.off_edge[slot])
        usual_starts = np.where(fitted, self.starts_edge[slot] * (START_EDGE / START), np.nan)
        of_run = np.where(on, run_s / on_edge_s, _beyond(run_s / off_edge_s))
        raw = np.fmax(of_run, _beyond(starts / usual_starts))
        facts = {
            "on_s": np.where(on, run_s, np.nan),
            "usual_on_s": on_edge_s,
            "off_s": np.where(on, np.nan, run_s),
            "usual_off_s": off_edge_s,
            "starts": starts,
            "usual_starts": usual_starts,
        }
        return Scores(np.where(fitted & (samples.count >= self.needs), raw, np.nan).astype(np.float32), facts=facts)

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say how long it is on or off, or that it starts too often, and what is usual."""
        on = facts["on_s"] / facts["usual_on_s"]
        off, starts = (float(_beyond(facts[name] / facts[f"usual_{name}"])) for name in ("off_s", "starts"))
        if starts > np.fmax(on, off):
            return f"switches on too often: {facts['starts']:.0f} starts more than its usual pace allows"
        if off > 0:
            return f"off for {_span(facts['off_s'])}; usually on again after {_span(facts['usual_off_s'])}"
        if np.isnan(on):
            return f"off for {_span(facts['off_s'])}"
        return f"on for {_span(facts['on_s'])}; usually off after {_span(facts['usual_on_s'])}"

    def clone(self) -> DutyCycle:
        """Return the same method without devices."""
        return DutyCycle()

    def _advance(self, samples: Samples, fitted: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return each sample's run in samples, negative where off, and its piled-up starts; move past them."""
        stretches = Stretches.of(samples)
        pieces, run = stretches.segments, stretches.before(self.run)
        on = self._states(samples, pieces, run > 0)
        turned = on != pieces.shift(on, run > 0)
        # On is a start only where off was seen before it: after a gap nobody knows since when it is on.
        known = pieces.shift(np.ones(len(on), dtype=np.bool_), run != 0)
        length = _lengths(pieces, turned, np.abs(run))
        signed = np.where(fitted, np.where(on, length, -length), 0)
        filled = np.where(fitted, START * (turned & on & known) - self.pace[samples.slot].astype(np.int64), 0)
        bucket = np.minimum(leaky_sum(pieces, filled, stretches.before(self.bucket).astype(np.int64)), _MOST)
        self.run[samples.segments.slot] = signed[samples.segments.ends]
        self.bucket[samples.segments.slot] = bucket[samples.segments.ends]
        return signed, bucket / START

    def _states(self, samples: Samples, pieces: Segments, before: NDArray[np.bool_]) -> NDArray[np.bool_]:
        above = samples.code >= self.up[samples.slot]
        known = above | (samples.code <= self.down[samples.slot])
        return pieces.fill_forward(above, known, before)


def _lengths(pieces: Segments, turned: NDArray[np.bool_], before: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return how many samples each run has lasted, with what the device's state carries in."""
    carried = pieces.shift(np.zeros(pieces.size, dtype=np.int64), before)
    runs = cut(pieces, turned)
    return runs.running_sum(np.ones(pieces.size, dtype=np.int64), np.where(turned, 0, carried)[runs.starts])


def _beyond(ratio: Any) -> Any:
    """Return 0 up to the edge, a ratio of one, and 1 at half beyond it; 0 where there is no edge."""
    return np.fmax((ratio - 1) / _BEYOND, 0.0)


def _span(seconds: float) -> str:
    return duration(1000 * seconds)
