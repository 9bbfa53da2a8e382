"""Which column of a table holds the time, and which the power."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from kilowatch.links.files.cells import is_text, plain_text, watts_with_units
from kilowatch.links.files.kinds import slug
from kilowatch.links.files.sample import READS, Sample, share_like
from kilowatch.links.files.source import Unreadable
from kilowatch.links.files.time_shapes import guess_shape
from kilowatch.links.files.words import ColumnWords, Role, rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.links.files.times import TimeShape

_TIME_OF_DAY = r"^\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?$"
_OTHER_STEMS = frozenset({"energy", "counter", "current", "voltage"})


def find_time(sample: Sample) -> tuple[tuple[str, ...], TimeShape]:
    """Return the time column, or a date and a time of day, and how they are written."""
    named = sample.named(Role.TIME)
    names = [named] if named else list(dict.fromkeys([*(n for _, n in sample.ranked(Role.TIME, ())), *sample.names]))
    if (pair := _date_and_time(sample, names)) is not None:
        return pair
    # Plausible times in any column come before odd numbers in a column that is named like a time.
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
    clocks = [name for name, text in texts.items() if share_like(text, _TIME_OF_DAY) > READS]
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


def find_power(sample: Sample, time: Sequence[str]) -> tuple[str, bool, tuple[str, ...]]:
    """Return the power column, whether its cells carry units, and what to say about the choice."""
    named = sample.named(Role.POWER)
    names = [named] if named else [name for _, name in sample.ranked(Role.POWER, time)]
    for name in names:
        if sample.readable(name) > READS:
            return name, False, ()
        if is_text(sample.column(name)) and _with_units(sample, name) > READS:
            return name, True, ("each cell carries its unit",)
    if named is not None:
        raise Unreadable(f"Column {named} holds no numbers.", "Name another with --power-column.")
    return _unnamed_power(sample, time), False, ("the power column is guessed by its place",)


def _with_units(sample: Sample, name: str) -> float:
    known = plain_text(sample.column(name)).drop_null().slice(0, 256)
    if len(known) == 0:
        return 0.0
    return 1.0 - float(np.mean(watts_with_units(known, 1.0, decimal_comma=sample.decimal_comma).bad))


def _unnamed_power(sample: Sample, time: Sequence[str]) -> str:
    """Return the first column of numbers where no name tells anything, and the file's name does not deny it."""
    have = ", ".join(sample.names)
    energy = next((name for _, name in sample.ranked(Role.ENERGY, time)), None)
    if energy is not None or _OTHER_STEMS & set(slug(sample.path.stem).split("_")):
        what = f"an energy register ({energy})" if energy else "another quantity, as its name says"
        raise Unreadable(
            f"The file holds {what} but no power.", "Leave it out, or name a power column with --power-column."
        )
    numeric = [name for name in sample.names if name not in time and sample.readable(name) > READS]
    silent = [name for name in numeric if name.isdigit() or name.startswith("column ")]
    other = [name for name in numeric if name not in silent and not ColumnWords.of(name).tells_no_power]
    if silent or len(other) == 1:
        return (silent or other)[0]
    raise Unreadable(f"No column holds power; the columns are {have}.", "Name one with --power-column.")
