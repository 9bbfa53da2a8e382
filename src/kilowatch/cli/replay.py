"""`kilowatch replay`: what would have been said about history, by the code that runs live."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from kilowatch.app.pipeline import PipelineSettings
from kilowatch.app.replay import replay as run_replay
from kilowatch.app.setup import FileReplay, look_back, replay_of
from kilowatch.app.trace import TraceRecorder
from kilowatch.cli.progress import reading_progress
from kilowatch.cli.read_options import reads_files
from kilowatch.cli.show import show_incidents, show_summary
from kilowatch.core.learning import LearningPlan
from kilowatch.detectors.registry import create
from kilowatch.links.files import OpenResult, ReadOptions, open_sources

if TYPE_CHECKING:
    from kilowatch.app.pipeline import StepResult
    from kilowatch.app.replay import ReplayOutcome
    from kilowatch.core.reading import ReadingBatch

# What makes one row unreadable mostly does so in all: the count tells the rest.
_SHOWN_ROWS = 3
LOOK_BACK_NOTE = "Looked back: every device learnt from the whole file first, so these figures are not causal."


@reads_files
def replay(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders with history.")],
    options: ReadOptions,
    detector: Annotated[str, typer.Option(help="Which detector; `kilowatch detectors` lists them.")] = "default",
    alarms_per_week: Annotated[
        float | None, typer.Option(min=0.01, max=1000, help="Alarms a device-week to aim for [default: 1].")
    ] = None,
    learning_days: Annotated[float, typer.Option(min=1, max=365, help="Days to learn before watching.")] = 7.0,
    whole: Annotated[bool, typer.Option("--look-back", help="Learn from the whole file first; not causal.")] = False,
    report: Annotated[Path, typer.Option(help="Where to write the report.")] = Path("report.html"),
    out: Annotated[Path | None, typer.Option(help="Folder for verdicts and incidents as Parquet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Run history through the pipeline as if it were live: incidents, a report, what would have been done."""
    wanted = Wanted(detector, alarms_per_week, learning_days, whole, report, out, as_json)
    create(detector)  # a wrong name is told before minutes of reading
    replay_opened(open_sources(paths, options), ", ".join(path.name for path in paths), wanted)


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a replay is to run and where its results go."""

    detector: str = "default"
    alarms_per_week: float | None = None
    learning_days: float = 7.0
    whole: bool = False
    report: Path = Path("report.html")
    out: Path | None = None
    as_json: bool = False


def replay_opened(opened: OpenResult, title: str, wanted: Wanted) -> None:
    """Replay files that are open, and show what came of it."""
    console = Console(stderr=wanted.as_json)
    chosen = create(wanted.detector)
    show_failures(opened)
    plan = LearningPlan(learning_days=wanted.learning_days)
    settings = PipelineSettings(plan=plan, alarms_per_week=wanted.alarms_per_week)
    run = replay_of(opened.sources, chosen, settings)
    if wanted.whole:
        look_back(run)
    recorder = TraceRecorder()
    outcome = run_with_progress(run, recorder, wanted.out, quiet=wanted.as_json)
    show_problems(opened)
    if not wanted.as_json:
        show_incidents(console, outcome, run.pipeline.fleet)
        show_summary(console, outcome)
    notes = [LOOK_BACK_NOTE] if wanted.whole else []
    save_report(run, recorder, outcome, wanted.report, title, notes)
    console.print(f"Report: [bold]{escape(str(wanted.report))}[/]")
    if wanted.as_json:
        typer.echo(msgspec.json.encode(outcome.output()))


def run_with_progress(run: FileReplay, recorder: TraceRecorder, out: Path | None, *, quiet: bool) -> ReplayOutcome:
    """Replay with a bar, recording traces and, where wanted, verdicts."""
    from kilowatch.links.tables import VerdictWriter

    writer = VerdictWriter(out, run.pipeline.fleet) if out is not None else None
    total = sum(source.estimated_rows() for source in run.sources)
    with reading_progress("replay", total, quiet=quiet) as count:

        def on_step(batch: ReadingBatch, result: StepResult) -> None:
            count(len(batch))
            for judged in result.judged:
                recorder.add(judged)
                if writer is not None:
                    writer.add(judged)

        outcome = run_replay(run.pipeline, run.batches(), on_step)
    if writer is not None:
        writer.close([entry.told for entry in outcome.incidents])
    return outcome


def save_report(
    run: FileReplay, recorder: TraceRecorder, outcome: ReplayOutcome, path: Path, title: str, notes: list[str]
) -> None:
    """Write the report."""
    from kilowatch.lab.report.build import tell
    from kilowatch.lab.report.page import write_report

    write_report(tell(run.pipeline, recorder, outcome, f"kilowatch: {title}", notes), path)


def show_failures(opened: OpenResult) -> None:
    """Say on standard error which files could not be read, and why."""
    console = Console(stderr=True, highlight=False)
    for failure in opened.failures:
        where = failure.path if failure.row is None else f"{failure.path}, row {failure.row}"
        words = escape(f"{where}: {failure.message} {failure.hint}")
        console.print(f"[yellow]skipped[/] {words}", soft_wrap=True)


def show_problems(opened: OpenResult) -> None:
    """Say on standard error which rows could not be read."""
    console = Console(stderr=True, highlight=False)
    for source in opened.sources:
        for problem in source.problems()[:_SHOWN_ROWS]:
            words = escape(f"{problem.path}, row {problem.row}: {problem.reason}")
            console.print(f"[yellow]left out[/] {words}", soft_wrap=True)
        notes = source.notes()
        if source.problem_rows > _SHOWN_ROWS:
            notes = [f"{source.problem_rows:,} unreadable rows in all", *notes]
        for note in notes:
            console.print(f"[dim]{escape(f'{source.path}: {note}')}[/]", soft_wrap=True)
