"""History through the pipeline as if it were live, and what to count on the way."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.app.ledger import IncidentEntry, IncidentLedger
from kilowatch.core.clean_reasons import OUTCOME_OF, Outcome, Reason
from kilowatch.core.device import grown
from kilowatch.core.outputs import ReplayOutput
from kilowatch.detectors.cold_start import ColdStart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from kilowatch.app.advisor import Advice
    from kilowatch.app.pipeline import Pipeline, StepResult
    from kilowatch.core.device import Fleet
    from kilowatch.core.judged import Judged
    from kilowatch.core.reading import ReadingBatch

WEEK_MS = 7 * 86_400_000


@dataclass(slots=True)
class Tally:
    """Counts of a replay, as arrays over slots: readings by reason of cleaning, time watched, and the last sample."""

    by_reason: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, len(Reason)), dtype=np.int64))
    watched_ms: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    seen_ms: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    end_ms: int = 0

    def reserve(self, devices: int) -> None:
        """Make room for so many devices."""
        self.by_reason = grown(self.by_reason, devices)
        self.watched_ms = grown(self.watched_ms, devices)
        self.seen_ms = grown(self.seen_ms, devices)

    def take(self, result: StepResult) -> None:
        """Count one step."""
        clean = result.clean
        # `at` adds for every row; with plain indexing the rows of one device and reason would count once.
        np.add.at(self.by_reason, (clean.readings.slot, clean.reason), 1)
        np.add.at(self.by_reason, (clean.rejected.slot, clean.rejected_reason), 1)
        if len(clean.readings):
            self.end_ms = max(self.end_ms, int(clean.readings.ts_ms.max()))
        for judged in result.judged:
            self._watch(judged)

    def _watch(self, judged: Judged) -> None:
        samples = judged.samples
        # A value that is carried on over a gap can raise no alarm: it is no time in which anybody watched.
        watched = judged.watching & ~samples.held
        np.add.at(self.watched_ms, samples.slot[watched], samples.grid_ms[watched])
        self.seen_ms[samples.segments.slot] = samples.ts_ms[samples.segments.ends]

    def outcomes(self, outcome: Outcome) -> int:
        """Return how many readings were accepted, repaired or rejected."""
        return int(self.by_reason[:, outcome == OUTCOME_OF].sum())

    @property
    def device_weeks(self) -> float:
        """Device-weeks in watching; learning does not count."""
        return float(self.watched_ms.sum()) / WEEK_MS


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """A finished replay: what was counted, every incident, earliest first, and what policy wanted of each.

    open_ms: how long incidents about power of watched devices stood open, each at most until its device's last sample.
    """

    tally: Tally
    incidents: list[IncidentEntry]
    advice: dict[str, Advice]
    open_ms: int
    learning_days: float
    seconds: float

    @property
    def alarms(self) -> list[IncidentEntry]:
        """Incidents about power; a silent device is no alarm of the detector."""
        return [entry for entry in self.incidents if not entry.is_stale]

    @property
    def watched_alarms(self) -> int:
        """How many of them opened while the device was watched: what a rate counts."""
        return sum(map(_is_watched, self.alarms))

    @property
    def open_share(self) -> float:
        """Share of the watched time in which incidents about power stood open."""
        return min(1.0, self.open_ms / max(1, int(self.tally.watched_ms.sum())))

    def output(self) -> ReplayOutput:
        """Return what `--json` prints."""
        weeks = self.tally.device_weeks
        return ReplayOutput(
            readings=int(self.tally.by_reason.sum()),
            accepted=self.tally.outcomes(Outcome.ACCEPTED),
            repaired=self.tally.outcomes(Outcome.REPAIRED),
            rejected=self.tally.outcomes(Outcome.REJECTED),
            devices=len(self.tally.watched_ms),
            learning_days=self.learning_days,
            watched_device_weeks=round(weeks, 4),
            incidents=len(self.alarms),
            incident_open_share=round(self.open_share, 6),
            alarms_per_device_week=round(self.watched_alarms / weeks, 4) if weeks else None,
            seconds=round(self.seconds, 3),
        )


def replay(
    pipeline: Pipeline, batches: Iterable[ReadingBatch], on_step: Callable[[ReadingBatch, StepResult], None]
) -> ReplayOutcome:
    """Run batches through the pipeline; `on_step` sees each of them with what came of it."""
    started = time.perf_counter()
    ledger, tally, advice = IncidentLedger(), Tally(), {}
    for batch in batches:
        result = pipeline.step(batch)
        tally.reserve(len(pipeline.fleet))
        tally.take(result)
        ledger.add(result.events)
        for given in result.advice:
            advice[given.intent.id] = given
        on_step(batch, result)
    tally.reserve(len(pipeline.fleet))
    entries, learning_days = ledger.entries(), pipeline.settings.plan.learning_days
    open_ms = sum(_open_ms(entry, pipeline.fleet, tally) for entry in entries if _is_watched(entry))
    return ReplayOutcome(tally, entries, advice, open_ms, learning_days, time.perf_counter() - started)


def _is_watched(entry: IncidentEntry) -> bool:
    return not entry.is_stale and entry.told.rule != ColdStart.name


def _open_ms(entry: IncidentEntry, fleet: Fleet, tally: Tally) -> int:
    slot = fleet.slot(entry.told.site, entry.told.device)
    seen_ms = tally.end_ms if slot is None else int(tally.seen_ms[slot])
    return max(0, (seen_ms if entry.cleared_ms is None else entry.cleared_ms) - entry.told.first_ms)
