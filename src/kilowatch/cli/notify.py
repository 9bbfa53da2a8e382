"""`kilowatch notify`: does a message reach you, and what is still to be told?"""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kilowatch.cli.database import AsJson, ConfigFile, now_ms, opened
from kilowatch.config import load_config
from kilowatch.core.outputs_live import NoticeCount, NotifyOutput
from kilowatch.errors import ConfigError, KilowatchError

app = typer.Typer(help="Messages to people: test, status.", no_args_is_help=True)


@app.command("test")
def try_out(
    only: Annotated[str | None, typer.Option("--channel", help="email, ntfy, webhook or mqtt alone.")] = None,
    config: ConfigFile = None,
) -> None:
    """Send a message by every channel that is set; exit code 4 where one did not take it."""
    from kilowatch.core.notices import trial
    from kilowatch.links.notify import open_channels

    loaded = load_config(config).config
    channels = [one for one in open_channels(loaded) if only in (None, one.name)]
    if not channels:
        raise ConfigError("No such channel is set.", "Set notify.email, ntfy, webhook or mqtt: docs/notifications.md.")
    console, failed = Console(soft_wrap=True), False
    for one in channels:
        start_s = time.monotonic()
        try:
            one.channel.send(trial(loaded.site.name, now_ms()))
            console.print(f"[green]taken[/] {one.name} after {time.monotonic() - start_s:.1f} s")
        except KilowatchError as error:
            # The other channels are tried all the same: the question is which of them work.
            failed = True
            console.print(f"[red]failed[/] {one.name}: {escape(str(error))} {escape(error.hint)}")
        finally:
            one.channel.close()
    if failed:
        raise typer.Exit(4)


@app.command()
def status(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show how many messages were sent, wait, or were given up, by channel."""
    from kilowatch.links.database.notices import Notices

    with opened(load_config(config).config) as database, database.read() as books:
        found = sorted(Notices(books.connection).counts().items())
    counts = [NoticeCount(channel=channel, state=state.value, notices=count) for (channel, state), count in found]
    if as_json:
        typer.echo(msgspec.json.encode(NotifyOutput(counts=counts)))
        return
    table = Table("channel", "state", "notices")
    for one in counts:
        table.add_row(one.channel, one.state, str(one.notices))
    Console().print(table)
