"""The suite `injected`: known anomalies put into real meters and plugs.

Each device is learnt from its first 14 days (half of a shorter series), and what follows is the test. False alarms are
counted on the test as it was recorded. Copies of it get injections; what the clean twin alarms for finds nothing.
Where a drift has been put in, the product runs whole, learning anew as it does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.lab.inject import Trace, inject_many
from kilowatch.lab.measure import Detection, detect
from kilowatch.lab.suites.contenders import SHIPPED
from kilowatch.lab.suites.doses import doses_of, placed
from kilowatch.lab.suites.exhibits import false_alarm_of, miss_of
from kilowatch.lab.suites.findings import AtRate, Findings, Ranking, Target
from kilowatch.lab.suites.front import course_of, read_course
from kilowatch.lab.suites.product import alarms_after_drift
from kilowatch.lab.suites.walk import CURVE, REQUESTED, Watcher
from kilowatch.lab.suites.watchtime import alarms_on, open_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.lab.datasets import MeterFile
    from kilowatch.lab.inject import Injected
    from kilowatch.lab.measure import Rate
    from kilowatch.lab.suites.contenders import Contender
    from kilowatch.lab.suites.exhibits import Exhibit
    from kilowatch.lab.suites.front import Course
    from kilowatch.lab.suites.walk import Watched

BUFFER = 60
"""VUS forgives lags up to half of so many samples."""

COPIES = 3
DAY_MS = 86_400_000
TRAINING_DAYS = 14
MOST_TEST_DAYS = 21
_PIECES = 4
_MANY = 3
"""A series as long as so many pieces is not taken whole but in `_PIECES`, spread over it."""


@dataclass(frozen=True, slots=True)
class InjectedTask:
    """All detectors on one device; number: its place among all devices, which deals out the strengths."""

    meter: MeterFile
    number: int
    contenders: tuple[Contender, ...]
    copies: int = COPIES
    most_test_days: int = MOST_TEST_DAYS


def run_injected(task: InjectedTask) -> list[Findings]:
    """Measure all detectors on one device."""
    course = read_course(task.meter)
    found = []
    for part, trace in enumerate(pieces(course.trace, task.most_test_days)):
        name = task.meter.name if len(course.trace) == len(trace) else f"{task.meter.name} {part + 1}"
        trial = prepared(name, course_of(course.record, trace), task.number + part, task.copies)
        found += [_measured(trial, contender) for contender in task.contenders]
    return found


def pieces(trace: Trace, most_test_days: int) -> list[Trace]:
    """Return a series cut to what is used of it: one piece, or several of one that goes on for months."""
    size = round((TRAINING_DAYS + most_test_days) * DAY_MS / trace.interval_ms)
    if len(trace) < _MANY * size:
        return [Trace(trace.ts_ms[:size], trace.power_w[:size], trace.interval_s)]
    starts = np.linspace(0, len(trace) - size, _PIECES).astype(np.intp)
    return [Trace(trace.ts_ms[s : s + size], trace.power_w[s : s + size], trace.interval_s) for s in starts]


@dataclass(frozen=True, slots=True)
class Copy:
    """A test with injections; labels: the dose of each of its events."""

    name: str
    course: Course
    injected: Injected
    labels: tuple[str, ...]

    @property
    def targets(self) -> tuple[Target, ...]:
        """What each event is."""
        kinds = (spec.kind.value for spec in self.injected.specs)
        return tuple(Target(kind, label, self.name) for kind, label in zip(kinds, self.labels, strict=True))

    def ranking(self, watched: Watched) -> Ranking | None:
        """Return how well the scores rank the injected samples, None where nothing showed."""
        trace = self.injected.trace
        label = np.isin(watched.judged.samples.ts_ms, trace.ts_ms[self.injected.mask])
        return Ranking.of(self.name, watched.score, label, BUFFER) if label.any() else None


@dataclass(frozen=True, slots=True)
class Trial:
    """A device's history, its clean test, and the copies of that with injections."""

    name: str
    history: Course
    clean: Course
    copies: tuple[Copy, ...]


def prepared(name: str, course: Course, number: int, copies: int) -> Trial:
    """Return a device ready to be measured: split by time first, then injected into the test alone."""
    trace = course.trace
    split_ms, end_ms = split_of(trace), int(trace.ts_ms[-1]) + 1
    made = []
    for copy in range(copies):
        # Numbers of devices differ, so no two copies of any devices share a seed.
        doses, seed = doses_of(number, copy, copies), copies * number + copy
        injected = inject_many(trace, placed(trace, doses, seed, split_ms), seed)
        # A copy holds each kind at most once: kinds are dealt out to the copies.
        label_of = {dose.kind: dose.label for dose in doses}
        labels = tuple(label_of[spec.kind] for spec in injected.specs)
        test = course_of(course.record, injected.trace).between(split_ms, end_ms)
        made.append(Copy(f"{name}, copy {copy + 1}", test, injected, labels))
    return Trial(name, course.between(0, split_ms), course.between(split_ms, end_ms), tuple(made))


def split_of(trace: Trace) -> int:
    """Return when the test begins: after 14 days of readings, or after half of fewer than 28."""
    rows = min(round(TRAINING_DAYS * DAY_MS / trace.interval_ms), len(trace) // 2)
    return int(trace.ts_ms[rows])


def _measured(trial: Trial, contender: Contender) -> Findings:
    watcher = Watcher(contender.create(), trial.history.record)
    watcher.learn(trial.history)
    clean, watched = watcher.watch(trial.clean), [watcher.watch(copy.course) for copy in trial.copies]
    rankings = [copy.ranking(one) for copy, one in zip(trial.copies, watched, strict=True)]
    return Findings(
        detector=contender.name,
        device=trial.name,
        seed=contender.seed,
        rankings=tuple(ranking for ranking in rankings if ranking is not None),
        at={rate: _at(rate, trial, clean, watched) for rate in CURVE},
        targets=tuple(target for copy in trial.copies for target in copy.targets),
        invisible=sum(len(copy.injected.invisible) for copy in trial.copies),
        drifted=_drifted(trial, contender),
        speaks=clean.speaks,
        exhibits=tuple(_exhibits(trial, clean, watched)),
    )


def _drifted(trial: Trial, contender: Contender) -> Rate | None:
    """Return alarms after a drift, of what is shipped alone: it costs as much as all the rest."""
    if contender.name not in SHIPPED:
        return None
    return alarms_after_drift(contender.create(), trial.history, trial.clean)


def _at(rate: float, trial: Trial, clean: Watched, watched: list[Watched]) -> AtRate:
    twin = clean.incidents[rate]
    found = Detection.pool(
        detect(one.incidents[rate], copy.injected.events, clean=twin)
        for copy, one in zip(trial.copies, watched, strict=True)
    )
    none = np.zeros(0, dtype=np.bool_)
    return AtRate(alarms_on(trial.clean, twin), open_on(trial.clean, twin), found, found, none)


def _exhibits(trial: Trial, clean: Watched, watched: list[Watched]) -> Iterator[Exhibit]:
    worst = false_alarm_of(trial.name, clean)
    if worst is not None:
        yield worst
    for copy, one in zip(trial.copies, watched, strict=True):
        events = copy.injected.events
        found = detect(one.incidents[REQUESTED], events, clean=clean.incidents[REQUESTED]).found
        missed = miss_of(copy.name, one, events, found, [f"{t.group} {t.level}" for t in copy.targets])
        if missed is not None:
            yield missed
