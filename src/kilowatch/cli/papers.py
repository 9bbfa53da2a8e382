"""`kilowatch evaluate paper-edge` and `paper-cloud`: what the papers print, and what comes out here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from kilowatch.cli.progress import step_progress
from kilowatch.cli.tables import show_figures

if TYPE_CHECKING:
    from kilowatch.core.outputs_papers import PaperCloudOutput, PaperEdgeOutput
    from kilowatch.lab.suites.papers.cloud import CloudOptions
    from kilowatch.lab.suites.papers.edge import EdgeOptions


def run_edge_suite(options: EdgeOptions, *, quiet: bool) -> PaperEdgeOutput:
    """Run the edge paper's suite with a bar on standard error."""
    from kilowatch.lab.suites.papers.edge import evaluate_edge

    with step_progress("paper-edge", quiet=quiet) as report:
        return evaluate_edge(options, report)


def run_cloud_suite(options: CloudOptions, *, quiet: bool) -> PaperCloudOutput:
    """Run the cloud paper's suite with a bar on standard error."""
    from kilowatch.lab.suites.papers.cloud import evaluate_cloud

    with step_progress("paper-cloud", quiet=quiet) as report:
        return evaluate_cloud(options, report)


def show_edge(console: Console, output: PaperEdgeOutput) -> None:
    """Print the papers' figures, ours, every pair, and the phases."""
    _head(console, output)
    for line in output.published:
        console.print(line, soft_wrap=True)
    show_figures(console, _spreads(output))
    show_figures(console, _subjects(output))
    phases = Table("phase", "paper, Pi 3B", "here", "of one core", title="phases", title_justify="left")
    for phase in output.phases:
        cpu = "–" if phase.cpu_share is None else f"{phase.cpu_share:.0%}"
        phases.add_row(phase.phase, phase.paper, f"{phase.ours:g} {phase.unit}", cpu)
    show_figures(console, phases)


def show_cloud(console: Console, output: PaperCloudOutput) -> None:
    """Print one row a network, and what each finds by type."""
    from kilowatch.lab.suites.table import COLUMNS, NONE, cells_of

    _head(console, output)
    columns = [column for column in COLUMNS if any(column.cell(row) != NONE for row in output.rows)]
    table = Table("detector", *(column.title for column in columns))
    for row in output.rows:
        table.add_row(*cells_of(row, columns))
    show_figures(console, table)
    kinds = sorted({kind for of in output.recall_by_type.values() for kind in of})
    table = Table("event recall", *kinds)
    for name, of in output.recall_by_type.items():
        table.add_row(name, *(f"{of[kind]:.2f}" if kind in of else NONE for kind in kinds))
    show_figures(console, table)


def _head(console: Console, output: PaperEdgeOutput | PaperCloudOutput) -> None:
    if output.quick:
        console.print("[yellow]A quick run on a small part: the figures are not comparable.[/]")
    console.print(
        f"[bold]{output.schema}[/]: at most {output.epochs} epochs; {output.machine}; {output.seconds:.0f} s."
    )
    for line in output.protocol:
        console.print(f"[dim]{line}[/]", soft_wrap=True)


def _spreads(output: PaperEdgeOutput) -> Table:
    titles = ("protocol", "model", "subjects", "seeds", "accuracy", "worst", "TPR", "worst", "FPR", "worst")
    table = Table(*titles, title="median and worst", title_justify="left")
    for one in output.spreads:
        figures = (
            *(one.accuracy_median, one.accuracy_worst, one.tpr_median),
            *(one.tpr_worst, one.fpr_median, one.fpr_worst),
        )
        seeds = ", ".join(map(str, one.seeds))
        table.add_row(one.protocol, one.model, str(one.subjects), seeds, *(f"{figure:.3f}" for figure in figures))
    return table


def _subjects(output: PaperEdgeOutput) -> Table:
    table = Table("protocol", "model", "pair or type", "seed", "TP", "FN", "FP", "TN", "accuracy", "best epoch")
    for row in output.rows:
        counts = row.true_positive, row.false_negative, row.false_positive, row.true_negative
        name = f"{row.subject} (idle)" if row.idle else row.subject
        epoch = "–" if row.best_epoch is None else str(row.best_epoch)
        shown = (str(row.seed), *map(str, counts), f"{row.accuracy:.3f}", epoch)
        table.add_row(row.protocol, row.model, name, *shown)
    return table
