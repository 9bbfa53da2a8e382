"""Columns of names: devices and sites of many rows as few strings and an index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from kilowatch.links.files.cells import plain_text

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class NameColumn:
    """Distinct names, and each row's index into them, int64[n]."""

    names: list[str]
    index: NDArray[np.int64]

    @classmethod
    def of(cls, table: Any, column: str | None, own: str) -> NameColumn:
        """Return the names of a column without gaps, or one name for all rows."""
        if column is None:
            return cls([own], np.zeros(table.num_rows, dtype=np.int64))
        coded = plain_text(table.column(column).combine_chunks().cast(pa.string())).dictionary_encode()
        return cls(coded.dictionary.to_pylist(), coded.indices.to_numpy(zero_copy_only=False).astype(np.int64))

    def pairs(self, other: NameColumn) -> tuple[list[tuple[str, str]], NDArray[np.intp]]:
        """Return the distinct pairs of names with another column, and each row's pair."""
        seen, row_of = np.unique(self.index * len(other.names) + other.index, return_inverse=True)
        pairs = (divmod(key, len(other.names)) for key in seen.tolist())
        return [(self.names[first], other.names[second]) for first, second in pairs], row_of
