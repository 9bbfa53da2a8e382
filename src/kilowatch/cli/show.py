"""What a replay found, as people read it in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from kilowatch.core.explain import clock
from kilowatch.lab.report.build import would_do

if TYPE_CHECKING:
    from rich.console import Console

    from kilowatch.app.ledger import IncidentEntry
    from kilowatch.app.replay import ReplayOutcome
    from kilowatch.core.device import Fleet

SHOWN = 20
_COLORS = {"info": "yellow", "warn": "dark_orange", "critical": "red"}


def show_incidents(console: Console, outcome: ReplayOutcome, fleet: Fleet) -> None:
    """Print the worst incidents in time order, each with what policy would have done."""
    entries = outcome.incidents
    if not entries:
        console.print("Nothing odd was found." if outcome.tally.device_weeks else "Nothing was watched yet.")
        return
    # Silence last: a home whose gateway was down would show nothing else.
    worst = sorted(sorted(entries, key=lambda e: (e.is_stale, -e.told.score))[:SHOWN], key=lambda e: e.told.first_ms)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for entry in worst:
        table.add_row(*_row(entry, outcome, fleet))
    console.print(table)
    if len(entries) > len(worst):
        console.print(f"[dim]and {len(entries) - len(worst)} more; the report has them.[/]")


def show_summary(console: Console, outcome: ReplayOutcome) -> None:
    """Print the counts of a replay."""
    output = outcome.output()
    rate = output.alarms_per_device_week
    speed = output.readings / max(outcome.seconds, 1e-9)
    console.print(
        f"[bold]{output.readings:,}[/] readings of [bold]{output.devices}[/] device{'s'[: output.devices != 1]} "
        f"({output.repaired:,} repaired, {output.rejected:,} rejected) in {outcome.seconds:.1f} s, {speed:,.0f}/s."
    )
    watched = f"{output.watched_device_weeks:,.1f} device-weeks watched after {output.learning_days:g} days of learning"
    found = "no alarm rate yet" if rate is None else f"{rate:.2f} alarms a device-week"
    console.print(f"{watched}: [bold]{output.incidents}[/] incident{'s'[: output.incidents != 1]}, {found}.")
    if rate is None:
        console.print("The history is too short for that: learn for less with --learning-days, or bring more of it.")


def _row(entry: IncidentEntry, outcome: ReplayOutcome, fleet: Fleet) -> tuple[str, str, str]:
    event = entry.told
    slot = fleet.slot(event.site, event.device)
    time_zone = "UTC" if slot is None else fleet.records[slot].time_zone
    color = _COLORS[event.severity.value]
    words = f"{escape(event.sentence)}\n[dim]{escape(would_do(entry, outcome.advice, time_zone))}[/]"
    return clock(event.first_ms, time_zone, 0), f"[{color}]{event.severity.value}[/]", words
