"""The command `kilowatch`: what it can do, and how it says that something went wrong."""

from __future__ import annotations

import sys
import traceback
from importlib.metadata import version
from typing import Annotated

import typer

from kilowatch.cli.on_demand import group_of
from kilowatch.errors import KilowatchError

COMMANDS = {
    "run": "kilowatch.cli.run:run",
    "init": "kilowatch.cli.config:init",
    "discover": "kilowatch.cli.discover:discover",
    "doctor": "kilowatch.cli.doctor:doctor",
    "import": "kilowatch.cli.own_data:import_readings",
    "replay": "kilowatch.cli.replay:replay",
    "rehearse": "kilowatch.cli.rehearse:rehearse",
    "inject": "kilowatch.cli.inject:inject",
    "detectors": "kilowatch.cli.detectors:detectors",
    "evaluate": "kilowatch.cli.evaluate:evaluate",
    "train": "kilowatch.cli.train:train",
    "search": "kilowatch.cli.search:search",
    "backup": "kilowatch.cli.backup:backup",
    "restore": "kilowatch.cli.backup:restore",
    "support-bundle": "kilowatch.cli.support:support_bundle",
    "demo": "kilowatch.cli.demo:app",
    "data": "kilowatch.cli.data:app",
    "bench": "kilowatch.cli.bench:app",
    "models": "kilowatch.cli.models:app",
    "config": "kilowatch.cli.config:app",
    "device": "kilowatch.cli.device:app",
    "incident": "kilowatch.cli.incident:app",
    "audit": "kilowatch.cli.audit:app",
    "notify": "kilowatch.cli.notify:app",
    "topics": "kilowatch.cli.topics:app",
    "rejected": "kilowatch.cli.rejected:app",
    "serve": "kilowatch.cli.serve:app",
    "edge": "kilowatch.cli.edge:app",
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

  kilowatch demo                   a simulated home with faults, live
  kilowatch init                   settings for your plugs; then: kilowatch run
  kilowatch import FILE_OR_FOLDER  your own readings, step by step
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
    # Declared for the help: `run` has looked for it already, before Typer saw a word.
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
        # The group's own option has to stand before the command, and people add it at the end.
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
