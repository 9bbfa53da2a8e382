"""The command `kilowatch`: what it can do, and how it says that something went wrong."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from kilowatch.cli import bench, data
from kilowatch.cli.demo import demo
from kilowatch.cli.inject import inject
from kilowatch.cli.rehearse import rehearse
from kilowatch.cli.replay import replay
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

  kilowatch demo                   a simulated home, a fault found, a report
  kilowatch replay FILE_OR_FOLDER  what was odd in your own meter data
  kilowatch rehearse FILE          how many alarms a week that would have been
  kilowatch data describe FILE     what is in a file, and what is wrong with it
  kilowatch --help                 everything else
"""


@app.callback()
def welcome(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback when something goes wrong.")] = False,
) -> None:
    """Show what to do next when called without a command."""
    del debug
    if context.invoked_subcommand is None:
        Console().print(_WELCOME)


app.command()(demo)
app.command()(replay)
app.command()(rehearse)
app.command()(inject)
app.add_typer(data.app, name="data")
app.add_typer(bench.app, name="bench")


def run() -> None:
    """Run the command line; errors become one sentence, a hint and an exit code."""
    if "--debug" in sys.argv[1:]:
        sys.argv[1:] = ["--debug", *(word for word in sys.argv[1:] if word != "--debug")]
        app()
        return
    try:
        app()
    except KilowatchError as error:
        _say(str(error), error.hint)
        sys.exit(error.exit_code)
    except Exception as error:
        _say(f"Something went wrong inside kilowatch: {error}", "Run the same command with --debug to see where.")
        sys.exit(1)


def _say(message: str, hint: str) -> None:
    console = Console(stderr=True, highlight=False)
    console.print(f"[bold red]error[/] {message}", soft_wrap=True)
    if hint:
        console.print(f"      {hint}", soft_wrap=True)


if __name__ == "__main__":
    run()
