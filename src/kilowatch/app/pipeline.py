"""The one pipeline of edge, cloud, replay and demo: readings in, judged samples and incidents out.

1. clean: accept, repair or reject each reading with a reason.
2. grid: clean readings become samples on the device's grid; site time completes those of silent plugs.
3. learn: where a device's next lesson falls between two samples, it learns there, from its past alone.
4. judge: score each sample, divide by its threshold, confirm k of n.
5. incidents: odd samples open, extend and clear them; silence is an incident of its own kind.

Event time alone decides, so any cut of a stream into batches gives the same incidents with the same ids.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import msgspec
import numpy as np

from kilowatch.app.labelling import Labelling
from kilowatch.app.rehearsal import Rehearsal
from kilowatch.core.clean import CleanBatch, Cleaner
from kilowatch.core.device import grown
from kilowatch.core.events import EventKind, IncidentEvent
from kilowatch.core.excuses import Verdict
from kilowatch.core.grid import Grid
from kilowatch.core.incident import IncidentRules, IncidentTracker
from kilowatch.core.judge import Judge, Scorer
from kilowatch.core.learning import Curriculum, LearningPlan, Teacher, without
from kilowatch.core.on_since import OnSince
from kilowatch.core.pace import Pace
from kilowatch.core.policy import Moment
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.site_time import SiteTime
from kilowatch.core.staleness import StalenessTracker
from kilowatch.detectors.cold_start import ColdStart

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kilowatch.app.advisor import Advice, Advisor
    from kilowatch.core.detector import Detector
    from kilowatch.core.device import DeviceRecord, Fleet
    from kilowatch.core.events import Label, Undo
    from kilowatch.core.incident import Hot
    from kilowatch.core.judged import Judged
    from kilowatch.core.ports import SampleHistory
    from kilowatch.core.samples import Samples

_LATEST_MS = np.iinfo(np.int64).max
LATENESS_MS = 30_000
"""Site time runs this far behind its newest reading where it stands in for a silent plug's own: plugs of a home
do not speak in step."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one batch brought: how it was cleaned, what was judged, what happened to incidents in event order,
    and what policy newly wants."""

    clean: CleanBatch
    judged: list[Judged]
    events: list[IncidentEvent]
    advice: list[Advice]


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """What a person may choose; the defaults are for a home.

    alarms_per_week: for every device, where None as its record says. rehearse: rates to try beside it.
    """

    plan: LearningPlan = field(default_factory=LearningPlan)
    rules: IncidentRules = field(default_factory=IncidentRules)
    alarms_per_week: float | None = None
    rehearse: tuple[float, ...] = ()


class Pipeline:
    """State of every device of a fleet, and the steps that take readings to incidents.

    Its state can be frozen; the history that it learns from is a link's and has a state of its own.
    between_lessons: called after each lesson, for whoever may not be away for as long as many of them take.
    """

    frozen_also: ClassVar[tuple[str, ...]] = ("_met",)
    frozen_not: ClassVar[tuple[str, ...]] = ("_history", "_room", "between_lessons")

    def __init__(
        self,
        fleet: Fleet,
        detector: Detector,
        history: SampleHistory | None = None,
        settings: PipelineSettings | None = None,
        advisor: Advisor | None = None,
    ) -> None:
        self.settings = settings or PipelineSettings()
        self.fleet = fleet
        self.cleaner = Cleaner(fleet)
        self.grid = Grid(fleet)
        self.site_time = SiteTime(fleet)
        self.cold_start = ColdStart()
        self.scorer = Scorer(detector, self.cold_start)
        self.judge = Judge(self.scorer, self.settings.alarms_per_week)
        self.rehearsals = [Rehearsal(self.scorer, fleet, self.settings.rules, r) for r in self.settings.rehearse]
        self.curriculum = Curriculum(self.settings.plan)
        # One teacher for all rates: they differ in thresholds alone, so the detector is fitted once a lesson.
        judges = (self.judge, *(rehearsal.judge for rehearsal in self.rehearsals))
        self.teacher = Teacher(self.scorer, judges, self.settings.plan)
        self.incidents = IncidentTracker(fleet, self.settings.rules)
        self.staleness = StalenessTracker(fleet, self.settings.rules)
        self.on_since = OnSince()
        self.pace = Pace(fleet)
        self.labelling = Labelling(fleet)
        self.between_lessons: Callable[[], None] = lambda: None
        self._history = history
        self._advisor = advisor
        self._room = self._met = 0
        self._seen_ms = np.zeros(0, dtype=np.int64)
        self._spans: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)

    def step(self, batch: ReadingBatch) -> StepResult:
        """Take readings in, let time pass to where they have come, and return what came of them."""
        return self._step(batch, passing=True)

    def accept(self, batch: ReadingBatch) -> StepResult:
        """Take readings in and let no time pass: who calls `pass_time` in between decides when silence is noticed.

        What comes of each reading then hangs on its device's readings alone, however a stream is cut.
        """
        return self._step(batch, passing=False)

    def pass_time(self, ts_ms: int = 0) -> StepResult:
        """Let time pass at every site, at least to ts_ms."""
        self.reserve()
        self.site_time.tick_all(ts_ms)
        return self.step(_no_readings())

    def tick(self, site: str, ts_ms: int) -> StepResult:
        """Let time pass at a site without a reading."""
        self.reserve()
        self.site_time.tick(site, ts_ms)
        return self.step(_no_readings())

    def acknowledge(self, incident_id: str, ts_ms: int) -> list[IncidentEvent]:
        """Note that a person has seen an incident; nothing where it is not open."""
        return self.incidents.acknowledge(incident_id, ts_ms) or self.staleness.acknowledge(incident_id, ts_ms)

    def label(self, word: Label | Undo) -> None:
        """Take a person's word on an incident, or back: its device learns anew at once where that changes anything."""
        slot = self.fleet.slot(word.site, word.device)
        incident = None if slot is None else self.incidents.incident(slot)
        # Only cleared incidents are remembered by themselves; a person may speak of one that is still open.
        if slot is not None and incident is not None and incident.id == word.incident:
            self.labelling.saw(slot, incident)
        learner = self.labelling.take(word)
        if learner is not None and self._history is not None and self.curriculum.has_learnt(learner):
            # A series ends before its second time: one more takes in the newest sample that was judged.
            self._lesson(learner, int(self._seen_ms[learner]) + 1)

    def revise(self, record: DeviceRecord) -> None:
        """Take over a device's record, new or changed."""
        slot = self.fleet.slot(record.site, record.device)
        if slot is None:
            self.fleet.add(record)
            return
        before = self.fleet.records[slot]
        self.fleet.update(_paced(record, before))
        # A device that the parts have no room for yet is taken over, as its record is then, by the next `reserve`.
        if slot < self._met:
            self.grid.refresh(slot)
            if self.fleet.records[slot].grid_s != before.grid_s:
                self.grid.restart(slot)
            self.cold_start.meet(slot, record)
            self.pace.ask(slot)

    def retire(self, site: str, device: str, ts_ms: int) -> list[IncidentEvent]:
        """Forget a device that a person has deleted; return the ends of its incidents. Its name is met anew."""
        slot = self.fleet.slot(site, device)
        if slot is None:
            return []
        self.reserve()
        events = [*self.incidents.retire(slot, ts_ms), *self.staleness.retire(slot, ts_ms)]
        self.grid.restart(slot)
        self._spans.pop(slot, None)
        self.fleet.retire(slot)
        return events

    def survey(self, batch: ReadingBatch, history: SampleHistory) -> None:
        """Put the samples that readings make into a history; nothing is judged."""
        self.reserve()
        clean = self.cleaner.clean(batch)
        self.site_time.observe(clean.readings.slot, clean.readings.ts_ms)
        history.append(self.grid.push(clean.readings, clean.segments, clean.historical))
        history.append(self._pass_grid_time(self._site_ms()))

    def learn_at_once(self, history: SampleHistory) -> None:
        """Let every device learn all of a history now, and never again: what `--look-back` asks for."""
        self.reserve()
        for slot, record in enumerate(self.fleet.records):
            series = history.series(slot, record, 0, _LATEST_MS)
            if self.curriculum.is_enough(series):
                self.teacher.teach(slot, series)
                self.curriculum.graduate(slot)

    def reserve(self) -> None:
        """Make room for every device of the fleet."""
        size = len(self.fleet)
        if size > self._room:
            # Doubled, so that a fleet which grows device by device does not copy every array each time.
            self._room = max(64, size, 2 * self._room)
            self.scorer.reserve(self._room)
            self.judge.reserve(self._room)
            for rehearsal in self.rehearsals:
                rehearsal.reserve(self._room)
            self.curriculum.reserve(self._room)
            self.on_since.reserve(self._room)
            self._seen_ms = grown(self._seen_ms, self._room)
        for slot in range(self._met, size):
            self.cold_start.meet(slot, self.fleet.records[slot])
        self._met = size
        self.grid.reserve()
        self.site_time.reserve()
        self.pace.reserve()

    def _step(self, batch: ReadingBatch, *, passing: bool) -> StepResult:
        self.reserve()
        results = []
        for part, record in self.pace.parts(batch):
            # Only the last piece has no record: time passes once a batch, however many paces are found in it.
            results.append(self._step_part(part, passing=passing and record is None))
            if record is not None:
                self.revise(record)
        return results[0] if len(results) == 1 else _joined(results)

    def _step_part(self, batch: ReadingBatch, *, passing: bool) -> StepResult:
        clean = self.cleaner.clean(batch)
        readings, segments = clean.readings, clean.segments
        self.site_time.observe(readings.slot, readings.ts_ms)
        news = _News(self.staleness.observe(segments, readings.ts_ms, clean.historical), [])
        judged = self._take(self.grid.push(readings, segments, clean.historical), news)
        if passing:
            judged += self._pass_time(news)
        return StepResult(clean, judged, sorted(news.events, key=_order), news.advice)

    def _take(self, samples: Samples, news: _News) -> list[Judged]:
        """Judge samples in event order, with each device's lessons in between."""
        judged = []
        self.curriculum.greet(samples)
        # This comes to an end: a lesson, taken or postponed, always sets its device's next one later.
        while len(samples):
            ready = self.curriculum.before_lesson(samples)
            now = samples if ready.all() else samples.keep(ready)
            judged.append(self._judge(now, news))
            samples = samples.keep(~ready)
            for slot in samples.segments.slot.tolist():
                self._teach(slot)
                self.between_lessons()
        return judged

    def _judge(self, samples: Samples, news: _News) -> Judged:
        scored = self.scorer.score(samples, self.curriculum.is_watching(samples.slot, samples.ts_ms))
        judged, hots = self.judge.judge(scored, self.settings.rules.leave, self._on_since_ms(samples))
        for rehearsal in self.rehearsals:
            rehearsal.take(scored)
        if self._history is not None:
            # Odd samples too: what a lesson leaves out is decided when it comes, and a person may speak until then.
            self._history.append(samples)
        for hot in hots:
            self._observe(hot, news)
        self._seen_ms[samples.segments.slot] = samples.ts_ms[samples.segments.ends]
        return judged

    def _teach(self, slot: int) -> None:
        if self._history is None:
            self.curriculum.postpone(slot)
            return
        if self._lesson(slot, int(self.curriculum.due_ms[slot])):
            self.curriculum.learnt(slot)
        else:
            self.curriculum.postpone(slot)

    def _lesson(self, slot: int, until_ms: int) -> bool:
        """Teach a device what it has been like up to a time; return False where that is too little."""
        if self._history is None:
            return False
        record = self.fleet.records[slot]
        past = self._history.series(slot, record, until_ms - self.settings.plan.horizon_ms, until_ms)
        series = without(past, self._spans_of(slot))
        if not self.curriculum.is_enough(series):
            return False
        self.teacher.teach(slot, past, series, self.labelling.real_spans(slot))
        return True

    def _spans_of(self, slot: int) -> list[tuple[int, int]]:
        open_now = self.incidents.incident(slot)
        open_spans = [] if open_now is None or not open_now.is_open else [(open_now.first_ms, open_now.last_ms)]
        return self.labelling.spans(slot, self._spans[slot] + open_spans)

    def _pass_time(self, news: _News) -> list[Judged]:
        """Complete the samples of plugs that say nothing new, clear quiet incidents, notice silence."""
        now_ms = self._site_ms()
        judged = self._take(self._pass_grid_time(now_ms), news)
        # By how far each device's own samples are judged, not by site time: a late one must find its incident open.
        self._note(self.incidents.advance(self._seen_ms[: len(self.fleet)]), news)
        news.events.extend(self.staleness.advance(now_ms))
        return judged

    def _pass_grid_time(self, now_ms: NDArray[np.int64]) -> Samples:
        return self.grid.advance(np.arange(len(self.fleet), dtype=np.int32), now_ms)

    def _site_ms(self) -> NDArray[np.int64]:
        return self.site_time.of(np.arange(len(self.fleet), dtype=np.int32)) - LATENESS_MS

    def _observe(self, hot: Hot, news: _News) -> None:
        verdict = self.labelling.judge(hot)
        if verdict is Verdict.DROP:
            return
        self._note(self.incidents.observe(replace(hot, harmless=verdict is Verdict.QUIET)), news)
        # Also where the incident has no news: an interlock may open by time alone, such as a cool-down that ends.
        self._ask(hot.slot, hot.ts_ms, news)

    def _on_since_ms(self, samples: Samples) -> NDArray[np.int64]:
        """Return since when each sample's device has been on; moves on past all samples."""
        on = samples.power_w >= self.fleet.off_below_w[samples.slot]
        return self.on_since.observe(samples.segments, samples.ts_ms, on)

    def _ask(self, slot: int, ts_ms: int, news: _News) -> None:
        incident = self.incidents.incident(slot)
        if self._advisor is None or incident is None or not self._advisor.cares(incident):
            return
        event = self.incidents.stands(slot, ts_ms)
        advice = None if event is None else self._advisor.advise(event, self.fleet.records[slot], Moment(ts_ms))
        if advice is not None:
            news.advice.append(advice)

    def _note(self, events: list[IncidentEvent], news: _News) -> None:
        news.events.extend(events)
        for event in events:
            if event.kind is EventKind.CLEARED:
                self._settle(event)

    def _settle(self, event: IncidentEvent) -> None:
        """Remember a cleared incident for as long as a lesson may look back on it."""
        if self._advisor is not None:
            self._advisor.settle(event)
        slot = self.fleet.slot(event.site, event.device)
        incident = None if slot is None else self.incidents.incident(slot)
        if slot is not None and incident is not None and self._history is not None:
            self.labelling.saw(slot, incident)
            # No lesson looks back beyond its horizon: what ended before is dropped, or the list would grow for ever.
            since_ms = event.first_ms - self.settings.plan.horizon_ms
            recent = [span for span in self._spans[slot] if span[1] >= since_ms]
            self._spans[slot] = [*recent, (event.first_ms, event.last_ms)]


@dataclass(frozen=True, slots=True)
class _News:
    events: list[IncidentEvent]
    advice: list[Advice]


def _joined(results: list[StepResult]) -> StepResult:
    return StepResult(
        CleanBatch.join([result.clean for result in results]),
        [judged for result in results for judged in result.judged],
        sorted((event for result in results for event in result.events), key=_order),
        [advice for result in results for advice in result.advice],
    )


def _paced(record: DeviceRecord, before: DeviceRecord) -> DeviceRecord:
    """Return a record with the pace that was found before where it says nothing of one."""
    if record.is_paced or not before.is_paced:
        return record
    return msgspec.structs.replace(
        record, interval_s=before.interval_s, reporting=before.reporting, heartbeat_s=before.heartbeat_s
    )


def _order(event: IncidentEvent) -> tuple[int, str, str, int]:
    # Names and versions settle ties: batches that were cut otherwise must tell the same order.
    return event.ts_ms, event.site, event.device, event.version


def _no_readings() -> ReadingBatch:
    return ReadingBatch(np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float64))
