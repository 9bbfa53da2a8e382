from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from kilowatch.errors import ConfigError, ReadingError
from kilowatch.links.files import Format, ReadOptions, open_sources
from links.tables import csv_lines, open_one, read, stamps, write, write_parquet

if TYPE_CHECKING:
    from pathlib import Path


def test_one_bad_file_of_twenty_leaves_nineteen(tmp_path: Path) -> None:
    for number in range(20):
        write(tmp_path / f"plug_{number:02d}.csv", csv_lines(30))
    bad = write(tmp_path / "plug_07.csv", "name,colour\nfridge,white\n")
    result = open_sources([tmp_path], ReadOptions())
    assert len(result.sources) == 19
    assert sum(len(read(source)) for source in result.sources) == 19 * 30
    (failed,) = result.failures
    assert failed.path == bad
    assert failed.message == "No column holds times; the columns are name, colour."
    assert failed.hint == "Name one with --time-column."


def test_formats_are_told_by_content(tmp_path: Path) -> None:
    write(tmp_path / "a" / "fridge.csv", csv_lines(9))
    write(tmp_path / "b" / "TV" / "dev_1_2024.06.01.csv", "01/06/2024 00:00:00;1;1\n01/06/2024 00:00:02;1;1\n")
    write(tmp_path / "c" / "Lamp" / "0" / "Power.csv", csv_lines(9, header="", start_ms=1_717_200_000_000_000))
    write_parquet(tmp_path / "d" / "kettle.parquet", {"ts": stamps(9), "w": list(range(9))})
    write(tmp_path / "e" / "home.txt", "Date;Time;Global_active_power\n1/6/2024;00:00:00;1.5\n2/6/2024;00:00:00;1.5\n")
    write(tmp_path / "README.txt", "no data here")
    write(tmp_path / "notes.md", "no data here")
    result = open_sources([tmp_path], ReadOptions())
    assert result.failures == []
    assert {source.format for source in result.sources} == set(Format)


def test_parquet_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.dat", {"ts": stamps(9), "w": list(range(9))})
    assert open_one(path).format is Format.PARQUET


def test_dated_names_of_other_tables_are_read_one_by_one(tmp_path: Path) -> None:
    for day in (1, 2):
        write(tmp_path / f"meter_2024.06.{day:02d}.csv", csv_lines(9))
    result = open_sources([tmp_path], ReadOptions())
    assert [source.format for source in result.sources] == [Format.CSV, Format.CSV]
    assert {record.device for source in result.sources for record in source.devices()} == {"meter"}


def test_a_path_named_twice_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", csv_lines(9))
    assert len(open_sources([path, tmp_path, path], ReadOptions()).sources) == 1


def test_missing_paths_stand_beside_good_ones(tmp_path: Path) -> None:
    good = write(tmp_path / "a.csv", csv_lines(9))
    (tmp_path / "empty").mkdir()
    result = open_sources([good, tmp_path / "b.csv", tmp_path / "empty"], ReadOptions())
    assert [failed.message for failed in result.failures] == [
        "There is no such file or folder.",
        "The folder holds no CSV or Parquet files.",
    ]


def test_nothing_useful_is_an_error_that_says_why(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "")
    write(tmp_path / "b.csv", "")
    with pytest.raises(ReadingError, match=r"a\.csv: The file is empty\. 1 more failed\.") as caught:
        open_sources([tmp_path], ReadOptions())
    assert caught.value.exit_code == 3
    assert caught.value.hint


def test_a_format_that_is_said_is_used(tmp_path: Path) -> None:
    path = write(tmp_path / "Lamp" / "day.csv", "01/06/2024 00:00:00;1;1\n01/06/2024 00:00:02;1;1\n")
    assert open_one(path, format=Format.CSV).format is Format.CSV
    assert open_one(path, format=Format.TRACEBASE).format is Format.TRACEBASE
    with pytest.raises(ReadingError, match="no COMBED load folder"):
        open_one(path, format=Format.COMBED)
    with pytest.raises(ReadingError, match="no whole Parquet file"):
        open_one(path, format=Format.PARQUET)
    other = write(tmp_path / "a.csv", csv_lines(9))
    with pytest.raises(ReadingError, match="no tracebase day"):
        open_one(other, format=Format.TRACEBASE)


def test_a_zone_that_does_not_exist_is_wrong_usage(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", csv_lines(9))
    with pytest.raises(ConfigError, match="Mars/Olympus"):
        open_one(path, time_zone="Mars/Olympus")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_fails_alone(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", csv_lines(9))
    locked = write(tmp_path / "b.csv", csv_lines(9))
    locked.chmod(0)
    result = open_sources([tmp_path], ReadOptions())
    assert [failed.path for failed in result.failures] == [locked]
    assert "cannot be opened" in result.failures[0].message
