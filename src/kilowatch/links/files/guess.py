"""From a table's column names and a sample of its rows to a `Layout`, with the reasons in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kilowatch.links.files.cells import is_text, numbers, plain_text, switches, watts_with_units
from kilowatch.links.files.kinds import device_of, site_of, slug, zone_of
from kilowatch.links.files.layout import Layout
from kilowatch.links.files.source import PowerUnit, Unreadable
from kilowatch.links.files.time_shapes import guess_shape
from kilowatch.links.files.words import ColumnWords, Role, rank
from kilowatch.links.files.zones import check_zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kilowatch.links.files.source import ReadOptions
    from kilowatch.links.files.times import TimeShape

_READS = 0.5
_TIME_OF_DAY = r"^\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?$"
_ENERGY_STEMS = frozenset({"energy", "counter", "current", "voltage"})


@dataclass(frozen=True, slots=True)
class Sample:
    """Columns of sampled rows by name, and what a person said about them."""

    path: Path
    table: Any
    options: ReadOptions
    decimal_comma: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(self.table.column_names)

    def column(self, name: str) -> Any:
        """Return one column as an Arrow array."""
        return self.table.column(name).combine_chunks()

    def named(self, role: Role) -> str | None:
        """Return the column that the person named for a role; `Unreadable` where there is none of that name."""
        wanted: str | None = getattr(self.options.columns, role.value)
        if wanted is None or wanted in self.names:
            return wanted
        if wanted.isdigit() and 1 <= int(wanted) <= len(self.names):
            return self.names[int(wanted) - 1]
        near = get_close_matches(wanted, self.names, n=1, cutoff=0.0)
        have = f"The columns are {', '.join(self.names)}."
        raise Unreadable(f"There is no column {wanted!r}.", f"{have} Did you mean {near[0]}?" if near else have)

    def ranked(self, role: Role, taken: Sequence[str]) -> Iterator[tuple[int, str]]:
        """Yield (rank, name) of the free columns whose names fit a role, best and shortest names first."""
        found = []
        for place, name in enumerate(self.names):
            words = ColumnWords.of(name)
            level = rank(words, role)
            if level is not None and name not in taken:
                found.append((level, len(words.words), place, name))
        yield from ((level, name) for level, _, _, name in sorted(found))

    def readable(self, name: str) -> float:
        """Return the share of a column's cells that are numbers, 0 where the column is empty."""
        column = self.column(name)
        if pa.types.is_temporal(column.type) or pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            return 0.0
        known = plain_text(column).drop_null() if is_text(column) else column.drop_null()
        known = known.slice(0, 256) if is_text(known) else known
        return 0.0 if len(known) == 0 else 1.0 - float(np.mean(numbers(known, self.decimal_comma).bad))


def guess_layout(sample: Sample) -> Layout:
    """Return what a table holds; `Unreadable` where a time or a power column cannot be found."""
    options, path = sample.options, sample.path
    sample = replace(sample, decimal_comma=_has_decimal_comma(sample))
    time, shape = _time(sample)
    power, in_cells, said = _power(sample, time)
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
        return bool(np.mean(switches(column) >= 0) > _READS)
    return sample.readable(name) > _READS


def _own_zone(sample: Sample, name: str) -> str | None:
    zone = getattr(sample.column(name).type, "tz", None)
    return zone if zone and "/" in zone else None


def _has_decimal_comma(sample: Sample) -> bool:
    """Whether cells read as numbers only with a comma for a point."""
    pattern = r"^[-+]?\d+,\d+( ?[a-zA-Z]+)?$"
    texts = [plain_text(sample.column(name)).drop_null() for name in sample.names if is_text(sample.column(name))]
    matches = [pc.match_substring_regex(text, pattern) for text in texts if len(text)]
    return any(pc.mean(match.cast(pa.int8())).as_py() > _READS / 2 for match in matches)


def _time(sample: Sample) -> tuple[tuple[str, ...], TimeShape]:
    named = sample.named(Role.TIME)
    names = [named] if named else list(dict.fromkeys([*(n for _, n in sample.ranked(Role.TIME, ())), *sample.names]))
    if (pair := _date_and_time(sample, names)) is not None:
        return pair
    for wild in (False, True):
        for name in names:
            like_time = rank(ColumnWords.of(name), Role.TIME) is not None or named is not None
            shape = guess_shape(sample.column(name), sample.options.day_first, named=wild and like_time)
            if shape is not None:
                return (name,), shape
    if named is not None:
        raise Unreadable(f"Column {named} holds no times that are understood.", "Name another with --time-column.")
    have = ", ".join(sample.names)
    raise Unreadable(f"No column holds times; the columns are {have}.", "Name one with --time-column.")


def _date_and_time(sample: Sample, names: Sequence[str]) -> tuple[tuple[str, ...], TimeShape] | None:
    """Return a date column and a time-of-day column that belong together."""
    texts = {name: plain_text(sample.column(name)) for name in names if is_text(sample.column(name))}
    clocks = [name for name, text in texts.items() if _share(text, _TIME_OF_DAY) > _READS]
    if not clocks:
        return None
    for name, text in texts.items():
        if name in clocks:
            continue
        joined = pc.binary_join_element_wise(text, texts[clocks[0]], " ")
        shape = guess_shape(joined, sample.options.day_first, named=False)
        if shape is not None:
            return (name, clocks[0]), shape
    return None


def _share(text: Any, pattern: str) -> float:
    known = text.drop_null()
    return pc.mean(pc.match_substring_regex(known, pattern).cast(pa.int8())).as_py() if len(known) else 0.0


def _power(sample: Sample, time: Sequence[str]) -> tuple[str, bool, tuple[str, ...]]:
    """Return the power column, whether its cells carry units, and what to say about the choice."""
    named = sample.named(Role.POWER)
    names = [named] if named else [name for _, name in sample.ranked(Role.POWER, time)]
    for name in names:
        if sample.readable(name) > _READS:
            return name, False, ()
        if is_text(sample.column(name)) and _with_units(sample, name) > _READS:
            return name, True, ("each cell carries its unit",)
    if named is not None:
        raise Unreadable(f"Column {named} holds no numbers.", "Name another with --power-column.")
    return _unnamed_power(sample, time), False, ("the power column is guessed by its place",)


def _with_units(sample: Sample, name: str) -> float:
    known = plain_text(sample.column(name)).drop_null().slice(0, 256)
    if len(known) == 0:
        return 0.0
    return 1.0 - float(np.mean(watts_with_units(known, sample.decimal_comma, 1.0).bad))


def _unnamed_power(sample: Sample, time: Sequence[str]) -> str:
    """Return the first column of numbers where no name tells anything, and the file's name does not deny it."""
    have = ", ".join(sample.names)
    energy = next((name for _, name in sample.ranked(Role.ENERGY, time)), None)
    if energy is not None or _ENERGY_STEMS & set(slug(sample.path.stem).split("_")):
        what = f"an energy register ({energy})" if energy else "another quantity, as its name says"
        raise Unreadable(
            f"The file holds {what} but no power.", "Leave it out, or name a power column with --power-column."
        )
    numeric = [name for name in sample.names if name not in time and sample.readable(name) > _READS]
    silent = [name for name in numeric if name.isdigit() or name.startswith("column ")]
    other = [name for name in numeric if name not in silent and not ColumnWords.of(name).tells_no_power]
    if silent or len(other) == 1:
        return (silent or other)[0]
    raise Unreadable(f"No column holds power; the columns are {have}.", "Name one with --power-column.")
