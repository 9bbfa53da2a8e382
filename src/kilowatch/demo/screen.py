"""What the audience sees: a calm live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from kilowatch.core.explain import clock as told_time
from kilowatch.core.explain import watts
from kilowatch.demo import stage
from kilowatch.demo.board import Line, LineKind
from kilowatch.demo.live import LiveDemo, is_armed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.core.device import DeviceRecord

_SHOWN = 14
_COLORS = {
    LineKind.STAGE: "magenta",
    LineKind.INCIDENT: "bold dark_orange",
    LineKind.OVER: "green",
    LineKind.SWITCHED: "bold cyan",
    LineKind.LEFT_ON: "bold green",
    LineKind.NOT_YET: "yellow",
    LineKind.ALARM: "bold red",
}
_MARKS = {
    LineKind.STAGE: "goes wrong",
    LineKind.INCIDENT: "incident",
    LineKind.OVER: "over",
    LineKind.SWITCHED: "switched",
    LineKind.LEFT_ON: "left alone",
    LineKind.NOT_YET: "not yet",
    LineKind.ALARM: "help",
}


class Screen:
    """Draws a demo, again and again."""

    def __init__(self, console: Console, demo: LiveDemo) -> None:
        self._console = console
        self._demo = demo
        self._lines: deque[Line] = deque(maxlen=_SHOWN)

    def greet(self, *, dry_run: bool) -> None:
        """Say plainly what may be switched here and what never is."""
        records = self._demo.records
        may = ", ".join(record.device for record in records if is_armed(record))
        never = ", ".join(record.device for record in records if record.protected)
        others = ", ".join(record.device for record in records if not record.protected and not is_armed(record))
        verb = "Would be switched off" if dry_run else "May be switched off"
        lines = (
            f"A simulated home: {len(records)} appliances on smart plugs (Shelly and Tasmota), which are",
            "real HTTP servers on this machine. Two seconds are one minute of the home.",
            f"  [bold cyan]{verb:<22}[/]{escape(may)}: armed",
            f"  [bold green]Never switched        [/]{escape(never)}: protected from the start",
            f"  Watched only          {escape(others)}",
            "[dim]This is a dry run: no plug is told anything.[/]\n" if dry_run else "",
        )
        for line in lines:
            self._console.print(line, soft_wrap=True)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep a picture on the screen where there is one."""
        if not self._console.is_terminal:
            yield
            return
        # Transient: `end` leaves the last picture once, above what came of it all.
        with Live(get_renderable=self._picture, console=self._console, refresh_per_second=4, transient=True):
            yield

    def look(self) -> None:
        """Take in what is new; elsewhere than on a terminal, print it."""
        for line in self._demo.board.fresh():
            self._lines.append(line)
            if not self._console.is_terminal:
                self._console.print(_told(line), soft_wrap=True)

    def end(self) -> None:
        """Leave on the screen what has happened."""
        self.look()
        if self._console.is_terminal:
            self._console.print(self._picture())
        for line in summary(self._demo):
            self._console.print(line, soft_wrap=True)

    def _picture(self) -> Group:
        table = Table(box=None, pad_edge=False)
        for title, justify in (("device", "left"), ("draws", "right"), ("plug", "left"), ("", "left"), ("now", "left")):
            table.add_column(title, justify="right" if justify == "right" else "left", no_wrap=True)
        for record in self._demo.records:
            table.add_row(*self._row(record))
        heading = Text(f"{_hour(self._demo.now_ms)} in the home", style="bold")
        return Group(heading, table, Text(), *map(_told, self._lines))

    def _row(self, record: DeviceRecord) -> tuple[Text | str, ...]:
        device = record.device
        power_w = self._demo.board.power_w.get(device)
        plug = Text("on") if self._demo.is_on(device) else Text("OFF", style="bold cyan")
        odd = device in self._demo.board.open
        role = Text("protected", style="green") if record.protected else Text("")
        if is_armed(record):
            role = Text("armed", style="cyan")
        state = Text("odd", style="bold dark_orange") if odd else Text("as usual", style="dim")
        return device, "–" if power_w is None else watts(power_w), plug, role, state


def summary(demo: LiveDemo) -> list[str]:
    """Return in words what came of it: what was found, switched off, and left alone, and why."""
    output, found, off = demo.output(), demo.board.found, demo.switched_off()
    kept = [record for record in demo.records if record.device in found and record.device not in off]
    named = {
        "Switched off and read back": off,
        "Left alone, protected": [record.device for record in kept if record.protected],
        "Left alone, nobody armed it": [r.device for r in kept if not r.protected and not is_armed(r)],
        "Armed, and still on": [record.device for record in kept if is_armed(record)],
    }
    first = output.seconds_to_first_incident
    soon = "" if first is None else f", the first after {first:.0f} s"
    incidents = f"{output.incidents or 'no'} incident{'' if output.incidents == 1 else 's'}{soon}"
    return [
        f"\n{output.readings:,} readings over HTTP, {incidents}.",
        *(f"  {what:<28}{escape(', '.join(devices))}" for what, devices in named.items() if devices),
        f"Calls to switch a protected plug, by the plugs' own logs: {output.protected_switched}.",
    ]


def _told(line: Line) -> Text:
    text = Text(f"{_hour(line.ts_ms)}  ", style="dim")
    text.append(f"{_MARKS[line.kind]:<11}", style=_COLORS[line.kind])
    text.append(line.words, style="dim" if line.kind is LineKind.NOT_YET else "")
    return text


def _hour(ts_ms: int) -> str:
    return told_time(ts_ms, stage.TIME_ZONE, ts_ms)
