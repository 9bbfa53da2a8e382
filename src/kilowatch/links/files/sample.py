"""Sampled rows of a table, and what a person said about its columns."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kilowatch.links.files.cells import is_text, numbers, plain_text
from kilowatch.links.files.source import Unreadable
from kilowatch.links.files.words import ColumnWords, Role, rank

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kilowatch.links.files.source import ReadOptions

READS = 0.5
"""A column is what it seems to be where more than this share of its sampled cells agrees."""


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
        # Enough to tell, and text that is no number is slow to find out.
        known = known.slice(0, 256) if is_text(known) else known
        return 0.0 if len(known) == 0 else 1.0 - float(np.mean(numbers(known, self.decimal_comma).bad))


def has_decimal_comma(sample: Sample) -> bool:
    """Whether cells read as numbers only with a comma for a point."""
    pattern = r"^[-+]?\d+,\d+( ?[a-zA-Z]+)?$"
    texts = [plain_text(sample.column(name)).drop_null() for name in sample.names if is_text(sample.column(name))]
    matches = [pc.match_substring_regex(text, pattern) for text in texts if len(text)]
    return any(pc.mean(match.cast(pa.int8())).as_py() > READS / 2 for match in matches)


def share_like(column: Any, pattern: str) -> float:
    """Return the share of a text column's known cells that match a pattern, 0 where none is known."""
    known = plain_text(column).drop_null()
    return pc.mean(pc.match_substring_regex(known, pattern).cast(pa.int8())).as_py() if len(known) else 0.0
