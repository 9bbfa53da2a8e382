"""`kilowatch import`: one's own readings, step by step: what was guessed, five rows, one question, then the replay."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kilowatch.cli.read_options import reads_files
from kilowatch.cli.replay import Wanted, replay_opened
from kilowatch.core.device import Fleet
from kilowatch.core.explain import local_time
from kilowatch.errors import ConfigError
from kilowatch.links.files import ReadOptions, open_sources

if TYPE_CHECKING:
    from kilowatch.core.reading import ReadingBatch
    from kilowatch.links.files import FileSource

_ROWS = 5


@reads_files
def import_readings(
    paths: Annotated[list[Path], typer.Argument(help="Your files or folders: CSV, Parquet, or a known data set.")],
    options: ReadOptions,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take the guess without asking.")] = False,
    report: Annotated[Path, typer.Option(help="Where to write the report.")] = Path("report.html"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else; needs --yes.")
    ] = False,
) -> None:
    """Look at your own files: shows how they were understood, asks once, then says what was odd in them."""
    console = Console(stderr=as_json, highlight=False)
    opened = open_sources(paths, options)
    for source in opened.sources:
        _show(console, source)
    if not yes:
        _ask(as_json)
    replay_opened(opened, ", ".join(path.name for path in paths), Wanted(report=report, as_json=as_json))


def _ask(as_json: bool) -> None:
    # A question into a pipe would wait for ever, or take its end for an answer.
    if as_json or not sys.stdin.isatty():
        raise ConfigError("Nobody is there to say whether this is right.", "Add --yes to take the guess as it is.")
    if not typer.confirm("Is this right?", default=True):
        wrong = "--time-column, --power-column, --unit kW, --time-zone Europe/Berlin, --day-first, --kind fridge"
        raise ConfigError("Stopped: the guess was not right.", f"Say what is: {wrong}.")


def _show(console: Console, source: FileSource) -> None:
    """Print what was guessed of a file, and its first rows as kilowatch sees them."""
    console.print(f"[bold]{escape(str(source.path))}[/]", soft_wrap=True)
    console.print(f"  {escape(source.reading_kind)}", soft_wrap=True)
    for record in source.devices():
        pace = "irregular" if record.interval_s is None else f"every {record.interval_s:g} s"
        console.print(f"  {escape(record.site)}/{escape(record.device)}: {record.kind}, {pace}, {record.time_zone}")
    console.print(_first_rows(source))


def _first_rows(source: FileSource) -> Table:
    fleet = Fleet(source.devices())
    table = Table("time", "device", "power", "energy register", box=None, header_style="bold", pad_edge=False)
    for batch in islice(source.batches(fleet, _ROWS), 1):
        for row in range(min(_ROWS, len(batch))):
            table.add_row(*_cells(fleet, batch, row))
    return table


def _cells(fleet: Fleet, batch: ReadingBatch, row: int) -> list[str]:
    record = fleet.records[int(batch.slot[row])]
    when = local_time(int(batch.ts_ms[row]), record.time_zone)
    energy_wh = np.nan if batch.energy_wh is None else batch.energy_wh[row]
    words = [
        f"{when:%a %Y-%m-%d %H:%M:%S %Z}",
        record.device,
        _number(batch.power_w[row], "W"),
        _number(energy_wh, "Wh"),
    ]
    return [escape(word) for word in words]


def _number(value: float, unit: str) -> str:
    return "–" if np.isnan(value) else f"{value:,.1f} {unit}"
