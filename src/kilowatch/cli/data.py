"""`kilowatch data`: what files of meter history hold, whether they are sound, and what they are like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from kilowatch.cli.read_options import reads_files
from kilowatch.cli.tables import show_figures
from kilowatch.core.device import DeviceRecord, Kind
from kilowatch.errors import ReadingError
from kilowatch.links.files import (
    Description,
    FileFailure,
    FileSource,
    Finding,
    Format,
    OpenResult,
    ReadOptions,
    RowProblem,
    describe,
    find_faults,
    open_sources,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# A file that is read wrongly has a problem in every row, all of the same sort.
_SHOWN = 20

app = typer.Typer(name="data", help="Look into files of meter history.", no_args_is_help=True)

Paths = Annotated[list[Path], typer.Argument(help="Files or folders.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


class FailureView(msgspec.Struct, frozen=True):
    """A file that could not be opened."""

    path: str
    row: int | None
    message: str
    hint: str

    @classmethod
    def of(cls, failure: FileFailure) -> FailureView:
        """Return a failure as it is printed."""
        return cls(str(failure.path), failure.row, failure.message, failure.hint)


class ProblemView(msgspec.Struct, frozen=True):
    """Rows that could not be read."""

    path: str
    row: int
    rows: int
    reason: str
    text: str

    @classmethod
    def of(cls, problem: RowProblem) -> ProblemView:
        """Return a problem as it is printed."""
        return cls(str(problem.path), problem.row, problem.rows, problem.reason, problem.text)


class SourceView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A source that opened, and what the command found out about it."""

    path: str
    format: Format
    reading_kind: str
    notes: list[str]
    devices: list[DeviceView] = []
    descriptions: list[Description] = []
    findings: list[Finding] = []
    problems: list[ProblemView] = []


class DeviceView(msgspec.Struct, frozen=True):
    """Who is inside a source."""

    site: str
    device: str
    kind: Kind
    interval_s: float | None
    reporting: str
    heartbeat_s: float | None
    time_zone: str
    protected: bool

    @classmethod
    def of(cls, record: DeviceRecord) -> DeviceView:
        """Return a record as it is printed."""
        return cls(**{name: getattr(record, name) for name in cls.__struct_fields__})


class DataReport(msgspec.Struct, frozen=True):
    """What a `data` command prints with `--json`."""

    schema: str
    holds: bool
    sources: list[SourceView]
    failures: list[FailureView]


@app.command("list")
@reads_files
def list_files(paths: Paths, options: ReadOptions, json: AsJson = False) -> None:
    """List who is inside the files and how they were read."""
    opened = open_sources(paths, options)
    views = [_view(source, devices=[DeviceView.of(record) for record in source.devices()]) for source in opened.sources]
    _print(_report("list", views, opened), _devices_table, json)


@app.command("check")
@reads_files
def check_files(paths: Paths, options: ReadOptions, json: AsJson = False) -> None:
    """Read everything and say what does not hold; exit code 1 where something does not."""
    opened = open_sources(paths, options)
    views = []
    for source in opened.sources:
        described = describe(source)
        problems = [ProblemView.of(problem) for problem in source.problems()[:_SHOWN]]
        findings = find_faults(source, described)
        views.append(_view(source, descriptions=described, findings=findings, problems=problems))
    _demand_readings(views)
    report = _report("check", views, opened)
    _print(report, _findings_table, json)
    if not report.holds:
        raise typer.Exit(1)


@app.command("describe")
@reads_files
def describe_files(paths: Paths, options: ReadOptions, json: AsJson = False) -> None:
    """Say what each device's history is like."""
    opened = open_sources(paths, options)
    views = [_view(source, descriptions=describe(source)) for source in opened.sources]
    _demand_readings(views)
    _print(_report("describe", views, opened), _descriptions_table, json)


def _view(source: FileSource, **found: Any) -> SourceView:
    return SourceView(str(source.path), source.format, source.reading_kind, source.notes(), **found)


def _report(command: str, views: Sequence[SourceView], opened: OpenResult) -> DataReport:
    failures = [FailureView.of(failure) for failure in opened.failures]
    holds = not failures and not any(view.findings for view in views)
    return DataReport(f"kilowatch.data.{command}/1", holds, list(views), failures)


def _demand_readings(views: Sequence[SourceView]) -> None:
    if not any(described.rows for view in views for described in view.descriptions):
        raise ReadingError("No row of the files could be read.", "Look at `kilowatch data list` for what was guessed.")


def _print(report: DataReport, table: Callable[[DataReport], Table], json: bool) -> None:
    if json:
        typer.echo(msgspec.json.encode(report).decode())
        return
    console = Console()
    show_figures(console, table(report))
    for view in report.sources:
        console.print(f"{view.path}: {view.reading_kind}", style="dim", markup=False)
        for problem in view.problems:
            console.print(f"  {problem.path}, row {problem.row}: {problem.reason} {problem.text}", markup=False)
        # Where faults were looked for, each note is one of the findings already.
        for note in () if view.findings else view.notes:
            console.print(f"  {note}", markup=False)
    for failure in report.failures:
        place = "" if failure.row is None else f", row {failure.row}"
        console.print(f"{failure.path}{place}: {failure.message} {failure.hint}", style="red", markup=False)


def _devices_table(report: DataReport) -> Table:
    table = _table("Site", "Device", "Kind", "Interval", "Reporting", "Time zone", "File")
    for view in report.sources:
        for device in view.devices:
            beat = "" if device.heartbeat_s is None else f", at least every {device.heartbeat_s:g} s"
            interval = "" if device.interval_s is None else f"{device.interval_s:g} s"
            reporting = device.reporting.replace("_", " ") + beat
            table.add_row(device.site, device.device, device.kind, interval, reporting, device.time_zone, view.path)
    return table


def _findings_table(report: DataReport) -> Table:
    table = _table("Site", "Device", "Rule", "Count", "What and why")
    for view in report.sources:
        for found in view.findings:
            table.add_row(found.site or "", found.device or view.path, found.rule, f"{found.count:,}", found.message)
    if report.holds:
        table.add_row("", "", "", "", "Everything holds.")
    return table


def _descriptions_table(report: DataReport) -> Table:
    table = _table(
        "Site", "Device", "Readings", "From", "To", "Interval", "Odd steps", "Gaps", "Longest", "Repeated", "Back",
        "Resets", "Missing", "Min W", "Median W", "Max W",
    )  # fmt: skip
    for view in report.sources:
        for described in view.descriptions:
            table.add_row(*_description_row(described))
    return table


def _description_row(of: Description) -> list[str]:
    counts = [of.repeated, of.backward, of.resets, of.missing]
    return [
        of.site,
        of.device,
        f"{of.rows:,}",
        _day(of.first_ms),
        _day(of.last_ms),
        _number(of.interval_s, " s"),
        "–" if of.odd_steps is None else f"{of.odd_steps:.1%}",
        f"{of.gaps:,}",
        f"{of.longest_gap_s:,.0f} s",
        *(f"{count:,}" for count in counts),
        *(_number(watts) for watts in (of.power_min_w, of.power_median_w, of.power_max_w)),
    ]


def _day(ts_ms: int | None) -> str:
    # NumPy knows every year; datetime ends in 9999.
    return "–" if ts_ms is None else str(np.datetime64(ts_ms, "ms"))[:16].replace("T", " ")


def _number(value: float | None, unit: str = "") -> str:
    return "–" if value is None else f"{value:,.5g}{unit}"


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
