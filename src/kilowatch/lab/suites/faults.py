"""The suite `faults`: labelled faults of appliances.

Leave one day out: for each day a detector learns from the other normal days of the appliance, without any that holds
readings of the same hours, and is then shown the normal day and each of its faulty versions. A set is one fault of
one appliance over all its days.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import first_seen
from kilowatch.lab.measure import (
    Credit,
    Detection,
    EventTimes,
    IncidentTimes,
    OpenTime,
    Rate,
    detect,
    false_alarms,
    faulty_days_found,
    open_time,
)
from kilowatch.lab.suites.exhibits import false_alarm_of, miss_of
from kilowatch.lab.suites.fault_days import INTERVAL_S, in_sequence
from kilowatch.lab.suites.findings import AtRate, Findings, Ranking, Target
from kilowatch.lab.suites.front import course_of
from kilowatch.lab.suites.walk import CURVE, REQUESTED, Watcher
from kilowatch.links.files.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.core.device import DeviceRecord
    from kilowatch.lab.suites.contenders import Contender
    from kilowatch.lab.suites.exhibits import Exhibit
    from kilowatch.lab.suites.fault_days import Appliance, Day, FaultDay
    from kilowatch.lab.suites.front import Course
    from kilowatch.lab.suites.walk import Watched

BUFFER = 10
"""VUS forgives lags up to half of so many minutes."""

GRACE_MS = 3_600_000
"""An event counts as found up to an hour after its end: a run is known to be too long once it has outlasted others."""

INTERVAL_MS = round(INTERVAL_S * 1000)


@dataclass(frozen=True, slots=True)
class FaultTask:
    """One detector on one appliance; tested: which days are left out in turn."""

    appliance: Appliance
    contender: Contender
    tested: tuple[int, ...]


def run_faults(task: FaultTask) -> list[Findings]:
    """Measure one detector on one appliance."""
    appliance = task.appliance
    record = record_of(appliance.device)
    days = [_run_day(task, record, day) for day in appliance.normal if day.day in task.tested]
    judged = [one for day in days for one in day.faulty]
    at = {rate: _at(rate, days, judged) for rate in CURVE}
    targets = tuple(Target(appliance.device, one.fault, one.set_name) for one in judged for _ in range(len(one.events)))
    exhibits = tuple(exhibit for day in days for exhibit in day.exhibits())
    name, seed = task.contender.name, task.contender.seed
    speaks = any(day.watched.speaks for day in days)
    return [Findings(name, appliance.device, seed, _rankings(judged), at, targets, speaks=speaks, exhibits=exhibits)]


def record_of(device: str) -> DeviceRecord:
    """Return who an appliance is, as far as its name tells."""
    return first_seen("appliances", device, kind_of("", device), interval_s=INTERVAL_S)


@dataclass(frozen=True, slots=True)
class _FaultyRun:
    """A faulty day as it was judged; twin: incidents of its normal day, on the clock of the faulty one."""

    day: FaultDay
    watched: Watched
    twin: dict[float, IncidentTimes]
    label: NDArray[np.bool_]
    events: EventTimes

    @property
    def fault(self) -> str:
        return self.day.fault

    @property
    def set_name(self) -> str:
        return f"{self.day.device}/{self.day.fault}"

    @property
    def whole_day(self) -> EventTimes:
        return EventTimes(self.day.ts_ms[:1], np.array([self.day.end_ms]))


@dataclass(frozen=True, slots=True)
class _DayRun:
    normal: Day
    watched: Watched
    faulty: list[_FaultyRun]

    def exhibits(self) -> list[Exhibit]:
        """Return what is worth a picture: the worst false alarm of the clean day, the longest fault that was missed."""
        title = f"{self.normal.device}, normal day {self.normal.day}"
        found = [false_alarm_of(title, self.watched)]
        for one in self.faulty:
            title = f"{one.day.device}, {one.fault}, day {one.day.day}"
            found.append(miss_of(title, one.watched, one.events, _standing(one, REQUESTED).found))
        return [exhibit for exhibit in found if exhibit is not None]


def _run_day(task: FaultTask, record: DeviceRecord, day: Day) -> _DayRun:
    others = [other for other in task.appliance.normal if other.day != day.day and not other.overlaps(day)]
    history = in_sequence(others, int(others[0].ts_ms[0]))
    after_ms = history[-1].end_ms + GRACE_MS
    watcher = Watcher(task.contender.create(), record)
    watcher.learn(_course(record, history))
    placed = in_sequence([day], after_ms)[0]
    clean = watcher.watch(_course(record, [placed]))
    versions = [one for one in task.appliance.faulty if one.day == day.day]
    # Each takes the place of the normal day, so a version differs from its twin by what was put in alone.
    faulty = [in_sequence([one], after_ms)[0] for one in versions]
    runs = [_faulty_run(one, watcher.watch(_course(record, [one])), placed, clean) for one in faulty]
    return _DayRun(placed, clean, runs)


def _course(record: DeviceRecord, days: Sequence[Day]) -> Course:
    trace = days[0].trace
    ts_ms, power_w = np.concatenate([d.ts_ms for d in days]), np.concatenate([d.power_w for d in days])
    return course_of(record, replace(trace, ts_ms=ts_ms, power_w=power_w))


def _faulty_run(day: FaultDay, watched: Watched, normal: Day, clean: Watched) -> _FaultyRun:
    # At a reading a minute the grid takes each as it is, so samples carry the readings' times.
    label = np.isin(watched.judged.samples.ts_ms, day.ts_ms[day.label])
    twin = {rate: _on_clock_of(day, normal, incidents) for rate, incidents in clean.incidents.items()}
    events = EventTimes.from_mask(day.ts_ms, day.label, INTERVAL_MS)
    return _FaultyRun(day, watched, twin, label, events)


def _on_clock_of(faulty: FaultDay, normal: Day, incidents: IncidentTimes) -> IncidentTimes:
    """Return incidents of the normal day at the minutes to which the inserted ones have pushed them."""
    kept_ms = faulty.ts_ms[~faulty.label]

    def moved(times_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        return kept_ms[np.minimum(np.searchsorted(normal.ts_ms, times_ms), len(kept_ms) - 1)]

    return IncidentTimes(moved(incidents.first_ms), moved(incidents.open_ms), moved(incidents.close_ms))


def _rankings(runs: list[_FaultyRun]) -> tuple[Ranking, ...]:
    by_set: defaultdict[str, list[_FaultyRun]] = defaultdict(list)
    for run in runs:
        by_set[run.set_name].append(run)
    return tuple(
        Ranking.of(name, np.concatenate([r.watched.score for r in of]), np.concatenate([r.label for r in of]), BUFFER)
        for name, of in by_set.items()
    )


def _at(rate: float, days: list[_DayRun], runs: list[_FaultyRun]) -> AtRate:
    clean = [(day.watched.incidents[rate], int(day.normal.ts_ms[0]), day.normal.end_ms) for day in days]
    found = [faulty_days_found(run.watched.incidents[rate], run.twin[rate], run.whole_day) for run in runs]
    return AtRate(
        clean=sum((false_alarms(*day) for day in clean), Rate(0, 0.0)),
        open=sum((open_time(*day) for day in clean), OpenTime(0, 0)),
        found=Detection.pool(_opening(run, rate) for run in runs),
        standing=Detection.pool(_standing(run, rate) for run in runs),
        days=np.concatenate([np.zeros(0, dtype=np.bool_), *found]),
    )


def _opening(run: _FaultyRun, rate: float) -> Detection:
    return detect(run.watched.incidents[rate], run.events, clean=run.twin[rate], grace_ms=GRACE_MS)


def _standing(run: _FaultyRun, rate: float) -> Detection:
    incidents = run.watched.incidents[rate]
    return detect(incidents, run.events, clean=run.twin[rate], grace_ms=GRACE_MS, credit=Credit.STANDS)
