"""The command `kilowatch`: what it can do, and how it says that something went wrong."""

from __future__ import annotations

import sys
import traceback
from importlib.metadata import version
from typing import Annotated

import typer

from kilowatch.cli.on_demand import group_of
from kilowatch.errors import KilowatchError

_HERE = "kilowatch.cli"
COMMANDS = {
    "run": f"{_HERE}.run:run",
    "init": f"{_HERE}.config:init",
    "discover": f"{_HERE}.discover:discover",
    "doctor": f"{_HERE}.doctor:doctor",
    "import": f"{_HERE}.own_data:import_readings",
    "replay": f"{_HERE}.replay:replay",
    "rehearse": f"{_HERE}.rehearse:rehearse",
    "inject": f"{_HERE}.inject:inject",
    "detectors": f"{_HERE}.detectors:detectors",
    "evaluate": f"{_HERE}.evaluate:evaluate",
    "train": f"{_HERE}.train:train",
    "search": f"{_HERE}.search:search",
    "backup": f"{_HERE}.backup:backup",
    "restore": f"{_HERE}.backup:restore",
    "support-bundle": f"{_HERE}.support:support_bundle",
    "demo": f"{_HERE}.demo:app",
    "data": f"{_HERE}.data:app",
    "bench": f"{_HERE}.bench:app",
    "models": f"{_HERE}.models:app",
    "config": f"{_HERE}.config:app",
    "device": f"{_HERE}.device:app",
    "incident": f"{_HERE}.incident:app",
    "audit": f"{_HERE}.audit:app",
    "notify": f"{_HERE}.notify:app",
    "topics": f"{_HERE}.topics:app",
    "rejected": f"{_HERE}.rejected:app",
    "serve": f"{_HERE}.serve:app",
    "edge": f"{_HERE}.edge:app",
}
"""Where each command is, in the order of help."""

app = typer.Typer(
    cls=group_of(COMMANDS),
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
        from rich.console import Console

        Console().print(_WELCOME)


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
    from rich.console import Console
    from rich.markup import escape

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
