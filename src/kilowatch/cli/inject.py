"""`kilowatch inject`: put known anomalies into a series, to see what would be noticed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console

from kilowatch.errors import ConfigError
from kilowatch.lab.inject import (
    INJECTIONS,
    Injected,
    Injection,
    InjectionSpec,
    inject_many,
    place,
    write_labels,
)
from kilowatch.lab.inject.series import read_trace, write_trace

if TYPE_CHECKING:
    from kilowatch.lab.inject import Trace

HOUR_S = 3600
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
_UNIT_S = (86_400, 3_600, 60, 1)


class InjectOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints: readings in the series and changed, the injections that show, and those that do not."""

    schema: str = "kilowatch.inject"
    version: int = 1
    readings: int
    changed: int
    injections: list[InjectionSpec]
    invisible: list[InjectionSpec]


def inject(
    path: Annotated[Path | None, typer.Argument(metavar="IN", help="A file with one device's readings.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="What to inject, more than once for several.")] = None,
    start: Annotated[str | None, typer.Option(help="When, UTC; places are drawn where not given.")] = None,
    duration: Annotated[str | None, typer.Option(help="For how long: 90s, 2h, 1d12h; each kind has its own.")] = None,
    strength: Annotated[
        float | None, typer.Option(help="How strong, in the kind's own unit; drawn if not given.")
    ] = None,
    param: Annotated[list[str] | None, typer.Option(help="Another number of the kind, NAME=VALUE.")] = None,
    after: Annotated[str | None, typer.Option(help="Draw no place before this time, UTC.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same file.")] = 0,
    device: Annotated[str | None, typer.Option(help="Which device, where the file has several.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Zone of times in the file that carry none.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the changed series, CSV.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Where to write the labels, JSON.")] = None,
    list_kinds: Annotated[bool, typer.Option("--list", help="Show all kinds and what they mean.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Put known anomalies into a series and write down where: a test of sensitivity, not of field accuracy."""
    if list_kinds:
        _show_kinds(Console(highlight=False))
        return
    if path is None or not kind or out is None or labels is None:
        raise ConfigError(
            "IN, --kind, --out and --labels are needed.",
            "For example: kilowatch inject in.csv --kind h1 --out odd.csv --labels odd.json; --list shows the kinds.",
        )
    # Labels are worth nothing without the readings that they tell of: neither may overwrite the other.
    if path.resolve() in {out.resolve(), labels.resolve()} or out.resolve() == labels.resolve():
        raise ConfigError("IN, --out and --labels must be three different files.", "Choose other names.")
    trace, record = read_trace(path, device, time_zone)
    trace = trace.in_time_order()
    asked = _Asked([_kind(name) for name in kind], _time_ms(start), _seconds(duration), strength, _params(param or []))
    specs = asked.placed(trace, _time_ms(after), seed) if start is None else [asked.at_start(trace)]
    injected = inject_many(trace, specs, seed)
    for file in (out, labels):
        file.parent.mkdir(parents=True, exist_ok=True)
    write_trace(out, injected.trace, record)
    write_labels(labels, injected)
    _show(injected, out, labels, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Asked:
    kinds: list[Injection]
    start_ms: int | None
    duration_s: float | None
    strength: float | None
    params: dict[str, float]

    def placed(self, trace: Trace, after_ms: int | None, seed: int) -> list[InjectionSpec]:
        """Return specs at drawn places."""
        hours = None if self.duration_s is None else (self.duration_s / HOUR_S, self.duration_s / HOUR_S)
        places = place(trace, self.kinds, seed, hours=hours, strength=self.strength, from_ms=after_ms)
        return [replace(one, params=self.params) for one in places]

    def at_start(self, trace: Trace) -> InjectionSpec:
        """Return the spec of the one kind that starts at the time given; the kind's usual duration where none is."""
        if len(self.kinds) > 1 or self.start_ms is None:
            raise ConfigError("--start places one kind only.", "Leave it out to have places drawn for several kinds.")
        low, high = INJECTIONS[self.kinds[0]].hours
        # The geometric middle, for the usual spans of a kind differ by factors.
        lasting_s = math.sqrt(low * high) * HOUR_S if self.duration_s is None else self.duration_s
        lasting_s = max(lasting_s, trace.interval_s)
        return InjectionSpec.lasting(self.kinds[0], self.start_ms, lasting_s, self.strength, self.params)


def _kind(name: str) -> Injection:
    try:
        return Injection(name.lower().replace("-", "_"))
    except ValueError:
        near = get_close_matches(name.lower(), list(Injection), n=1)
        hint = f"Did you mean {near[0]}?" if near else "`kilowatch inject --list` shows all kinds."
        raise ConfigError(f"There is no injection called {name}.", hint) from None


def _params(texts: list[str]) -> dict[str, float]:
    params = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            params[name] = float(value)
        except ValueError:
            raise ConfigError(f"--param {text} is not NAME=VALUE with a number.", "For example: dwell_s=600.") from None
    return params


def _time_ms(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text} is no time.", "Write 2026-03-01T08:00, in UTC or with an offset.") from None
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    match = _DURATION.fullmatch(text.strip().lower())
    seconds = sum(float(n) * unit for n, unit in zip(match.groups(default="0"), _UNIT_S, strict=True)) if match else 0
    if seconds <= 0:
        raise ConfigError(f"{text} is no duration.", "Write 90s, 45m, 2h, 1d or 1d12h.")
    return seconds


def _show(injected: Injected, out: Path, labels: Path, *, as_json: bool) -> None:
    changed = int(injected.mask.sum())
    if as_json:
        output: Any = InjectOutput(
            readings=len(injected.trace),
            changed=changed,
            injections=list(injected.specs),
            invisible=list(injected.invisible),
        )
        typer.echo(msgspec.json.encode(output))
        return
    console = Console(highlight=False)
    for spec in injected.specs:
        when = datetime.fromtimestamp((spec.seen_ms or spec.start_ms) / 1000, UTC)
        console.print(f"[bold]{spec.kind}[/] {INJECTIONS[spec.kind].meaning}, from {when:%Y-%m-%d %H:%M} UTC")
    for spec in injected.invisible:
        console.print(f"[dim]{spec.kind} left out: nothing a meter could show would change there[/]")
    console.print(f"{changed:,} of {len(injected.trace):,} readings changed: {out}, labels in {labels}", soft_wrap=True)


def _show_kinds(console: Console) -> None:
    family = None
    for one in INJECTIONS.values():
        if one.family is not family:
            family = one.family
            console.print(f"[bold]{family}[/]")
        low, high = one.usual
        usual = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        numbers = [f"{one.strength}: {usual}"] if one.strength else []
        numbers += [f"{name}={value:g}" for name, value in one.params.items()]
        words = f"{one.meaning} [dim]({'; '.join(numbers)})[/]" if numbers else one.meaning
        console.print(f"  {one.kind:<17}{words}", soft_wrap=True)
