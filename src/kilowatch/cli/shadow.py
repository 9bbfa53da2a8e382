"""`kilowatch models shadow`: candidates beside the live models, where they disagree, and what speaks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from kilowatch.cli.database import AsJson, ConfigFile, opened, registry_of
from kilowatch.config import load_config
from kilowatch.core.device import Kind
from kilowatch.core.shadow import Candidate, CandidatesOutput, ShadowOutput, evidence_words
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from kilowatch.core.records import ModelChoice
    from kilowatch.links.database import Transaction

app = typer.Typer(help="Candidates in shadow: list, show, promote.", no_args_is_help=True)
KindOf = Annotated[Kind, typer.Argument(help="The kind of device whose candidate is meant.")]


@app.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the candidates that score in shadow, and how much they have judged."""
    from kilowatch.links.database.shadow import ShadowBook

    with opened(load_config(config).config) as database, database.read() as books:
        judged = ShadowBook(books.connection).models()
        candidates = [
            Candidate(kind=one.kind.value, live=one.live, shadow=one.shadow, samples=judged.get(one.shadow, 0))
            for one in books.models.all()
            if one.shadow
        ]
    if as_json:
        typer.echo(msgspec.json.encode(CandidatesOutput(candidates=candidates)))
        return
    table = Table("kind", "live", "in shadow", "samples judged")
    for one in candidates:
        table.add_row(one.kind, (one.live or "none")[:12], one.shadow[:12], f"{one.samples:,}")
    if not candidates:
        table.caption = "none in shadow: kilowatch models deliver KIND --live HASH --shadow HASH"
    Console().print(table)


@app.command()
def show(kind: KindOf, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show where a candidate and the live model disagree, and what people said of those times."""
    with opened(load_config(config).config) as database, database.read() as books:
        output = _output(books, kind)
    if as_json:
        typer.echo(msgspec.json.encode(output))
        return
    console = Console(soft_wrap=True)
    console.print(f"{kind}: [bold]{output.model[:12]}[/] in shadow of {(output.live or 'none')[:12]}")
    for line in evidence_words(output.evidence):
        console.print(f"  {line}")
    table = Table("device", "from, ms UTC", "to, ms UTC", "live", "shadow", title="where one of them saw nothing")
    for span in output.disagreements[:20]:
        peaks = f"{span.live_peak:.2f}", f"{span.shadow_peak:.2f}"
        table.add_row(span.device, str(span.from_ms), str(span.to_ms), *peaks)
    console.print(table)


@app.command()
def promote(kind: KindOf, config: ConfigFile = None) -> None:
    """Make the candidate of a kind live; what was live can be delivered again by its hash."""
    loaded = load_config(config).config
    with opened(loaded) as database, database.read() as books:
        choice = _choice(books, kind)
    with registry_of(loaded) as known:
        chosen = known.choose_model(kind, choice.shadow, None)
    before = f"; back: kilowatch models deliver {kind} --live {choice.live[:12]}" if choice.live else ""
    Console(soft_wrap=True).print(f"{kind}: live [bold]{(chosen.live or '')[:12]}[/], nothing in shadow{before}.")


def _choice(books: Transaction, kind: Kind) -> ModelChoice:
    choice = next((one for one in books.models.all() if one.kind is kind), None)
    if choice is None or choice.shadow is None:
        raise _nothing(kind)
    return choice


def _nothing(kind: Kind) -> ConfigError:
    return ConfigError(
        f"No model scores in shadow for {kind}.", f"Choose one: kilowatch models deliver {kind} --shadow HASH"
    )


def _output(books: Transaction, kind: Kind) -> ShadowOutput:
    from kilowatch.links.database.shadow import compared

    output = compared(books, kind)
    if output is None:
        raise _nothing(kind)
    return output
