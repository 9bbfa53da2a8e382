"""What each suite runs on: tasks for the workers, and how it is told to people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kilowatch.errors import ReadingError
from kilowatch.lab.datasets import Family, folder, has, meters
from kilowatch.lab.suites.contenders import QUICK, contenders, one_chance_each
from kilowatch.lab.suites.fault_days import appliances
from kilowatch.lab.suites.faults import FaultTask, run_faults
from kilowatch.lab.suites.injected import COPIES, InjectedTask, run_injected
from kilowatch.lab.suites.nab import NabTask, run_nab
from kilowatch.lab.suites.nab_series import nab_series
from kilowatch.lab.suites.rows import BOOTSTRAP_SEED, Summary
from kilowatch.lab.suites.switch_off import OffTask, run_switch_off

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kilowatch.lab.datasets import MeterFile
    from kilowatch.lab.suites.contenders import Contender


class Suite(StrEnum):
    """What can be evaluated."""

    FAULTS = "faults"
    INJECTED = "injected"
    NAB = "nab"
    SWITCH_OFF = "switch-off"


@dataclass(frozen=True, slots=True)
class Options:
    """quick: a small part, for tests. detectors: which, all where none are named. workers: processes."""

    quick: bool = False
    detectors: tuple[str, ...] = ()
    workers: int = 1

    def contenders(self) -> list[Contender]:
        """Return who takes part."""
        chosen = contenders(self.detectors or (QUICK if self.quick else ()))
        return [one for one in chosen if one.seed == 0] if self.quick else chosen


@dataclass(frozen=True, slots=True)
class Prepared:
    """A suite ready to run: work turns one task into a list of findings. published: VUS-PR by method and series."""

    suite: Suite
    work: Callable[[Any], list[Any]]
    tasks: Sequence[Any]
    devices: int
    seeds: tuple[int, ...]
    protocol: list[str]
    notes: list[str]
    summary: Summary = field(default_factory=Summary)
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def prepare(suite: Suite, options: Options) -> Prepared:
    """Return a suite ready to run; `ReadingError` where its data are missing or do not fit."""
    return _PREPARE[suite](options)


def _faults(options: Options) -> Prepared:
    every = appliances()
    who = options.contenders()
    tested = (6,) if options.quick else tuple(sorted({day.day for one in every for day in one.normal}))
    return Prepared(
        suite=Suite.FAULTS,
        work=run_faults,
        tasks=[FaultTask(one, contender, tested) for one in every for contender in who],
        devices=len(every),
        seeds=(BOOTSTRAP_SEED,),
        protocol=[
            "Each day is left out in turn: thresholds and detectors come from the other normal days of the appliance.",
            "VUS-PR: mean over (appliance, fault) sets, buffer 10 min; scores are causal.",
            "Event recall: mean over sets; an incident opens, or stands, from the event's start to 60 min after its end,"
            " and none of the normal day's does.",
            "Faulty days found: an incident opens that day, and none on its clean twin.",
            "False alarms: incidents on normal days that were left out.",
        ],
        notes=[reason for one in every for reason in one.refused],
        summary=Summary(over_series=True, standing=True, has_days=True),
    )


def _injected(options: Options) -> Prepared:
    found, notes = _meters((Family.COMBED, Family.TRACEBASE, Family.UCI))
    who = options.contenders()
    chosen = found[:: max(1, len(found) // 3)][:3] if options.quick else found
    copies, days = (COPIES, 6) if options.quick else (COPIES, 21)
    return Prepared(
        suite=Suite.INJECTED,
        work=run_injected,
        tasks=[
            InjectedTask(meter, 4 * n, one_chance_each(who, n), copies, days)
            for n, meter in enumerate(chosen)
        ],
        devices=len(chosen),
        seeds=tuple(range(copies)),
        protocol=[
            "Learnt from the first 14 days of each device, half of a shorter series; the rest is the test.",
            f"{copies} copies of each test share 15 types of injection, up to 12 h each, 6 h apart, strengths dealt out"
            " over devices.",
            "An event is found if an incident opens for it that the clean twin does not have.",
            "False alarms, open time and the achieved rate come from the test as it was recorded.",
            "After a drift of +30 % within a day, with the product's weekly relearning, alarms count from 3 days on.",
            "VUS-PR: mean over copies, buffer 60 samples; scores are causal.",
        ],
        notes=notes,
    )


def _nab(options: Options) -> Prepared:
    series, left_out = nab_series()
    chosen = series[:3] if options.quick else series
    return Prepared(
        suite=Suite.NAB,
        work=run_nab,
        tasks=[NabTask(one, contender) for contender in options.contenders() for one in reversed(chosen)],
        devices=len(chosen),
        seeds=(BOOTSTRAP_SEED,),
        protocol=[
            "Detectors learn the training prefix only, and score each sample from those before it.",
            "VUS-PR as published: over the whole series, buffer = its period by autocorrelation; with that buffer the"
            " published figures of a deterministic method come out to six digits.",
            "The published methods saw the whole series, and mostly the future of each sample.",
            "Values become watts by the prefix's range (1,000 W); its rhythm is taken for the day.",
        ],
        notes=left_out,
        published={one.name: one.published for one in chosen},
    )


def _switch_off(options: Options) -> Prepared:
    found, notes = _meters((Family.COMBED, Family.TRACEBASE))
    devices: list[Any] = [*found, *(appliances() if has(Family.APPLIANCES) else [])]
    chosen = devices[:: max(1, len(devices) // 4)][:4] if options.quick else devices
    who = options.contenders()
    return Prepared(
        suite=Suite.SWITCH_OFF,
        work=run_switch_off,
        tasks=[OffTask(device, n, one_chance_each(who, n)) for n, device in enumerate(chosen)],
        devices=len(chosen),
        seeds=tuple(range(3)),
        protocol=[
            "The whole product with everything armed, nothing protected and no minimum run time: 7 days of learning,"
            " relearning every week.",
            "False offs: switch-offs on data as recorded, per device-year of watching; 95 % upper bound, exact Poisson.",
            "Critical faults: stuck on, or never stops, for 6 to 12 h, adding 100 W or more and at least as much again"
            " as the appliance should draw. Meters of floors and buildings have no switch and get none.",
            "A fault counts as switched off while it lasts; not if sound data would have been switched off as well.",
        ],
        notes=notes,
    )


def _meters(families: tuple[Family, ...]) -> tuple[list[MeterFile], list[str]]:
    there = [family for family in families if has(family)]
    if not there:
        folder(families[0])
    notes = [f"{family} is not there: the figures are without it." for family in families if family not in there]
    found = [meter for family in there for meter in meters(family)]
    if not found:
        raise ReadingError("No meter was found.", "docs/data.md says what the folders must hold.")
    return found, notes


_PREPARE: Mapping[Suite, Callable[[Options], Prepared]] = MappingProxyType(
    {Suite.FAULTS: _faults, Suite.INJECTED: _injected, Suite.NAB: _nab, Suite.SWITCH_OFF: _switch_off}
)
