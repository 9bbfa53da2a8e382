"""The UCI household file: `Date;Time;Global_active_power;...`, kW, `?` for missing, local time in France.

G. Hebrail, A. Berard, Individual Household Electric Power Consumption, UCI, 2012.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kilowatch.links.files.pages import TextPages
from kilowatch.links.files.source import Format, PowerUnit
from kilowatch.links.files.table import TableSource
from kilowatch.links.files.text import guess_text, read_places

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.links.files.source import ReadOptions
    from kilowatch.links.files.text import TextShape

ZONE = "Europe/Paris"
_HEADER = ("date", "time", "global_active_power")


def is_uci(shape: TextShape) -> bool:
    """Whether a table has the header of the UCI household file."""
    return shape.header and tuple(name.lower() for name in shape.names[:3]) == _HEADER


def open_uci(path: Path, options: ReadOptions) -> TableSource:
    """Open the household file; `Unreadable` where it is another table."""
    shape = guess_text(path, read_places(path))
    known = replace(options, time_zone=options.time_zone or ZONE, unit=options.unit or PowerUnit.KW, day_first=True)
    return TableSource(path, Format.UCI, TextPages([path], shape), known, about="UCI household file")
