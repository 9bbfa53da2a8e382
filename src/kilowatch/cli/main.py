"""The command `kilowatch`: what it can do, and how it says that something went wrong."""

from __future__ import annotations

import sys
import traceback
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from kilowatch.cli import (
    audit,
    bench,
    config,
    data,
    demo,
    device,
    edge,
    incident,
    models,
    notify,
    rejected,
    serve,
    topics,
)
from kilowatch.cli.backup import backup, restore
from kilowatch.cli.detectors import detectors
from kilowatch.cli.discover import discover
from kilowatch.cli.doctor import doctor
from kilowatch.cli.evaluate import evaluate
from kilowatch.cli.inject import inject
from kilowatch.cli.own_data import import_readings
from kilowatch.cli.rehearse import rehearse
from kilowatch.cli.replay import replay
from kilowatch.cli.run import run as run_edge
from kilowatch.cli.search import search
from kilowatch.cli.support import support_bundle
from kilowatch.cli.train import train
from kilowatch.errors import KilowatchError

app = typer.Typer(
    no_args_is_help=False,
    invoke_without_command=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Watches the power that devices draw, finds what is odd, says why, and switches off only what you allow.",
)

_WELCOME = """[bold]kilowatch[/bold] finds out when something that draws power misbehaves.

  kilowatch demo                   a simulated home live: faults found, plugs switched off, others left alone
  kilowatch init                   settings for your own plugs; then: kilowatch run
  kilowatch import FILE_OR_FOLDER  your own readings, step by step: what was understood, then what was odd
  kilowatch replay FILE_OR_FOLDER  the same for those who know the way
  kilowatch rehearse FILE          how many alarms a week that would have been
  kilowatch data describe FILE     what is in a file, and what is wrong with it
  kilowatch --help                 everything else
"""


@app.callback()
def welcome(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback when something goes wrong.")] = False,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Show what to do next when called without a command."""
    del debug
    if show_version:
        typer.echo(f"kilowatch {version('kilowatch')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        Console().print(_WELCOME)


app.add_typer(demo.app, name="demo")
app.command("run")(run_edge)
app.command()(config.init)
app.command()(discover)
app.command()(doctor)
app.command("import")(import_readings)
app.command()(replay)
app.command()(rehearse)
app.command()(inject)
app.command()(detectors)
app.command()(evaluate)
app.command()(train)
app.command()(search)
app.command()(backup)
app.command()(restore)
app.command("support-bundle")(support_bundle)
app.add_typer(data.app, name="data")
app.add_typer(bench.app, name="bench")
app.add_typer(models.app, name="models")
app.add_typer(config.app, name="config")
app.add_typer(device.app, name="device")
app.add_typer(incident.app, name="incident")
app.add_typer(audit.app, name="audit")
app.add_typer(notify.app, name="notify")
app.add_typer(topics.app, name="topics")
app.add_typer(rejected.app, name="rejected")
app.add_typer(serve.app, name="serve")
app.add_typer(edge.app, name="edge")


def run() -> None:
    """Run the command line; errors become one sentence, a hint and an exit code."""
    is_debug = "--debug" in sys.argv[1:]
    if is_debug:
        sys.argv[1:] = ["--debug", *(word for word in sys.argv[1:] if word != "--debug")]
    try:
        app()
    except Exception as error:
        if is_debug:
            traceback.print_exc()
        sys.exit(_say(error))


def _say(error: Exception) -> int:
    """Say on standard error what happened and what to do next; return the exit code."""
    if isinstance(error, KilowatchError):
        message, hint, code = str(error), error.hint, error.exit_code
    else:
        message = f"Something went wrong inside kilowatch: {error or type(error).__name__}"
        hint, code = "Run the same command with --debug to see where.", 1
    console = Console(stderr=True, highlight=False)
    console.print(f"[bold red]error[/] {escape(message)}", soft_wrap=True)
    if hint:
        console.print(f"      {escape(hint)}", soft_wrap=True)
    return code


if __name__ == "__main__":
    run()
