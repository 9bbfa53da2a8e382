"""`kilowatch incident`: what was odd, what was done about it, and what you say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kilowatch.cli.database import AsJson, ConfigFile, now_ms, opened, registry_of, who
from kilowatch.cli.tell import entry_words, hour
from kilowatch.config import load_config
from kilowatch.core.events import LabelWord
from kilowatch.core.outputs_live import IncidentsOutput
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from kilowatch.core.records import AuditEntry, KnownIncident

app = typer.Typer(name="incident", help="What was odd, and what you say of it.", no_args_is_help=True)

Incident = Annotated[str, typer.Argument(help="Its id, as `kilowatch incident list` shows it.")]
_COLORS = {"info": "yellow", "warn": "dark_orange", "critical": "red"}
# Past any event, and within the 64 bits of a database's integer.
_LATEST_MS = 2**62


@app.command("list")
def list_incidents(
    device: Annotated[str | None, typer.Option(help="Of this device alone.")] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only what has not ended.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List incidents, newest first."""
    settings = load_config(config).config
    with opened(settings) as database, database.read() as transaction:
        found = transaction.incidents.between(0, _LATEST_MS, device=device, limit=limit, only_open=only_open)
    if as_json:
        typer.echo(msgspec.json.encode(IncidentsOutput(incidents=found)))
        return
    Console().print(_table(found, settings.site.time_zone) if found else "No incident is known.")


@app.command()
def show(incident: Incident, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show an incident, what was done about it or why not, and your word on it."""
    settings = load_config(config).config
    with opened(settings) as database, database.read() as transaction:
        known = transaction.incidents.get(incident)
        entries = [] if known is None else transaction.audit.of_incident(incident)
    if known is None:
        raise ConfigError(f"Incident {incident} is not known.", "List them with: kilowatch incident list")
    if as_json:
        typer.echo(msgspec.json.encode(IncidentsOutput(incidents=[known])))
        return
    _show(known, entries, settings.site.time_zone)


@app.command()
def ack(incident: Incident, config: ConfigFile = None) -> None:
    """Say that you have seen it: nobody is told again, and nothing is switched for it."""
    with registry_of(load_config(config).config) as registry:
        registry.acknowledge(incident, who(), now_ms())
    typer.echo(f"{incident} is seen: nobody is told again, and nothing is switched for it.")


@app.command()
def label(
    incident: Incident,
    word: Annotated[LabelWord, typer.Argument(help="real, harmless or wrong.")],
    config: ConfigFile = None,
) -> None:
    """Say what it was: real, harmless, or nothing at all (wrong). kilowatch learns from it."""
    with registry_of(load_config(config).config) as registry:
        entry = registry.label(incident, word, who(), now_ms())
    typer.echo(f"{incident} is called {word.value} (version {entry.version}). Take it back: kilowatch incident undo")


@app.command()
def undo(incident: Incident, config: ConfigFile = None) -> None:
    """Take your word on an incident back."""
    with registry_of(load_config(config).config) as registry:
        registry.take_back(incident, who(), now_ms())
    typer.echo(f"{incident} has no label now.")


def _table(found: list[KnownIncident], zone: str) -> Table:
    table = Table("id", "since", "how bad", "", "what", "your word", box=None, pad_edge=False)
    for one in found:
        event = one.event
        state = "[bold]open[/]" if one.cleared_ms is None else "over"
        severity = f"[{_COLORS[event.severity.value]}]{event.severity.value}[/]"
        word = "" if one.label is None else one.label.value
        table.add_row(event.id, hour(event.first_ms, zone), severity, state, escape(event.sentence), word)
    return table


def _show(known: KnownIncident, entries: list[AuditEntry], zone: str) -> None:
    event, console = known.event, Console(highlight=False)
    console.print(f"[bold]{escape(event.sentence)}[/]")
    ended = "still open" if known.cleared_ms is None else f"over since {hour(known.cleared_ms, zone)}"
    console.print(f"{event.site}/{escape(event.device)}, {event.severity.value}, {ended}; id {event.id}")
    console.print(
        f"Score {event.score:.2f} (1.0 is the edge of expected), found by {event.rule}, {event.evidence.windows} odd "
        f"windows, highest {event.evidence.peak:.2f}."
    )
    console.print(f"Your word: {'none yet' if known.label is None else known.label.value}.\n")
    console.print("What was done:" if entries else "Nothing was decided about it.")
    for entry in entries:
        console.print(f"  {hour(entry.ts_ms, zone)}  {escape(entry_words(entry))}")
