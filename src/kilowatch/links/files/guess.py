"""From a table's column names and a sample of its rows to a `Layout`, with the reasons in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kilowatch.links.files.cells import is_text, plain_text, switches
from kilowatch.links.files.find import find_power, find_time
from kilowatch.links.files.kinds import device_of, site_of, zone_of
from kilowatch.links.files.layout import Layout
from kilowatch.links.files.sample import READS, Sample, has_decimal_comma
from kilowatch.links.files.source import PowerUnit
from kilowatch.links.files.words import ColumnWords, Role
from kilowatch.links.files.zones import check_zone

if TYPE_CHECKING:
    from collections.abc import Sequence


def guess_layout(sample: Sample) -> Layout:
    """Return what a table holds; `Unreadable` where a time or a power column cannot be found."""
    options, path = sample.options, sample.path
    sample = replace(sample, decimal_comma=has_decimal_comma(sample))
    time, shape = find_time(sample)
    power, in_cells, said = find_power(sample, time)
    zone = options.time_zone or _own_zone(sample, time[0]) or zone_of(path) or "UTC"
    layout = Layout(
        time=time,
        shape=shape,
        zone=check_zone(zone),
        power=power,
        site=options.site or site_of(path),
        device=options.device or device_of(path),
        power_unit=options.unit or ColumnWords.of(power).unit or PowerUnit.W,
        unit_in_cells=in_cells,
        decimal_comma=sample.decimal_comma,
        kind=options.kind,
        source=path.name,
        said=said,
    )
    return _with_optional(sample, layout)


def _with_optional(sample: Sample, layout: Layout) -> Layout:
    taken = [*layout.time, layout.power]
    found: dict[Role, str | None] = {}
    for role in (Role.UNIT, Role.DEVICE, Role.SITE, Role.ENERGY, Role.VOLTAGE, Role.CURRENT, Role.ON):
        name = sample.named(role) or _fitting(sample, role, taken)
        if name is not None:
            taken.append(name)
        found[role] = name
    energy = found[Role.ENERGY]
    return replace(
        layout,
        energy=energy,
        energy_wh=(ColumnWords.of(energy).energy_wh or 1.0) if energy else 1.0,
        voltage=found[Role.VOLTAGE],
        current=found[Role.CURRENT],
        on=found[Role.ON],
        unit_column=found[Role.UNIT],
        device_column=None if sample.options.device else found[Role.DEVICE],
        site_column=None if sample.options.site else found[Role.SITE],
    )


def _fitting(sample: Sample, role: Role, taken: Sequence[str]) -> str | None:
    return next((name for level, name in sample.ranked(role, taken) if _holds(sample, role, name, level)), None)


def _holds(sample: Sample, role: Role, name: str, level: int) -> bool:
    """Whether a column's cells fit a role that its name fits."""
    column = sample.column(name)
    if role in (Role.DEVICE, Role.SITE, Role.UNIT):
        known = plain_text(column).drop_null() if not pa.types.is_nested(column.type) else column.slice(0, 0)
        distinct = len(known.unique())
        # A running number is called "id" as often as a device is.
        return distinct > 0 and (level < 2 or distinct * 2 < len(known)) and (role is not Role.UNIT or is_text(column))
    if role is Role.ON:
        return bool(np.mean(switches(column) >= 0) > READS)
    return sample.readable(name) > READS


def _own_zone(sample: Sample, name: str) -> str | None:
    zone = getattr(sample.column(name).type, "tz", None)
    return zone if zone and "/" in zone else None
