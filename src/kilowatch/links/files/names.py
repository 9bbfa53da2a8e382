"""Columns of names: devices and sites of many rows as few strings and an index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kilowatch.links.files.cells import plain_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.links.files.pages import Page


@dataclass(frozen=True, slots=True)
class NameColumn:
    """Distinct names, None for a cell that names nothing, and each row's index into them, int64[n]."""

    names: list[str | None]
    index: NDArray[np.int64]

    @classmethod
    def of(cls, page: Page, column: str | None, own: str) -> NameColumn:
        """Return the names of a column, or one name for all rows."""
        if column is None:
            return cls([own], np.zeros(len(page.row), dtype=np.int64))
        cells = page.column(column)
        coded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
        names = plain_text(coded.dictionary).to_pylist()
        index = coded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
        return cls([*names, None], index.astype(np.int64))

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Where a row names nothing."""
        return np.array([name is None for name in self.names])[self.index]

    def keep(self, mask: NDArray[np.bool_]) -> NameColumn:
        """Return the rows where mask is True."""
        return NameColumn(self.names, self.index[mask])

    def pairs(self, other: NameColumn) -> tuple[list[tuple[str, str]], NDArray[np.intp]]:
        """Return the distinct pairs of names with another column as they first appear, and each row's pair.

        Neither column may miss names.
        """
        keys = self.index * len(other.names) + other.index
        distinct, first, row_of = np.unique(keys, return_index=True, return_inverse=True)
        order = np.argsort(first)
        place = np.empty(len(order), dtype=np.intp)
        place[order] = np.arange(len(order))
        pairs = (divmod(key, len(other.names)) for key in distinct[order].tolist())
        return [(str(self.names[mine]), str(other.names[its])) for mine, its in pairs], place[row_of]
