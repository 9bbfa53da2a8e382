"""Tables of figures that are never cut: a figure with an ellipsis in it is worse than a long line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

if TYPE_CHECKING:
    from rich.console import RenderableType

# Rich measures within a width: one that no table of ours reaches.
_ANY_WIDTH = 10_000


def show_figures(console: Console, table: Table) -> None:
    """Print a table whole: as wide as it must be into a file or pipe, a block for each row on a narrow terminal."""
    wanted = Measurement.get(console, console.options.update(width=_ANY_WIDTH), table).maximum
    if wanted <= console.width:
        console.print(table)
    elif console.is_terminal:
        _show_blocks(console, table)
    else:
        Console(file=console.file, width=wanted).print(table)


def _show_blocks(console: Console, table: Table) -> None:
    if table.title:
        console.print(table.title, style="bold")
    titles = [column.header for column in table.columns[1:]]
    for first, *cells in zip(*(column.cells for column in table.columns), strict=True):
        console.print(first, style="bold")
        console.print(_block(titles, cells))


def _block(titles: list[RenderableType], cells: list[RenderableType]) -> Table:
    block = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    for title, cell in zip(titles, cells, strict=True):
        if cell:
            block.add_row("", title, cell)
    return block
