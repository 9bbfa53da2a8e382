"""`kilowatch bench`: what kilowatch costs, as ratios against a named peer in the same run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from kilowatch.cli.tables import show_figures
from kilowatch.core.outputs import BenchOutput
from kilowatch.lab.bench.machine import machine
from kilowatch.lab.bench.pipeline.goals import GoalRow
from kilowatch.lab.bench.pipeline.section import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.core.outputs import BenchRow

app = typer.Typer(help="Measure speed and memory on this machine.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure speed and memory on this machine."""


@app.command()
def core(
    quick: Annotated[bool, typer.Option("--quick", help="Leave out the million devices.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Windows and cheap tier from a thousand devices to a million, and the replay of a meter-month."""
    from kilowatch.lab.bench.core import rows

    console = Console(stderr=True)
    with console.status("measuring") as status:
        found = rows(lambda what: status.update(f"measuring: {what}"), quick=quick)
    _show(found, as_json=as_json)


@app.command()
def pipeline(
    only: Annotated[list[Section] | None, typer.Option("--only", help="Measure this alone; may be repeated.")] = None,
    minutes: Annotated[float, typer.Option("--minutes", help="How long each run counts.")] = 1.0,
    devices: Annotated[int, typer.Option("--devices", help="Distinct meters; rates are in proportion.")] = 1_000_000,
    rate: Annotated[float, typer.Option("--rate", help="Share of the rates in the goals.")] = 1.0,
    bootstrap: Annotated[str | None, typer.Option("--bootstrap", help="An empty broker; one is started else.")] = None,
    keep: Annotated[Path | None, typer.Option("--keep", help="Leave logs, counts and profiles here.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="An edge classifier for `every`: PATH.")] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Profile the detectors; figures are then lower.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Readings through real Kafka to verdicts: rate, latency, memory, take-over, alarm storm."""
    from kilowatch.lab.bench.pipeline.loads import Bench
    from kilowatch.lab.bench.pipeline.sections import rows

    console = Console(stderr=True)
    with console.status("measuring") as status:
        wanted = Bench(
            minutes=minutes,
            devices=devices,
            bootstrap=bootstrap,
            say=lambda what: status.update(f"measuring: {what}"),
            rate_share=rate,
            keep=keep,
            profile=profile,
            model=model,
        )
        found = rows(wanted, only or [])
    _show(found, as_json=as_json)


@app.command()
def edge(
    quick: Annotated[bool, typer.Option("--quick", help="A tenth of the rounds.")] = False,
    peers: Annotated[bool, typer.Option("--peers", help="Install missing peers under .run/peers (gigabytes).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """The edge classifier from raw watts to verdict, beside every runtime that a user would pick."""
    from kilowatch.lab.bench.edge import rows

    console = Console(stderr=True)
    with console.status("measuring") as status:
        found = rows(lambda what: status.update(f"measuring: {what}"), quick=quick, peers=peers)
    _show(found, as_json=as_json)


@app.command("edge-run")
def edge_run(
    minutes: Annotated[float, typer.Option("--minutes", help="How long each way of reading is counted.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """`kilowatch run` with 20 plugs at 1 s: CPU, memory, and from a fault's reading to the plug that is off."""
    from kilowatch.lab.bench.edge_run import rows

    console = Console(stderr=True)
    with console.status("measuring") as status:
        found = rows(lambda what: status.update(f"measuring: {what}"), minutes)
    _show(found, as_json=as_json)


@app.command("train")
def training(
    quick: Annotated[bool, typer.Option("--quick", help="Two epochs each.")] = False,
    peers: Annotated[bool, typer.Option("--peers", help="Install missing peers under .run/peers (gigabytes).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Seconds an epoch of both papers' networks, beside Keras on TensorFlow, and PyTorch where it is installed."""
    from kilowatch.lab.bench.training import rows

    console = Console(stderr=True)
    with console.status("measuring") as status:
        found = rows(lambda what: status.update(f"measuring: {what}"), quick=quick, peers=peers)
    _show(found, as_json=as_json)


@app.command()
def web(
    quick: Annotated[bool, typer.Option("--quick", help="Fewer paints, and ten seconds of load.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """The page: first paint, bytes, CPU and memory before real browsers, and /metrics of a fleet."""
    from kilowatch.lab.bench.web import rows

    console = Console(stderr=True)
    with console.status("measuring") as status:
        found = rows(lambda what: status.update(f"measuring: {what}"), quick=quick)
    _show(found, as_json=as_json)


def _show(rows: Sequence[BenchRow], *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(BenchOutput(machine=machine(), rows=list(rows))))
        return
    table = Table("row", "value", "unit", "goal", "", title=machine(), title_justify="left")
    for row in rows:
        table.add_row(row.name, "–" if row.value is None else f"{row.value:,}", row.unit, *_verdict(row))
    show_figures(Console(), table)


def _verdict(row: BenchRow) -> tuple[str, str]:
    """Return what was asked for and whether it was reached, of rows that have a goal."""
    if not isinstance(row, GoalRow):
        return "", ""
    return row.goal, row.note if row.met is None else "met" if row.met else "missed"
