"""What each suite runs on: tasks for the workers, and how it is told to people."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kilowatch.lab.datasets import Family, folder, has, meters
from kilowatch.lab.suites import protocols
from kilowatch.lab.suites.contenders import QUICK, contenders, one_chance_each, swift
from kilowatch.lab.suites.fault_days import appliances
from kilowatch.lab.suites.faults import FaultTask, run_faults
from kilowatch.lab.suites.injected import COPIES, MOST_TEST_DAYS, InjectedTask, run_injected
from kilowatch.lab.suites.nab import NabTask, run_nab
from kilowatch.lab.suites.nab_series import nab_series
from kilowatch.lab.suites.rows import BOOTSTRAP_SEED, Summary
from kilowatch.lab.suites.switch_off import COPIES as OFF_COPIES
from kilowatch.lab.suites.switch_off import OffTask, run_switch_off

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
    days = sorted({day.day for one in every for day in one.normal})
    tested = tuple(days[len(days) // 2 :][:1] if options.quick else days)
    return Prepared(
        suite=Suite.FAULTS,
        work=run_faults,
        tasks=[FaultTask(one, contender, tested) for one in every for contender in who],
        devices=len(every),
        seeds=(BOOTSTRAP_SEED,),
        protocol=[*protocols.FAULTS, protocols.OPERATING_POINT],
        notes=[reason for one in every for reason in one.refused],
        summary=Summary(over_series=True, standing=True),
    )


def _injected(options: Options) -> Prepared:
    found, notes = _meters((Family.COMBED, Family.TRACEBASE, Family.UCI))
    who = options.contenders()
    chosen = found[:: max(1, len(found) // 2)][:2] if options.quick else found
    copies, days = COPIES, 6 if options.quick else MOST_TEST_DAYS
    return Prepared(
        suite=Suite.INJECTED,
        work=run_injected,
        # A long series is measured in four pieces, each with a number of its own from there on.
        tasks=[InjectedTask(meter, 4 * n, one_chance_each(who, n), copies, days) for n, meter in enumerate(chosen)],
        devices=len(chosen),
        seeds=tuple(range(copies)),
        protocol=[*protocols.INJECTED, protocols.OPERATING_POINT],
        notes=notes,
    )


def _nab(options: Options) -> Prepared:
    series, left_out = nab_series()
    chosen = series[:3] if options.quick else series
    return Prepared(
        suite=Suite.NAB,
        work=run_nab,
        # The longest first, so that no worker is left alone with it in the end.
        tasks=[NabTask(one, contender) for contender in options.contenders() for one in reversed(chosen)],
        devices=len(chosen),
        seeds=(BOOTSTRAP_SEED,),
        protocol=[*protocols.NAB],
        notes=left_out,
        published={one.name: one.published for one in chosen},
    )


def _switch_off(options: Options) -> Prepared:
    found, notes = _meters((Family.COMBED, Family.TRACEBASE))
    devices: list[Any] = [*found, *(appliances() if has(Family.APPLIANCES) else [])]
    # Spread over the list, which is sorted by data set: a quick run sees a device of each.
    chosen = devices[:: max(1, len(devices) // 3)][:3] if options.quick else devices
    limits = (1, 14.0) if options.quick else ()
    who = options.contenders() if options.detectors else swift(options.contenders())
    return Prepared(
        suite=Suite.SWITCH_OFF,
        work=run_switch_off,
        tasks=[OffTask(device, n, one_chance_each(who, n), *limits) for n, device in enumerate(chosen)],
        devices=len(chosen),
        seeds=tuple(range(limits[0] if limits else OFF_COPIES)),
        protocol=[*protocols.SWITCH_OFF],
        notes=notes,
    )


def _meters(families: tuple[Family, ...]) -> tuple[list[MeterFile], list[str]]:
    there = [family for family in families if has(family)]
    if not there:
        # Raises, and says what is missing and where it is expected.
        folder(families[0])
    notes = [f"{family} is not there: the figures are without it." for family in families if family not in there]
    return [meter for family in there for meter in meters(family)], notes


_PREPARE: Mapping[Suite, Callable[[Options], Prepared]] = MappingProxyType(
    {Suite.FAULTS: _faults, Suite.INJECTED: _injected, Suite.NAB: _nab, Suite.SWITCH_OFF: _switch_off}
)
