"""`kilowatch demo`: a simulated home on real HTTP plugs, faults, and what is switched off and what is left alone."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kilowatch.cli.database import AsJson
from kilowatch.cli.spans import seconds_of
from kilowatch.core.outputs_live import DemoFault, DemoFaultsOutput
from kilowatch.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from kilowatch.demo.live import LiveDemo, Staging

app = typer.Typer(invoke_without_command=True, help="A simulated home with faults, on real HTTP plugs, live.")

# Long enough for all its faults to be found, short enough that a stranger sees the end.
_LASTS_S = 120.0
# As often as the screen draws: a look in between would show nothing more.
_TURN_S = 0.25
_NEXT = """
Next:
  kilowatch discover        find the smart plugs in your own home
  kilowatch init            write settings for them; then: kilowatch run
  kilowatch replay FILE     what was odd in readings that you have already
"""


@app.callback()
def demo(
    context: typer.Context,
    seed: Annotated[int, typer.Option(help="Another seed is another home.")] = 1,
    no_faults: Annotated[bool, typer.Option("--no-faults", help="Nothing goes wrong: see how quiet it is.")] = False,
    lasts: Annotated[str, typer.Option("--for", help="How long: 90s, 5m.")] = f"{_LASTS_S:.0f}s",
    headless: Annotated[bool, typer.Option("--headless", help="Lines only, no live picture and no page.")] = False,
    no_web: Annotated[bool, typer.Option("--no-web", help="Without the page for a browser.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0 is any that is free.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be switched off; call nothing.")] = False,
    data: Annotated[Path | None, typer.Option(help="Keep what happened in this new folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    replay: Annotated[bool, typer.Option("--replay", help="Weeks in seconds instead, and a report; no plugs.")] = False,
    days: Annotated[int, typer.Option(min=15, max=366, help="With --replay: days of the home's life.")] = 22,
    report: Annotated[Path, typer.Option(help="With --replay: where to write the report.")] = Path("report.html"),
    no_open: Annotated[bool, typer.Option("--no-open", help="Open neither page nor report in a browser.")] = False,
) -> None:
    """Watch a simulated home live: what goes wrong, what is found, switched off by a real call, or left alone."""
    if context.invoked_subcommand is not None:
        return
    if replay:
        from kilowatch.cli.demo_replay import Weeks, play_weeks

        play_weeks(Weeks(days, seed, not no_faults, report, not no_open, as_json))
        return
    from kilowatch.demo.live import CUES, Staging

    seconds = seconds_of(lasts)
    staging = Staging(seed, dry_run, () if no_faults else CUES)
    console = Console(stderr=as_json, force_terminal=False if headless or as_json else None, highlight=False)
    # Programs that read our JSON, and logs, look at no page.
    page = None if no_web or headless or as_json else Page(port, opens=not no_open)
    with _folder(data) as folder:
        _play(folder, staging, seconds, console, page, as_json=as_json)
    if not as_json:
        console.print(_NEXT, end="")


@dataclass(frozen=True, slots=True)
class Page:
    """How the page is wanted. opens: in a browser, where there is one and somebody sits before the terminal."""

    port: int
    opens: bool

    def show(self, live: LiveDemo, console: Console, stack: ExitStack, *, dry_run: bool) -> None:
        """Serve the page until the stack ends and say where; without the web extra say how to get it."""
        from kilowatch.demo.web import paged

        try:
            address = stack.enter_context(paged(live, self.port, dry_run=dry_run))
        except MissingExtraError as error:
            console.print(f"[dim]No page: {escape(str(error))} {escape(error.hint)}[/]\n", soft_wrap=True)
            return
        console.print(f"[bold]Open in a browser:[/] {address}\n", soft_wrap=True)
        if self.opens and sys.stdout.isatty() and has_screen():
            webbrowser.open(address)


@app.command()
def fault(
    device: Annotated[str, typer.Argument(help="As the demo names it.")],
    name: Annotated[str, typer.Argument(metavar="FAULT", help="As `kilowatch demo faults` lists them.")],
) -> None:
    """Let something go wrong in the demo that runs in another terminal."""
    from kilowatch.demo.mailbox import Mailbox, Wish

    Console().print(f"It begins: {escape(Mailbox().ask(Wish(device=device, fault=name)))}")


@app.command()
def faults(as_json: AsJson = False) -> None:
    """List what can go wrong in the demo, what is found soonest first."""
    listed = _faults()
    if as_json:
        typer.echo(msgspec.json.encode(DemoFaultsOutput(faults=listed)))
        return
    table = Table("device", "fault", "what happens", "found within", box=None, pad_edge=False)
    for one in listed:
        soon = "" if one.found_within_s is None else f"{one.found_within_s:.0f} s"
        table.add_row(one.device, one.fault, one.meaning, soon)
    Console().print(table)
    Console().print("\nWhile a demo runs: kilowatch demo fault DEVICE FAULT")


def _faults() -> list[DemoFault]:
    from kilowatch.demo import stage
    from kilowatch.demo.catalogue import faults_of

    return [
        DemoFault(
            device=one.device,
            fault=one.name,
            meaning=one.meaning,
            found_within_s=None if one.within_min is None else one.within_min * 60 / stage.SPEED,
        )
        for one in faults_of({player.name: player.kind for player in stage.PLAYERS})
    ]


def has_screen() -> bool:
    """Say whether a browser could show itself: on a server `webbrowser` would open one in the terminal."""
    return sys.platform in {"win32", "darwin"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def _folder(chosen: Path | None) -> Iterator[Path]:
    if chosen is None:
        with tempfile.TemporaryDirectory(prefix="kilowatch-demo-") as made:
            yield Path(made) / "data"
        return
    if chosen.exists() and any(chosen.iterdir()):
        raise ConfigError(f"{chosen} is not empty.", "The demo's days are not yours: choose a new folder.")
    yield chosen


def _play(
    folder: Path, staging: Staging, seconds: float, console: Console, page: Page | None, *, as_json: bool
) -> None:
    from kilowatch.app.stores import DataFolder
    from kilowatch.cli.progress import reading_progress
    from kilowatch.demo.learnt import learning_readings, learnt
    from kilowatch.demo.live import LiveDemo

    started_s = time.monotonic()
    with reading_progress("learning four weeks of this home, once", learning_readings(), quiet=as_json) as count:
        state = learnt(count)
    with (
        # The stack ends first: the page asks what the demo closes.
        LiveDemo(DataFolder(folder), state, staging, lambda: time.monotonic() - started_s) as live,
        ExitStack() as stack,
    ):
        if page is not None:
            page.show(live, console, stack, dry_run=staging.dry_run)
        _watch(live, console, seconds, dry_run=staging.dry_run)
        output = live.output()
    if as_json:
        typer.echo(msgspec.json.encode(output))


def _watch(live: LiveDemo, console: Console, seconds: float, *, dry_run: bool) -> None:
    from kilowatch.demo.mailbox import Mailbox
    from kilowatch.demo.screen import Screen

    screen, mailbox, stop = Screen(console, live), Mailbox(), threading.Event()
    # Ctrl-C ends the watching alone, so that what happened is still told.
    before = signal.signal(signal.SIGINT, lambda *_: stop.set())
    takes_wishes = mailbox.open()
    screen.greet(dry_run=dry_run)
    try:
        live.begin()
        with screen.shown():
            while live.elapsed_s() < seconds and not stop.wait(_TURN_S):
                if takes_wishes:
                    mailbox.answer(lambda wish: live.trigger(wish.device, wish.fault))
                live.turn()
                screen.look()
    finally:
        signal.signal(signal.SIGINT, before)
        if takes_wishes:
            mailbox.close()
    screen.end()
