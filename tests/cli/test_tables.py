"""A table of figures is whole wherever it is shown."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from kilowatch.cli.tables import show_figures

TITLES = ("detector", *(f"a long column {number}" for number in range(12)))
CELLS = ("default+forecaster", *(f"0.123 [{number}.00, 9.99]" for number in range(12)))


def table() -> Table:
    made = Table(*TITLES, title="a machine")
    made.add_row(*CELLS)
    made.add_row("random", *CELLS[1:-1], "")
    return made


def shown(width: int, *, terminal: bool) -> str:
    file = io.StringIO()
    show_figures(Console(file=file, width=width, force_terminal=terminal, no_color=True), table())
    return file.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [48, 80, 500])
def test_nothing_is_cut(width: int, terminal: bool) -> None:
    out = shown(width, terminal=terminal)
    assert "…" not in out
    assert all(word in out for word in (*CELLS, *TITLES[1:]))


def test_a_pipe_keeps_one_line_for_each_row() -> None:
    lines = [line for line in shown(80, terminal=False).splitlines() if "0.123" in line]
    assert len(lines) == 2
    assert all(cell in lines[0] for cell in CELLS)


def test_a_narrow_terminal_names_each_figure_on_a_line_of_its_own_and_leaves_out_empty_ones() -> None:
    lines = shown(80, terminal=True).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum("a long column 11" in line for line in lines) == 1
    assert sum("a long column 10" in line for line in lines) == 2


def test_a_wide_terminal_shows_the_table() -> None:
    assert "┃" in shown(500, terminal=True)
