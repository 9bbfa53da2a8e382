"""`kilowatch detectors`: what there is, what each sees and cannot see, and what it costs on this machine."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from kilowatch.cli.tables import show_figures
from kilowatch.detectors.registry import available
from kilowatch.lab.bench.machine import machine
from kilowatch.lab.cost import cost_of

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGHT: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "default": ("what its members find, the loudest first", "what none of them sees"),
        "fleet": ("the same for a million meters", "shapes within an hour"),
        "hour_of_week": ("use at odd hours, more or less than usual", "devices without a rhythm"),
        "hour_of_day": ("the same by hour of day, in less memory", "one odd weekday"),
        "ewma": ("shifts of the level", "short runs"),
        "cusum": ("drift, theft by a share, standby that grew", "single events"),
        "duty_cycle": ("runs or pauses too long, too many starts", "devices that never switch"),
        "run_length": ("runs too long of what ends its runs by itself", "devices that people switch"),
        "flatness": ("frozen meters, loads that hang", "noise that goes on"),
        "daily_energy": ("slow theft, loads that stay", "anything faster than a day"),
        "seasonal_naive": ("hours unlike those of the days before", "devices used when people like"),
        "levels": ("watts where the device almost never was", "a usual level at an unusual time"),
        "jump": ("new loads, spikes, drop-outs", "slow change"),
        "bank": ("windows unlike any normal one", "what looks normal for an hour"),
        "subspace": ("ripples, shapes its hours are not made of", "a usual shape at an unusual time"),
        "autoregressive": ("changes that the last minutes did not foretell", "what goes on smoothly, stuck or not"),
        "isolation_forest": ("windows that stand apart", "a usual window at an unusual time"),
        "random": ("nothing: the floor of every table", "everything"),
        "constant": ("nothing: the floor of every table", "everything"),
    }
)


class DetectorRow(msgspec.Struct, frozen=True, kw_only=True):
    """One detector: what it costs and what it sees."""

    detector: str
    finds: str
    misses: str
    bytes_per_device: float
    us_per_sample: float
    us_per_sample_of_many: float
    fit_ms: float
    needs: int


class DetectorsOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints. Times are of a month of one device, of one sample each of many, and of learning a week."""

    schema: str = "kilowatch.detectors"
    version: int = 1
    machine: str
    rows: list[DetectorRow]


def detectors(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Show every detector: what it finds, what it cannot see, bytes a device, microseconds a sample."""
    # Measured and not written down: what a sample costs depends on the machine of who asks.
    with Console(stderr=True).status("measuring"):
        rows = [_row(name) for name in available()]
    output = DetectorsOutput(machine=machine(), rows=rows)
    if as_json:
        typer.echo(msgspec.json.encode(output))
        return
    titles = (
        "detector",
        "finds",
        "does not see",
        "bytes/device",
        "us/sample",
        "us/sample, many devices",
        "learns a week",
    )
    table = Table(*titles, title=output.machine, title_justify="left")
    for row in rows:
        costs = f"{row.bytes_per_device:,.0f}", f"{row.us_per_sample:.2f}", f"{row.us_per_sample_of_many:.2f}"
        table.add_row(row.detector, row.finds, row.misses, *costs, f"{row.fit_ms:.0f} ms")
    show_figures(Console(), table)
    Console().print("[dim]Windows cost 400 bytes a device beside that, once for all detectors.[/]")


def _row(name: str) -> DetectorRow:
    finds, misses = SIGHT.get(name, ("", ""))
    cost = cost_of(name)
    return DetectorRow(
        detector=name,
        finds=finds,
        misses=misses,
        bytes_per_device=round(cost.bytes_per_device, 1),
        us_per_sample=round(cost.us_per_sample, 3),
        us_per_sample_of_many=round(cost.us_per_sample_of_many, 3),
        fit_ms=round(cost.fit_ms, 1),
        needs=cost.needs,
    )
