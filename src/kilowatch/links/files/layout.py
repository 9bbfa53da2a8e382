"""What was found out about a table: which column is what, in which unit and zone, and how to say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilowatch.links.files.source import PowerUnit

if TYPE_CHECKING:
    from kilowatch.core.device import Kind
    from kilowatch.links.files.times import TimeShape

_ENERGY_UNITS = {1.0: "Wh", 1e3: "kWh", 1e6: "MWh"}


@dataclass(frozen=True, slots=True)
class Layout:
    """A table's columns by role.

    time: one column, or a date and a time of day. zone: of times that carry none, and of the devices.
    unit_in_cells: cells such as "1.2 kW". energy_wh: Wh in one of the register's unit. site and device stand
    where no column names them. said: the reasons for the guesses, in words.
    """

    time: tuple[str, ...]
    shape: TimeShape
    zone: str
    power: str
    site: str
    device: str
    power_unit: PowerUnit = PowerUnit.W
    unit_in_cells: bool = False
    decimal_comma: bool = False
    energy: str | None = None
    energy_wh: float = 1.0
    voltage: str | None = None
    current: str | None = None
    on: str | None = None
    unit_column: str | None = None
    device_column: str | None = None
    site_column: str | None = None
    kind: Kind | None = None
    source: str = ""
    said: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to read."""
        beside = (self.energy, self.voltage, self.current, self.on)
        rest = (*beside, self.unit_column, self.device_column, self.site_column)
        return (*self.time, self.power, *(name for name in rest if name is not None))

    def __str__(self) -> str:
        zone = "with its zone" if self.shape.zoned else f"local in {self.zone}"
        parts = [f"time {' + '.join(self.time)} as {self.shape}, {zone}", f"power {self.power} in {self.power_unit}"]
        if self.energy is not None:
            parts.append(f"energy {self.energy} in {_ENERGY_UNITS[self.energy_wh]}")
        beside = [name for name in (self.voltage, self.current, self.on) if name is not None]
        if beside:
            parts.append(f"beside it {', '.join(beside)}")
        if self.decimal_comma:
            parts.append("decimal comma")
        if self.device_column is not None:
            parts.append(f"devices in {self.device_column}")
        return "; ".join([*parts, *self.said])
