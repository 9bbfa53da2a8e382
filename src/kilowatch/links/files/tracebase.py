"""Tracebase: daily files of a plug, `dd/mm/yyyy HH:MM:SS;W over 1 s;W over 8 s`, local time in Germany.

A. Reinhardt et al., On the Accuracy of Appliance Identification Based on Distributed Load Metering Data,
SustainIT 2012.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from kilowatch.links.files.kinds import kind_of, slug
from kilowatch.links.files.pages import TextPages
from kilowatch.links.files.source import FileFailure, Format, PowerUnit, Unreadable
from kilowatch.links.files.table import TableSource
from kilowatch.links.files.text import guess_text, read_head

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kilowatch.links.files.source import ReadOptions
    from kilowatch.links.files.text import TextShape

ZONE = "Europe/Berlin"
SITE = "tracebase"
DAILY = re.compile(r"^(?P<plug>.+)_(?P<day>\d{4}\.\d{2}\.\d{2})$")
_ROW = re.compile(rb"^(?:\xef\xbb\xbf)?\d\d/\d\d/\d{4} \d\d:\d\d:\d\d;-?\d+;-?\d+\r?\n")


def is_tracebase(path: Path) -> bool:
    """Whether a file's first line is one of a tracebase day."""
    return _ROW.match(read_head(path)[0]) is not None


def open_tracebase(files: Sequence[Path], options: ReadOptions) -> tuple[TableSource | None, list[FileFailure]]:
    """Open the daily files of one plug as one device in the order of their dates; bad days become failures."""
    good: list[Path] = []
    failures: list[FileFailure] = []
    shape: TextShape | None = None
    for file in sorted(files, key=lambda file: file.name):
        try:
            shape = _shape(file)
            good.append(file)
        except (Unreadable, OSError) as error:
            hint = getattr(error, "hint", "") or "Leave it out or fetch it again."
            failures.append(FileFailure(file, getattr(error, "row", None), str(error), hint))
    if shape is None:
        return None, failures
    path = good[0] if len(files) == 1 else good[0].parent
    about = f"tracebase, {len(good)} daily file{'s' if len(good) > 1 else ''}"
    known = _known(good[0], options)
    return TableSource(path, Format.TRACEBASE, TextPages(good, shape), known, about=about), failures


def _shape(file: Path) -> TextShape:
    shape = guess_text(file, read_head(file))
    if len(shape.names) != 3 or shape.delimiter != ";" or shape.header:
        have = f"{len(shape.names)} columns between {shape.delimiter!r}"
        raise Unreadable(f"This is no tracebase day: {have}.", "Expected dd/mm/yyyy HH:MM:SS;W;W.", row=1)
    return shape


def _known(file: Path, options: ReadOptions) -> ReadOptions:
    match = DAILY.match(file.stem)
    folder = file.resolve().parent.name
    device = options.device or slug(f"{folder}_{match['plug'] if match else file.stem}")
    columns = replace(options.columns, time=options.columns.time or "1", power=options.columns.power or "2")
    return replace(
        options,
        columns=columns,
        time_zone=options.time_zone or ZONE,
        unit=options.unit or PowerUnit.W,
        site=options.site or SITE,
        device=device,
        kind=options.kind or kind_of(folder, device),
        # The data set is known: 03/04 is no question to be guessed at.
        day_first=True,
    )
