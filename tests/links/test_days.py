"""Days in two levels of files: none of them passes over what came late, whatever went wrong half-way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.history import DAY_MS
from kilowatch.links.days import Archive, Column, DayRows, DayStore, day_file
from links.disks import no_file_over

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

COLUMNS = (Column("watts", "int64"),)
DAY = "1970-01-02"
NAME = ("home", "fridge")


def archives_in(folder: Path) -> list[Archive]:
    return [Archive(folder / level, COLUMNS, lambda old, new: DayRows.join([old, new])) for level in ("one", "two")]


def opened(folder: Path) -> tuple[DayStore, list[Archive]]:
    archives = archives_in(folder)
    return DayStore(folder, COLUMNS, archives), archives


def row(day: int, watts: int) -> DayRows:
    return DayRows(
        (NAME,), np.zeros(1, dtype=np.int32), np.array([day * DAY_MS + watts], dtype=np.int64), (np.array([watts]),)
    )


def kept(archive: Archive) -> list[int]:
    return archive.whole(DAY).values[0].tolist()


def test_where_the_disk_is_full_for_one_level_none_of_them_has_the_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, archives = opened(tmp_path)
    real = day_file.write

    def full(path: Path, *given: object) -> None:
        real(path, *given)  # type: ignore[arg-type]
        if path.parent.name == "two":
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(day_file, "write", full)
        for day in (1, 2, 3):
            store.append(row(day, day))
    assert [day for day, _ in store.open_days] == [DAY, "1970-01-03", "1970-01-04"]
    assert not list(tmp_path.rglob("*.new"))
    store.append(row(1, 10))
    for day in (2, 3):
        store.append(row(day, 20))
    assert [kept(archive) for archive in archives] == [[1, 10]] * 2


def test_a_day_that_a_crash_left_in_one_level_is_closed_at_the_start(tmp_path: Path) -> None:
    store, (first, _) = opened(tmp_path)
    store.append(row(1, 1))
    store.close()
    first.prepare(DAY, 1, row(1, 1), "dead")
    first.adopt(DAY, "dead")
    again, archives = opened(tmp_path)
    again.append(row(1, 10))
    for day in (2, 3):
        again.append(row(day, 20))
    assert [kept(archive) for archive in archives] == [[1, 10]] * 2


def test_rows_that_a_full_disk_kept_in_memory_count_until_their_day_is_in_its_file(tmp_path: Path) -> None:
    store, archives = opened(tmp_path)
    store.append(row(1, 1))
    with no_file_over(10):
        store.append(row(1, 2))
    assert store.unsaved_rows == 1
    for day in (2, 3):
        store.append(row(day, 20))
    assert store.unsaved_rows == 0
    assert kept(archives[0]) == [1, 2]


def test_rows_that_are_written_anew_with_their_day_count_no_more(tmp_path: Path) -> None:
    store, _ = opened(tmp_path)
    store.append(row(1, 1))
    with no_file_over(10):
        store.append(row(1, 2))
    store.erase("home", "toaster")
    assert store.unsaved_rows == 1
    store.erase(*NAME)
    assert store.unsaved_rows == 0
