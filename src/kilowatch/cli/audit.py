"""`kilowatch audit`: everything that was decided and done, and why, as a story."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from kilowatch.cli.database import AsJson, ConfigFile, opened
from kilowatch.cli.tell import entry_words, evidence_words, hour
from kilowatch.config import load_config
from kilowatch.core.explain import energy
from kilowatch.core.outputs_live import AuditOutput

_ESTIMATE = (
    "by an estimate: what was drawn above the expected band, "
    "for as long again as the incident had lasted, a day at most."
)
app = typer.Typer(name="audit", help="Everything that was decided and done, and why.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Read the audit; it only grows, and nothing in it is ever changed."""


@app.command()
def show(
    device: Annotated[str | None, typer.Option(help="Of this device alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many lines.")] = 100,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Tell what was decided and done, oldest first, with the evidence that each decision rests on."""
    settings = load_config(config).config
    with opened(settings) as database, database.read() as transaction:
        entries = list(reversed(transaction.audit.last(limit, device=device)))
    if as_json:
        typer.echo(msgspec.json.encode(AuditOutput(entries=entries)))
        return
    console, zone = Console(highlight=False), settings.site.time_zone
    for entry in entries:
        console.print(f"{hour(entry.ts_ms, zone)}  [bold]{escape(entry.device)}[/]  {escape(entry_words(entry))}")
        if evidence := evidence_words(entry, zone):
            console.print(f"[dim]    {escape(evidence)}[/]")
    if saved_wh := sum(entry.avoided_wh or 0.0 for entry in entries):
        console.print(f"\nWhat was switched off saved about [bold]{energy(saved_wh)}[/] {_ESTIMATE}")
    if not entries:
        console.print("Nothing was decided yet.")
