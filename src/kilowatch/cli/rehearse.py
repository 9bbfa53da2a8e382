"""`kilowatch rehearse`: alarms a week at each sensitivity, before anything is armed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from kilowatch.app.pipeline import PipelineSettings
from kilowatch.app.rehearsal import RATES, rehearsed
from kilowatch.app.replay import replay as run_replay
from kilowatch.app.setup import replay_of
from kilowatch.cli.progress import reading_progress
from kilowatch.cli.read_options import reads_files
from kilowatch.cli.replay import show_failures, show_problems
from kilowatch.core.learning import LearningPlan
from kilowatch.detectors.registry import create
from kilowatch.links.files import ReadOptions, open_sources

if TYPE_CHECKING:
    from kilowatch.core.outputs import RehearseOutput


@reads_files
def rehearse(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders with history.")],
    options: ReadOptions,
    detector: Annotated[str, typer.Option(help="Which detector; `kilowatch detectors` lists them.")] = "default",
    learning_days: Annotated[float, typer.Option(min=1, max=365, help="Days to learn before watching.")] = 7.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Say how many alarms a week history would have brought at each sensitivity."""
    chosen = create(detector)
    opened = open_sources(paths, options)
    show_failures(opened)
    settings = PipelineSettings(plan=LearningPlan(learning_days=learning_days), rehearse=RATES)
    run = replay_of(opened.sources, chosen, settings)
    total = sum(source.estimated_rows() for source in run.sources)
    with reading_progress("rehearse", total, quiet=as_json) as count:
        outcome = run_replay(run.pipeline, run.batches(), lambda batch, _: count(len(batch)))
    show_problems(opened)
    output = rehearsed(run.pipeline.rehearsals, len(run.pipeline.fleet), outcome.tally.device_weeks)
    if as_json:
        typer.echo(msgspec.json.encode(output))
    else:
        _show(Console(), output)


def _show(console: Console, output: RehearseOutput) -> None:
    several = "s"[: output.devices != 1]
    watched = f"{output.watched_device_weeks:,.1f} device-weeks watched on {output.devices} device{several}."
    columns = ("asked for, a device-week", "would have come", "incidents in all")
    table = Table(*columns, title=watched, title_justify="left")
    for row in output.sensitivities:
        came = "–" if row.alarms_per_device_week is None else f"{row.alarms_per_device_week:.2f}"
        table.add_row(f"{row.requested_per_device_week:g}", came, f"{row.incidents:,}")
    console.print(table)
    if not output.watched_device_weeks:
        console.print("The history is too short to tell: learn for less with --learning-days, or bring more of it.")
        return
    console.print("Nothing was armed. Choose one with --alarms-per-week and look at its report: kilowatch replay.")
