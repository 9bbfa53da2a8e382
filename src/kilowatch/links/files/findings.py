"""What of a history does not hold: the rules of `kilowatch data check`, each with what to do."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kilowatch.links.files.describe import Description
    from kilowatch.links.files.source import FileSource


class Rule(StrEnum):
    """What is checked."""

    UNREADABLE = "unreadable"
    DOUBTFUL = "doubtful"
    EMPTY = "empty"
    BREAKS = "breaks"
    RESETS = "resets"
    BACKWARD = "backward"
    REPEATED = "repeated"
    MISSING = "missing"
    NEGATIVE = "negative"
    MISDATED = "misdated"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that does not hold, for a device or for the whole file."""

    rule: Rule
    count: int
    message: str
    site: str | None = None
    device: str | None = None


_OF_DEVICE: tuple[tuple[Rule, str], ...] = (
    (Rule.RESETS, "falls of the energy register: it was reset or replaced; energy is counted on from there."),
    (Rule.BACKWARD, "steps back in time: sort the file, or look for a clock that was set back."),
    (Rule.REPEATED, "readings repeat the time of the one before: the first of each counts."),
    (Rule.MISSING, "readings have no power: they are left out."),
    (Rule.NEGATIVE, "readings are below 0 W: is the meter clamped on backwards, or does it feed in?"),
    (Rule.MISDATED, "readings are dated before 2000 or after 2100: the meter's clock was not set."),
)


def find_faults(source: FileSource, descriptions: Sequence[Description]) -> list[Finding]:
    """Return what does not hold of a source whose batches were read to the end."""
    out = list(_of_file(source))
    for described in descriptions:
        out.extend(_of_device(described))
    return out


def _of_file(source: FileSource) -> Iterator[Finding]:
    if source.problem_rows:
        first = source.problems()[0]
        where = f"first in {first.path.name}, row {first.row}: {first.reason}"
        yield Finding(rule=Rule.UNREADABLE, count=source.problem_rows, message=f"rows cannot be read, {where}")
    for note in source.notes():
        yield Finding(rule=Rule.DOUBTFUL, count=1, message=note)


def _of_device(described: Description) -> Iterator[Finding]:
    names = {"site": described.site, "device": described.device}
    if described.rows == 0:
        yield Finding(rule=Rule.EMPTY, count=1, message="no readings.", **names)
    if described.breaks:
        message = f"gaps are longer than a value holds, the longest {described.longest_gap_s:.0f} s: windows restart."
        yield Finding(rule=Rule.BREAKS, count=described.breaks, message=message, **names)
    for rule, message in _OF_DEVICE:
        count: int = getattr(described, rule.value)
        if count:
            yield Finding(rule=rule, count=count, message=message, **names)
