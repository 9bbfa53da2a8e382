"""`kilowatch bench`: what kilowatch costs, as ratios against a named peer in the same run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from kilowatch.core.outputs import BenchOutput
from kilowatch.lab.bench.machine import machine

if TYPE_CHECKING:
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


def _show(rows: list[BenchRow], *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(BenchOutput(machine=machine(), rows=rows)))
        return
    table = Table("row", "value", "unit", title=machine(), title_justify="left")
    for row in rows:
        table.add_row(row.name, "–" if row.value is None else f"{row.value:,}", row.unit)
    Console().print(table)
