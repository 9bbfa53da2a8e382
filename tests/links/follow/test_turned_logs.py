"""Logs that are put aside, cut short, begun anew or copied: what was read stays read, and the rest comes."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

import pytest

from links.follow.logger import HEAD, Following, readings, rows, watts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("name", ["fridge.csv.1", "fridge_old.csv", "a_fridge.csv"])
def test_a_log_that_is_put_aside_is_read_to_its_end(tmp_path: Path, name: str, is_restarted: bool) -> None:
    following = Following(tmp_path)
    path = following.write("fridge.csv", HEAD + rows(0, 5))
    following.look()
    following.write("fridge.csv", rows(5, 2))
    path.rename(following.logs / name)
    following.write("fridge.csv", HEAD + rows(7, 3))
    if is_restarted:
        following.restart()
    told = readings(following.look())
    assert [reading["power_w"] for reading in told] == watts(5, 5)
    assert {reading["device"] for reading in told} == {"fridge"}
    following.write("fridge.csv", rows(10, 1))
    assert following.powers() == watts(10, 1)


def test_logs_that_move_up_one_number_each_are_known_again(tmp_path: Path) -> None:
    following = Following(tmp_path)
    for day in range(4):
        following.write("fridge.csv", HEAD + rows(10 * day, 10))
        assert following.powers() == watts(10 * day, 10)
        for number in (3, 2, 1):
            old = following.logs / f"fridge.{number}.csv"
            if old.exists():
                old.rename(following.logs / f"fridge.{number + 1}.csv")
        (following.logs / "fridge.csv").rename(following.logs / "fridge.1.csv")
    assert following.look() == []


def test_a_stranger_with_the_inode_of_a_log_is_not_read(tmp_path: Path) -> None:
    following = Following(tmp_path)
    path = following.write("fridge.csv", HEAD + rows(0, 5))
    following.look()
    path.rename(following.logs / "notes.bin")
    (following.logs / "notes.bin").write_bytes(HEAD + rows(50, 50))
    assert following.look() == []


def test_a_file_that_was_cut_short_is_read_from_its_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kilowatch.files")
    following = Following(tmp_path)
    path = following.write("fridge.csv", HEAD + rows(0, 5))
    following.look()
    path.write_bytes(b"")
    assert following.look() == []
    following.write("fridge.csv", b"when;watt\n" + rows(5, 3).replace(b",", b";"))
    assert following.powers() == watts(5, 3)
    assert caplog.text.count("begun anew") == 1


def test_a_file_that_was_begun_anew_and_is_longer_than_before_is_read_from_its_start(tmp_path: Path) -> None:
    following = Following(tmp_path)
    path = following.write("fridge.csv", HEAD + rows(0, 5))
    following.look()
    path.write_bytes(HEAD + rows(100, 50))
    assert following.powers() == watts(100, 50)


def test_a_copy_in_the_place_of_the_file_goes_on_where_that_was(tmp_path: Path) -> None:
    following = Following(tmp_path)
    path = following.write("fridge.csv", HEAD + rows(0, 200))
    following.look()
    fresh = following.logs / ".fridge.csv.x1"
    shutil.copyfile(path, fresh)
    with fresh.open("ab") as file:
        file.write(rows(200, 3))
    fresh.replace(path)
    assert following.powers() == watts(200, 3)


def test_a_file_that_is_gone_and_comes_back_keeps_its_place(tmp_path: Path) -> None:
    following = Following(tmp_path)
    path = following.write("fridge.csv", HEAD + rows(0, 5))
    following.look()
    path.rename(tmp_path / "elsewhere")
    assert following.look() == []
    (tmp_path / "elsewhere").rename(path)
    following.write("fridge.csv", rows(5, 1))
    assert following.powers() == [5.5]
