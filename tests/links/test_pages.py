from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from kilowatch.links.files.pages import TextPages
from kilowatch.links.files.source import Problems
from kilowatch.links.files.text import guess_text, read_places
from links.tables import csv_lines, write

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.links.files.pages import Page


def pages_of(path: Path) -> TextPages:
    return TextPages([path], guess_text(path, read_places(path)))


def all_pages(path: Path, problems: Problems, rows: int = 65_536) -> list[Page]:
    pages = pages_of(path)
    return list(pages.read(pages.names, rows, problems))


def cells(pages: list[Page]) -> list[tuple[int, str]]:
    """Return (line number, second cell) of every row."""
    return [
        (int(row), cell)
        for page in pages
        for row, cell in zip(page.row, page.column("power_w").to_pylist(), strict=True)
    ]


def test_rows_carry_their_line_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ["# logger", *csv_lines(3)])
    assert cells(all_pages(path, Problems())) == [(3, "0.0"), (4, "1.1"), (5, "2.2")]


def test_a_line_with_other_columns_is_a_problem_with_its_number(tmp_path: Path) -> None:
    lines = csv_lines(6)
    lines[3] += ",extra"
    lines[5] = "1717200120"
    problems = Problems()
    found = cells(all_pages(write(tmp_path / "a.csv", lines), problems))
    assert [row for row, _ in found] == [2, 3, 5, 7]
    assert [(problem.row, problem.reason) for problem in problems.kept] == [
        (4, "The line has 3 columns instead of 2."),
        (6, "The line has 1 columns instead of 2."),
    ]
    assert problems.kept[0].text == lines[3]


@pytest.mark.parametrize("broken", [0, 1, 500, 1998])
def test_an_open_quote_costs_one_line(tmp_path: Path, broken: int) -> None:
    lines = csv_lines(2000)
    lines[1 + broken] = '1717200000,"5'
    problems = Problems()
    found = dict(cells(all_pages(write(tmp_path / "a.csv", lines), problems)))
    assert len(found) == 2000
    assert found[2 + broken].strip() == "5"
    assert all(found[row + 1] == line.split(",")[1] for row, line in enumerate(lines) if row not in (0, 1 + broken))


def test_small_chunks_give_the_same_rows(tmp_path: Path) -> None:
    lines = csv_lines(20_000)
    for row in range(50, 20_000, 777):
        lines[row] += ",extra"
    path = write(tmp_path / "a.csv", lines)
    large, small = Problems(), Problems()
    assert cells(all_pages(path, large)) == cells(all_pages(path, small, rows=1))
    assert large.kept == small.kept
    assert large.rows == 26


def test_a_chain_reads_file_after_file(tmp_path: Path) -> None:
    files = [
        write(tmp_path / f"{day}.csv", csv_lines(3, header="", start_ms=1_717_200_000_000 + day * 86_400_000))
        for day in range(3)
    ]
    pages = TextPages(files, guess_text(files[0], read_places(files[0])))
    found = list(pages.read(pages.names, 65_536, Problems()))
    assert [page.path for page in found] == files
    assert [page.row.tolist() for page in found] == [[1, 2, 3]] * 3
    assert pages.sample()[-1].path == files[-1]
    assert pages.estimated_rows() == 9


def test_the_sample_is_bounded_and_spread(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", csv_lines(200_000))
    pages = pages_of(path)
    sample = pages.sample()
    assert sum(len(page.row) for page in sample) < 50_000
    first = [int(page.column("timestamp")[0].as_py()) for page in sample]
    assert np.ptp(first) > 0.8 * 200_000 * 30
    assert abs(pages.estimated_rows() - 200_000) < 2000


def test_problems_are_counted_beyond_those_kept(tmp_path: Path) -> None:
    lines = ["timestamp,power_w", *("1717200000,5" for _ in range(600)), *("1717200000,5,6" for _ in range(400))]
    problems = Problems()
    all_pages(write(tmp_path / "a.csv", lines), problems)
    assert problems.rows == 400
    assert len(problems.kept) == 50
