"""Bad input of every sort: what is good flows, what is not names its file, its row and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.errors import ReadingError
from links.tables import START_MS, csv_lines, failure, open_one, read, read_file, write

if TYPE_CHECKING:
    from pathlib import Path

GARBAGE = st.sampled_from(
    [b"\x00\x00\x00", b"\xff\xfe", b"1717200000,", b"1717200000,5,6", b'"', b'a,"b', b",,,", b"nan,nan", b"1e400,5",
     b"timestamp,power_w", b"1717200000,5 apples", b"-,-", b"\xc3\x28,5", b"9" * 400, b"1717200000;5", b"\t"]
)  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "The file is empty."),
        ("\n\n \n", "The file is empty."),
        ("timestamp,power_w\n", "The file has no rows."),
        ("name,colour\nfridge,white\n", "No column holds times; the columns are name, colour."),
        ("time,colour\n1717200000,white\n", "No column holds power; the columns are time, colour."),
        ("time,energy_kwh\n1717200000,5\n", "The file holds an energy register (energy_kwh) but no power."),
        ("just one column\n1\n2\n", "No column holds times; the columns are just one column."),
        ("<html>\n<body>\n404\n", "No column holds times"),
        ('{"time": 1, "power": 2}\n{"time": 2, "power": 2}\n', "No column holds times"),
    ],
)
def test_files_that_hold_nothing_say_what_is_wrong_and_what_to_do(tmp_path: Path, content: str, message: str) -> None:
    said, hint = failure(write(tmp_path / "bad.csv", content))
    assert said.startswith(message)
    assert hint


def test_values_that_only_cleaning_may_judge_are_passed_on(tmp_path: Path) -> None:
    lines = csv_lines(20)
    lines[3:8] = ["1717200060,NaN", "1717200090,inf", "1717200120,-inf", "1717200150,-12.5", "1717200180,1e12"]
    source = open_one(write(tmp_path / "a.csv", lines))
    batch = read(source)
    np.testing.assert_array_equal(batch.power_w[2:7], [np.nan, np.inf, -np.inf, -12.5, 1e12])
    assert len(batch) == 20
    assert source.problem_rows == 0


def test_clocks_that_only_cleaning_may_judge_are_passed_on(tmp_path: Path) -> None:
    lines = csv_lines(20)
    lines[3:5] = ["0,5", "4133980800,5"]
    batch = read_file(write(tmp_path / "a.csv", lines))
    assert batch.ts_ms[2:4].tolist() == [0, 4_133_980_800_000]
    unset = write(tmp_path / "b.csv", ["time,power_w", "0,5", "30,5", "60,5"])
    assert read_file(unset).ts_ms.tolist() == [0, 30_000, 60_000]
    iso = write(tmp_path / "c.csv", ["time,power_w", "1970-01-01 00:00:00,5", "2100-06-01 00:00:00,5"])
    assert read_file(iso).ts_ms.tolist() == [0, 4_115_491_200_000]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8"])
def test_a_tail_in_another_encoding_costs_its_own_rows(tmp_path: Path, encoding: str) -> None:
    lines = [f"{1_717_200_000 + 30 * row},Küche,{row}" for row in range(40_000)]
    head = "\n".join(["time,device,power_w", *lines[:30_000]]).encode() + b"\n"
    path = tmp_path / "a.csv"
    path.write_bytes(head + "\n".join(lines[30_000:]).encode(encoding))
    source = open_one(path)
    batch = read(source)
    assert batch.power_w[:30_000].tolist() == list(map(float, range(30_000)))
    if encoding == "utf-8":
        assert (len(batch), source.problem_rows) == (40_000, 0)
    if encoding == "utf-16":
        assert len(batch) == 30_000
        assert source.problems()[0].row == 30_002


def test_a_line_cut_in_the_middle_names_its_number(tmp_path: Path) -> None:
    lines = csv_lines(1000)
    lines[500] = lines[500][:8]
    path = write(tmp_path / "a.csv", "\n".join(lines)[:-10])
    source = open_one(path)
    assert len(read(source)) == 998
    assert [(problem.path, problem.row) for problem in source.problems()] == [(path, 501), (path, 1001)]
    assert all(problem.reason and problem.text for problem in source.problems())


def test_zeros_left_by_a_power_cut_cost_one_row(tmp_path: Path) -> None:
    lines = csv_lines(100)
    path = write(tmp_path / "a.csv", "\n".join([*lines[:50], "\0" * 4096 + lines[50], *lines[51:]]) + "\n")
    source = open_one(path)
    assert len(read(source)) == 99
    assert source.problems()[0].row == 51
    assert len(source.problems()[0].text) <= 200


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 199), GARBAGE), max_size=12), st.integers(1, 90))
def test_garbage_between_good_rows_never_costs_them(
    tmp_path_factory: pytest.TempPathFactory, garbage: list[tuple[int, bytes]], rows: int
) -> None:
    lines = [line.encode() for line in csv_lines(200)]
    good = [float(line.split(b",")[1]) for line in lines[1:]]
    for place, junk in sorted(garbage, reverse=True):
        lines.insert(place, junk)
    path = tmp_path_factory.getbasetemp() / "garbage.csv"
    path.write_bytes(b"\n".join(lines) + b"\n")
    source = open_one(path)
    batch = read(source, rows)
    late = [power for at, power in zip(batch.ts_ms, batch.power_w, strict=True) if at > START_MS]
    assert late == good[1:]


def test_a_file_of_rubbish_below_a_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadingError, match="No column holds times"):
        open_one(write(tmp_path / "a.csv", ["timestamp,power_w", *("rubbish,rubbish" for _ in range(50))]))
