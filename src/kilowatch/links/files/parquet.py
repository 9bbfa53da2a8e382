"""Pages of a Parquet file; a broken row group costs only itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from kilowatch.links.files.pages import Page
from kilowatch.links.files.source import RowProblem, Unreadable
from kilowatch.links.files.text import PLACES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kilowatch.links.files.source import Problems

_PLACE_ROWS = 4096
_WALK_ROWS = 1 << 20
MARK = b"PAR1"


class ParquetPages:
    """One Parquet file, row group by row group."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with parquet.ParquetFile(path) as file:
                self.metadata = file.metadata
                self.schema = file.schema_arrow
        except (pa.ArrowException, OSError, ValueError) as error:
            hint = "The file is cut off or damaged: copy or export it again."
            raise Unreadable(f"This is no whole Parquet file ({_short(error)}).", hint) from error
        if len(set(self.names)) < len(self.names):
            raise Unreadable("Two columns have the same name.", "Rename one and export the file again.")
        if self.metadata.num_rows == 0:
            raise Unreadable("The file has no rows.", "Export it again, or leave it out.")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are not nested."""
        return tuple(field.name for field in self.schema if not pa.types.is_nested(field.type))

    def sample(self) -> list[Page]:
        """Return rows from places spread over the file."""
        rows = self.metadata.num_rows
        starts = np.unique(np.linspace(0, max(rows - _PLACE_ROWS, 0), PLACES).astype(np.int64)).tolist()
        pages: list[Page] = []
        broken = ""
        with parquet.ParquetFile(self.path) as file:
            for group, first in self._groups():
                try:
                    pages.extend(self._pieces(file, group, first, starts))
                except (pa.ArrowException, OSError) as error:
                    broken = _short(error)
        if not pages:
            hint = "The file is damaged: copy or export it again."
            raise Unreadable(f"Rows cannot be decoded ({broken}).", hint)
        return pages

    def estimated_rows(self) -> int:
        """Return how many rows there are."""
        return int(self.metadata.num_rows)

    def _groups(self) -> list[tuple[int, int]]:
        """Return each row group and the number of rows before it."""
        sizes = [self.metadata.row_group(group).num_rows for group in range(self.metadata.num_row_groups)]
        return list(enumerate(np.cumsum([0, *sizes])[:-1].tolist()))

    def _pieces(self, file: Any, group: int, first: int, starts: list[int]) -> Iterator[Page]:
        size = self.metadata.row_group(group).num_rows
        # A row group is read from its start: where the place lies far inside, one nearer by must do.
        own = [min(start - first, _WALK_ROWS) for start in starts if first <= start < first + size]
        at = 0
        if not own:
            return
        for batch in file.iter_batches(batch_size=_PLACE_ROWS, row_groups=[group], columns=list(self.names)):
            if any(at <= start < at + len(batch) for start in own):
                yield self._page(batch, first + at)
            at += len(batch)
            if at > max(own):
                return

    def _page(self, batch: Any, first: int) -> Page:
        row = np.arange(first + 1, first + 1 + len(batch), dtype=np.int64)
        return Page(self.path, pa.Table.from_batches([batch]), row)

    def read(self, columns: Sequence[str], rows: int, problems: Problems) -> Iterator[Page]:
        """Yield all rows in order; the rest of a row group that cannot be decoded goes to `problems`."""
        with parquet.ParquetFile(self.path) as file:
            for group, first in self._groups():
                yield from self._read_group(file, group, first, columns, rows, problems)

    def _read_group(
        self, file: Any, group: int, first: int, columns: Sequence[str], rows: int, problems: Problems
    ) -> Iterator[Page]:
        at = first
        try:
            for batch in file.iter_batches(batch_size=rows, row_groups=[group], columns=list(dict.fromkeys(columns))):
                yield self._page(batch, at)
                at += len(batch)
        # One damaged group does not hide the others: each is decoded by itself.
        except (pa.ArrowException, OSError) as error:
            lost = first + self.metadata.row_group(group).num_rows - at
            reason = f"The rest of row group {group} cannot be decoded: the file is damaged."
            problems.add(RowProblem(self.path, at + 1, reason, _short(error), rows=lost))


def _short(error: BaseException) -> str:
    return str(error).split("\n", maxsplit=1)[0].rstrip(".")[:120]
