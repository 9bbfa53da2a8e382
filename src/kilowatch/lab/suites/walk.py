"""One device watched by one detector: learnt once from clean history, then let loose on as many courses as wanted.

Learning, thresholds, confirmation and incidents are the product's own. Every course starts from the state in which
learning left the device, so that a clean course and its twins with anomalies differ in nothing else.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import Fleet
from kilowatch.core.incident_rules import IncidentRules
from kilowatch.core.judge import Judge, Scorer
from kilowatch.core.learning import LearningPlan, Teacher
from kilowatch.detectors.cold_start import ColdStart
from kilowatch.detectors.floor import ConstantScore
from kilowatch.errors import ReadingError
from kilowatch.lab.suites.outcomes import incident_times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.judged import Judged
    from kilowatch.lab.measure import IncidentTimes
    from kilowatch.lab.suites.front import Course

REQUESTED = 1.0
"""Alarms asked for per device-week, as the product does by default."""

LADDER = (1.0, 0.7, 0.5, 0.35, 0.2, 0.1)
"""Rates asked for: where the first gives too many false alarms, a suite goes down to the next."""

CURVE = (4.0, 2.0, *LADDER)
"""All rates at which recall and false alarms are measured."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What became of a course: raw float32[n], NaN where nothing can be said; level, the threshold that raw was
    learnt with; judged and incidents by the rate of alarms that was asked for, judged at `REQUESTED` only."""

    raw: NDArray[np.float32]
    level: float
    judged: Judged
    incidents: Mapping[float, IncidentTimes]

    @property
    def speaks(self) -> bool:
        """Whether anything can be said of the device."""
        return bool(np.isfinite(self.raw).any())

    @property
    def score(self) -> NDArray[np.float64]:
        """Raw over the learnt threshold, float64[n]: comparable between devices, 0 where nothing can be said."""
        with np.errstate(over="ignore"):
            return np.nan_to_num(self.raw.astype(np.float64) / self.level, nan=0.0, posinf=1e30)


class Watcher:
    """A detector with its thresholds for one device."""

    def __init__(self, detector: Detector, record: DeviceRecord, rates: Sequence[float] = CURVE) -> None:
        self._fleet = Fleet([record])
        self._rules = IncidentRules()
        self._scorer = Scorer(detector, ColdStart())
        self._judges = {rate: Judge(self._scorer, rate) for rate in rates}
        self._learnt_until_ms = 0
        self._scorer.reserve(1)
        for judge in self._judges.values():
            judge.reserve(1)

    def learn(self, history: Course) -> None:
        """Learn the device from clean history; its last samples stay in the window."""
        if not len(history):
            raise ReadingError("There is nothing to learn from.", "Give the suite a longer series.")
        Teacher(self._scorer, list(self._judges.values()), LearningPlan()).teach(0, history.series)
        self._scorer.score(history.samples, np.ones(len(history), dtype=np.bool_))
        self._learnt_until_ms = int(history.samples.ts_ms[-1])

    def watch(self, course: Course) -> Watched:
        """Return what becomes of a course; `ReadingError` where it begins before learning ended."""
        samples = course.samples
        if not len(samples) or samples.ts_ms[0] <= self._learnt_until_ms:
            raise ReadingError(
                "Test and training overlap: the course begins before the history that was learnt from ends.",
                "Split by time before anything is learnt.",
            )
        # In one call: the copies of the judges share the copy of the scorer, as the originals do.
        scorer, judges = deepcopy((self._scorer, self._judges))
        level = float(judges[REQUESTED].thresholds.levels(np.zeros(1, dtype=np.int32))[0])
        # Once for all rates: a raw score knows nothing of thresholds.
        scored = scorer.score(samples, np.ones(len(samples), dtype=np.bool_))
        # Nobody reads what a suite's incidents say, and to word millions of odd samples costs more than to find them.
        scorer.detector, scored = ConstantScore(), replace(scored, scores=replace(scored.scores, facts={}))
        end_ms = int(samples.ts_ms[-1]) + round(course.record.grid_s * 1000)
        judged = {rate: judge.judge(scored, self._rules.leave) for rate, judge in judges.items()}
        incidents = {
            rate: incident_times(hots, course.record, self._rules, end_ms) for rate, (_, hots) in judged.items()
        }
        return Watched(scored.raw, level, judged[REQUESTED][0], incidents)
