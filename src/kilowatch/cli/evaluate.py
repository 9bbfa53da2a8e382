"""`kilowatch evaluate`: how well each detector detects, on labelled, injected, published and clean data."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from kilowatch.cli.progress import step_progress
from kilowatch.cli.tables import show_figures

if TYPE_CHECKING:
    from kilowatch.core.outputs_evaluate import EvaluateOutput
    from kilowatch.core.outputs_papers import PaperCloudOutput, PaperEdgeOutput
    from kilowatch.lab.suites.evaluate import Evaluation
    from kilowatch.lab.suites.prepare import Options, Suite


class What(StrEnum):
    """The suites, and the document of all of them."""

    FAULTS = "faults"
    INJECTED = "injected"
    NAB = "nab"
    SWITCH_OFF = "switch-off"
    PAPER_EDGE = "paper-edge"
    PAPER_CLOUD = "paper-cloud"
    ACCURACY = "accuracy"


RESULTS = Path(".run/paper-edge.jsonl")
NETWORKS = Path(".run/networks")


class PaperAsked(NamedTuple):
    """What was asked of a paper's suite."""

    pairs: int | None
    seeds: int | None
    epochs: int
    results: Path
    workers: int
    quick: bool


def evaluate(
    suite: Annotated[What, typer.Argument(help="Which evidence; accuracy runs all and writes the document.")],
    detector: Annotated[list[str] | None, typer.Option(help="Measure this one only; may be given again.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small part in under 30 s; not comparable.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Processes [default: one a core].")] = None,
    html: Annotated[Path | None, typer.Option(help="Where to write a page with plots.")] = None,
    out: Annotated[Path, typer.Option(help="Where accuracy writes its document.")] = Path("docs/accuracy.md"),
    networks: Annotated[
        bool, typer.Option("--networks", help="Add the networks that ship: slow; what is done is kept and not redone.")
    ] = False,
    pairs: Annotated[int | None, typer.Option(min=1, help="Of paper-edge: so many of the pairs of meters.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Of both papers' suites: trainings of each network.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Of both papers' suites: at most so many.")] = 100,
    results: Annotated[Path, typer.Option(help="Where paper-edge keeps what is done, to go on from it.")] = RESULTS,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Measure detectors: tables with base rate, seeds and 95 % intervals, chance and trivial rules among the rows."""
    from kilowatch.lab.suites.pool import cores
    from kilowatch.lab.suites.prepare import Options, Suite

    # The papers have protocols and figures of their own, which fit no table of the other suites.
    if suite in (What.PAPER_EDGE, What.PAPER_CLOUD):
        _paper(suite, PaperAsked(pairs, seeds, epochs, results, workers or 1, quick), as_json=as_json)
        return
    options = Options(quick=quick, detectors=tuple(detector or ()), workers=workers or cores())
    if suite is What.ACCURACY:
        _write_document(out, options, networks=networks, as_json=as_json)
        return
    evaluation = _evaluated(Suite(suite.value), options, networks=networks, quiet=as_json)
    if html is not None:
        from kilowatch.lab.suites.page import write_page

        write_page(evaluation, html)
    if as_json:
        typer.echo(msgspec.json.encode(evaluation.output))
        return
    show(Console(), evaluation.output)
    if html is not None:
        Console().print(f"Page: [bold]{html}[/]")


def _paper(suite: What, asked: PaperAsked, *, as_json: bool) -> None:
    """Run the suite of a paper and print it."""
    from kilowatch.cli import papers
    from kilowatch.lab.suites.papers.cloud import SEEDS, CloudOptions
    from kilowatch.lab.suites.papers.edge import EdgeOptions

    output: PaperEdgeOutput | PaperCloudOutput
    if suite is What.PAPER_EDGE:
        edge = EdgeOptions(asked.pairs, asked.seeds or 1, asked.quick, asked.epochs, asked.workers, asked.results)
        output = papers.run_edge_suite(edge, quiet=as_json)
    else:
        cloud = CloudOptions(asked.seeds or SEEDS, asked.quick, asked.epochs, asked.workers)
        output = papers.run_cloud_suite(cloud, quiet=as_json)
    if as_json:
        typer.echo(msgspec.json.encode(output))
    elif output.schema == "kilowatch.paper-edge":
        papers.show_edge(Console(), output)
    else:
        papers.show_cloud(Console(), output)


def _write_document(out: Path, options: Options, *, networks: bool, as_json: bool) -> None:
    """Run every suite, write the document, and print all tables, or one JSON object."""
    from kilowatch.core.outputs_evaluate import AccuracyOutput
    from kilowatch.lab.accuracy import write_accuracy
    from kilowatch.lab.suites.networks import JUDGED_ON

    def run(suite: Suite) -> Evaluation:
        return _evaluated(suite, options, networks=networks and suite in JUDGED_ON, quiet=as_json)

    outputs = write_accuracy(out, run)
    if as_json:
        typer.echo(msgspec.json.encode(AccuracyOutput(suites=outputs)))
        return
    for output in outputs:
        show(Console(), output)
    Console().print(f"Document: [bold]{out}[/]")


def _evaluated(suite: Suite, options: Options, *, networks: bool, quiet: bool) -> Evaluation:
    """Run a suite, with the networks' rows where they are asked for."""
    from kilowatch.lab.suites.networks import with_networks

    evaluation = run_with_bar(suite, options, quiet=quiet)
    if not networks:
        return evaluation
    with step_progress(suite.value, quiet=quiet) as report:
        return with_networks(evaluation, suite, options, NETWORKS, report)


def run_with_bar(suite: Suite, options: Options, *, quiet: bool) -> Evaluation:
    """Run a suite with a bar on standard error."""
    from kilowatch.lab.suites.evaluate import evaluate as run_suite

    with step_progress(suite.value, quiet=quiet) as report:
        return run_suite(suite, options, report)


def show(console: Console, output: EvaluateOutput) -> None:
    """Print the table, how it was measured, and how the default stands to its goals."""
    from kilowatch.lab.suites.table import cells_of, columns_of

    if output.quick:
        console.print("[yellow]A quick run on a small part: the figures are not comparable.[/]")
    base = "" if output.base_rate is None else f"base rate {output.base_rate:.3f}, "
    seeds = ", ".join(map(str, output.seeds))
    console.print(f"[bold]{output.suite}[/]: {output.devices} devices, {base}seeds {seeds}; {output.machine}.")
    for line in (*output.protocol, *output.notes):
        console.print(f"[dim]{line}[/]", soft_wrap=True)
    columns = columns_of(output)
    table = Table("detector", *(column.title for column in columns), title_justify="left")
    for row in output.rows:
        table.add_row(*cells_of(row, columns), style="dim" if row.published else None)
    show_figures(console, table)
    for goal in output.goals:
        color = {"goal": "green", "must": "yellow"}.get(goal.reached, "red")
        value = "not measured" if goal.value is None else f"{goal.value:g}"
        console.print(f"[{color}]{goal.reached}[/] {goal.measure}: {value} (must: {goal.must}; goal: {goal.goal})")
    console.print(f"[dim]Intervals are 95 %. {output.seconds:.0f} s.[/]")
