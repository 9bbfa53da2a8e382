"""The suite `switch-off`: would anything sound have been switched off, and would what is critical have been?

Every clean meter, plug and normal appliance day goes through the whole product, learning as it goes, with everything
armed and nothing protected. No minimum run time of compressors applies, so more is switched off than the policy would
allow. Then appliances get critical faults: a load that is on and stays on, and over the whole fault draws 100 W more
than it should, and twice what it should. Meters of floors and buildings get none: there is no switch. Never switching
is no answer: the count means little where recall is under 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from kilowatch.app.advisor import Advice, Advisor
from kilowatch.core.device import ActsBy, Kind
from kilowatch.core.events import IncidentEvent, Want
from kilowatch.core.learning import LearningPlan
from kilowatch.core.policy import PolicyRules
from kilowatch.lab.datasets import MeterFile
from kilowatch.lab.inject import Injection, Trace, inject_many
from kilowatch.lab.suites.contenders import SHIPPED
from kilowatch.lab.suites.doses import Dose, placed
from kilowatch.lab.suites.fault_days import in_sequence
from kilowatch.lab.suites.faults import record_of
from kilowatch.lab.suites.front import course_of, read_course
from kilowatch.lab.suites.product import run_product

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.app.replay import ReplayOutcome
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.policy import Moment
    from kilowatch.lab.inject import Injected, InjectionSpec
    from kilowatch.lab.suites.contenders import Contender
    from kilowatch.lab.suites.fault_days import Appliance

CRITICAL = (Dose(Injection.STUCK_ON), Dose(Injection.NEVER_STOPS))
CRITICAL_W = 100.0
"""A fault that adds less heats nothing: it can wait for a person."""

CRITICAL_TIMES = 2.0

COPIES = 3
COPY_DAYS = 21
"""A copy with faults need not be longer: a week to learn, two weeks with faults in."""

DAY_MS = 86_400_000
YEAR_MS = 365.25 * DAY_MS


class EverythingArmed(Advisor):
    """Policy as if every device were armed, nobody had protected any, and none needed a minimum run time."""

    def __init__(self) -> None:
        super().__init__(PolicyRules(side=ActsBy.EDGE, dry_run=False), as_if_armed=True)

    def advise(self, event: IncidentEvent, record: DeviceRecord, at: Moment) -> Advice | None:
        """Return what would be wanted."""
        # Minimum run times go by kind, and an unknown one has none.
        return super().advise(event, msgspec.structs.replace(record, protected=False, kind=Kind.UNKNOWN), at)


@dataclass(frozen=True, slots=True)
class OffFindings:
    """One detector on one device: off_ms int64[o], when something sound would have been switched off; watched_ms;
    for each critical fault whether it was switched off, and how late, s."""

    detector: str
    device: str
    off_ms: NDArray[np.int64]
    watched_ms: int
    hit: NDArray[np.bool_]
    delay_s: NDArray[np.float64]
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OffTask:
    """All detectors on one device: that of a file, or an appliance whose normal days are laid one after another."""

    device: MeterFile | Appliance
    number: int
    contenders: tuple[Contender, ...]
    copies: int = COPIES
    most_days: float = np.inf


def run_switch_off(task: OffTask) -> list[OffFindings]:
    """Measure all detectors on one device."""
    device = _opened(task.device)
    if np.isfinite(task.most_days):
        device = replace(device, trace=first_days(device.trace, task.most_days))
    return [measured(device, one, task.number, _copies(one, task.copies)) for one in task.contenders]


def _copies(contender: Contender, most: int) -> int:
    """Return how many copies with faults a detector gets: what is compared with has the first of each device alone."""
    return most if contender.name in SHIPPED else min(most, 1)


@dataclass(frozen=True, slots=True)
class OffDevice:
    """A device that is to be watched."""

    name: str
    record: DeviceRecord
    trace: Trace


def _opened(device: MeterFile | Appliance) -> OffDevice:
    if isinstance(device, MeterFile):
        course = read_course(device)
        return OffDevice(device.name, course.record, course.trace)
    days = in_sequence(device.normal, int(device.normal[0].ts_ms[0]), DAY_MS)
    ts_ms, power_w = np.concatenate([d.ts_ms for d in days]), np.concatenate([d.power_w for d in days])
    course = course_of(record_of(device.device), Trace(ts_ms, power_w, days[0].trace.interval_s))
    return OffDevice(f"appliances/{device.device}", course.record, course.trace)


def measured(device: OffDevice, contender: Contender, number: int, copies: int = COPIES) -> OffFindings:
    """Return what would have been switched off on one device."""
    plan = LearningPlan()
    clean = run_product(contender.create(), device.record, device.trace, plan, EverythingArmed())
    sound_ms = offs(clean)
    hits, delays, kinds = [], [], []
    short = first_days(device.trace, COPY_DAYS)
    for copy in range(copies):
        # By `COPIES`, however many this detector gets: the first copy is the same for all of them.
        injected = with_critical(device.record, short, COPIES * number + copy, plan)
        if injected is None or not injected.specs:
            continue
        outcome = run_product(contender.create(), device.record, injected.trace, plan, EverythingArmed())
        for spec in injected.specs:
            delay_s = _delay_s(spec, offs(outcome), sound_ms)
            hits.append(np.isfinite(delay_s))
            delays.append(delay_s)
            kinds.append(spec.kind.value)
    return OffFindings(
        detector=contender.name,
        device=device.name,
        off_ms=sound_ms,
        watched_ms=int(clean.tally.watched_ms.sum()),
        hit=np.array(hits, dtype=np.bool_),
        delay_s=np.array(delays, dtype=np.float64),
        kinds=tuple(kinds),
    )


def first_days(trace: Trace, days: float) -> Trace:
    """Return a trace's readings up to so many days after its first."""
    rows = int(np.searchsorted(trace.ts_ms, int(trace.ts_ms[0]) + round(days * DAY_MS)))
    return Trace(trace.ts_ms[:rows], trace.power_w[:rows], trace.interval_s)


def offs(outcome: ReplayOutcome) -> NDArray[np.int64]:
    """Return when the policy wanted a switch off, int64[o], sorted."""
    wanted = [given.at_ms for given in outcome.advice.values() if given.intent.want is Want.SWITCH_OFF]
    return np.sort(np.array(wanted, dtype=np.int64))


def with_critical(record: DeviceRecord, trace: Trace, seed: int, plan: LearningPlan) -> Injected | None:
    """Return the trace with critical faults after the days of learning; None where there is no room or no switch."""
    from_ms = int(trace.ts_ms[0]) + round((plan.learning_days + 1) * DAY_MS)
    if record.kind is Kind.METER or not (trace.ts_ms >= from_ms).any():
        return None
    specs = placed(trace, CRITICAL, seed, from_ms)
    tried = inject_many(trace, specs, seed)
    strong = [spec for spec in tried.specs if _is_critical(trace, tried.trace, spec)]
    # Both kinds draw nothing that matters, so what stays is injected as it was tried.
    return inject_many(trace, strong, seed) if len(strong) < len(specs) else tried


def _is_critical(sound: Trace, faulty: Trace, spec: InjectionSpec) -> bool:
    seen_ms, gone_ms = spec.seen_ms or spec.start_ms, spec.gone_ms or spec.end_ms
    inside = (sound.ts_ms >= seen_ms) & (sound.ts_ms < gone_ms)
    should_w, does_w = float(np.nanmean(sound.power_w[inside])), float(np.nanmean(faulty.power_w[inside]))
    return does_w - should_w >= CRITICAL_W and does_w >= CRITICAL_TIMES * should_w


def _delay_s(spec: InjectionSpec, off_ms: NDArray[np.int64], sound_ms: NDArray[np.int64]) -> float:
    """Return how long after its start a fault was switched off, NaN where it was not, or sound data was as well."""
    seen_ms, gone_ms = spec.seen_ms or spec.start_ms, spec.gone_ms or spec.end_ms
    inside = off_ms[(off_ms >= seen_ms) & (off_ms < gone_ms)]
    twin = ((sound_ms >= seen_ms) & (sound_ms < gone_ms)).any()
    return float("nan") if twin or not len(inside) else (int(inside[0]) - seen_ms) / 1000
