"""`kilowatch demo --replay`: weeks of a simulated home with faults, through the real pipeline, ending in a report."""

from __future__ import annotations

import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from kilowatch.app.advisor import would_be_armed
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.replay import ReplayOutcome
from kilowatch.app.replay import replay as run_replay
from kilowatch.app.trace import TraceRecorder
from kilowatch.cli.demo import has_screen
from kilowatch.cli.progress import reading_progress
from kilowatch.cli.show import show_summary
from kilowatch.core.device import Fleet
from kilowatch.core.explain import clock, duration
from kilowatch.core.learning import LearningPlan
from kilowatch.detectors.registry import create
from kilowatch.lab.report.build import tell, would_do
from kilowatch.lab.report.page import write_report
from kilowatch.links.memory import MemoryHistory
from kilowatch.sim.faults import Fault, FaultSpec
from kilowatch.sim.home import Home

if TYPE_CHECKING:
    from kilowatch.app.ledger import IncidentEntry
    from kilowatch.app.pipeline import StepResult
    from kilowatch.core.reading import ReadingBatch

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_START_MS = 1_767_567_600_000
"""Monday 2026-01-05 00:00 in Berlin: any Monday serves."""
_LEARNING_DAYS = 14
# A fault may show first in what follows it: in the device's next run, or in none that comes.
_FOUND_WITHIN_MS = 6 * _HOUR_MS
_STORIES = (
    (Fault.LEFT_ON, "heater", 15, 22, 9),
    (Fault.DOOR_OPEN, "fridge", 16, 18, 10),
    (Fault.LEFT_ON, "kettle", 17, 8, 1),
    (Fault.THERMOSTAT_STUCK, "water_heater", 18, 11, 8),
    (Fault.PHANTOM_LOAD, "computer", 19, 9, 30),
    (Fault.METER_SILENT, "freezer", 20, 4, 5),
)
"""(fault, device, day, local hour, hours): one of each sort that a person would want to hear of."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The home, its faults and the time at which it ends."""

    home: Home
    faults: tuple[FaultSpec, ...]
    end_ms: int


def scene(seed: int, days: int, *, faults: bool) -> Scene:
    """Return a home with those of the stories that fit into so many days."""
    home = Home(seed, _START_MS)
    specs = tuple(
        FaultSpec(name, device, _at(day, hour), _at(day, hour) + hours * _HOUR_MS)
        for name, device, day, hour, hours in _STORIES
        # Two days are left of it, so that the fault and its end are both lived through.
        if day + 2 <= days and device in home.kinds
    )
    return Scene(home, specs if faults else (), _START_MS + days * _DAY_MS)


@dataclass(frozen=True, slots=True)
class Weeks:
    """What a person chose: days of the home's life, which home, whether anything goes wrong, and what to show."""

    days: int
    seed: int
    faults: bool
    report: Path
    opens: bool
    as_json: bool


def play_weeks(wanted: Weeks) -> None:
    """Live through weeks in seconds: what goes wrong, what is found, what would be done."""
    report, as_json = wanted.report, wanted.as_json
    console = Console(stderr=as_json)
    play = scene(wanted.seed, wanted.days, faults=wanted.faults)
    fleet = Fleet(play.home.records())
    console.print(
        f"A simulated home: {len(fleet)} meters, {wanted.days} days, {_LEARNING_DAYS} of them to learn. "
        "Nothing is switched."
    )
    settings = PipelineSettings(plan=LearningPlan(learning_days=_LEARNING_DAYS))
    # Weeks are to pass in seconds: the fleet's ensemble costs a part of the default's.
    pipeline = Pipeline(fleet, create("fleet"), MemoryHistory(), settings, would_be_armed())
    recorder = TraceRecorder()
    outcome = _run(play, pipeline, recorder, quiet=as_json)
    _tell(console, play, pipeline, outcome)
    story = tell(pipeline, recorder, outcome, "kilowatch: a simulated home", [_note(play)])
    write_report(story, report)
    console.print(f"Report: [bold]{escape(str(report))}[/]")
    if as_json:
        typer.echo(msgspec.json.encode(outcome.output()))
        return
    if wanted.opens and has_screen():
        webbrowser.open(report.resolve().as_uri())
    console.print("\nNext:\n  kilowatch replay FILE     the same for your own readings")
    console.print("  kilowatch rehearse FILE   alarms a week at each sensitivity\n  kilowatch --help")


def _run(play: Scene, pipeline: Pipeline, recorder: TraceRecorder, *, quiet: bool) -> ReplayOutcome:
    fleet = pipeline.fleet
    total = round(sum((play.end_ms - _START_MS) / 1000 / (r.interval_s or 30.0) for r in fleet.records))
    with reading_progress("living through it", total, quiet=quiet) as count:

        def on_step(batch: ReadingBatch, result: StepResult) -> None:
            count(len(batch))
            for judged in result.judged:
                recorder.add(judged)

        return run_replay(pipeline, play.home.readings(fleet, play.end_ms, play.faults), on_step)


def _tell(console: Console, play: Scene, pipeline: Pipeline, outcome: ReplayOutcome) -> None:
    found = {fault: _found(fault, outcome) for fault in play.faults}
    zone = play.home.time_zone
    if play.faults:
        console.print("\nWhat went wrong, and what was said of it:")
    for fault, entry in found.items():
        console.print(f"\n{clock(fault.start_ms, zone, 0)}  [bold]{_what(fault)}[/]")
        words = "[red]not found[/]" if entry is None else _words(fault, entry, outcome, zone)
        console.print(Padding(words, (0, 0, 0, 4)))
    named = {entry.told.id for entry in found.values() if entry is not None}
    others = [entry for entry in outcome.incidents if entry.told.id not in named]
    console.print(
        f"\n{len(others)} {'more ' if found else ''}incidents over {len(pipeline.fleet)} meters; the report shows each."
    )
    show_summary(console, outcome)


def _what(fault: FaultSpec) -> str:
    return f"{fault.device} {fault.name.value}".replace("_", " ")


def _found(fault: FaultSpec, outcome: ReplayOutcome) -> IncidentEntry | None:
    """Return the first incident of the device that opened during the fault or soon after it."""
    end_ms = (fault.end_ms or outcome.tally.end_ms) + _FOUND_WITHIN_MS
    fitting = (e for e in outcome.incidents if e.told.device == fault.device and fault.start_ms <= e.opened_ms < end_ms)
    return next(iter(sorted(fitting, key=lambda entry: entry.opened_ms)), None)


def _words(fault: FaultSpec, entry: IncidentEntry, outcome: ReplayOutcome, zone: str) -> str:
    delay = duration(entry.opened_ms - fault.start_ms)
    would = would_do(entry, outcome.advice, zone)
    return f"[green]after {delay}[/] {escape(entry.told.sentence)}\n[dim]{escape(would)}[/]"


def _note(play: Scene) -> str:
    if not play.faults:
        return "Nothing went wrong in this home."
    zone = play.home.time_zone
    told = (f"{_what(fault)} ({clock(fault.start_ms, zone, 0)})" for fault in play.faults)
    return f"What went wrong in this home: {', '.join(told)}."


def _at(day: int, local_hour: int) -> int:
    return _START_MS + day * _DAY_MS + local_hour * _HOUR_MS
