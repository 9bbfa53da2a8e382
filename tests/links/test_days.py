"""Days in two levels of files: none of them passes over what came late, whatever went wrong half-way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.history import DAY_MS
from kilowatch.errors import ComponentError
from kilowatch.links.days import Archive, Column, DayRows, DayStore, day_file
from links.disks import no_file_over

COLUMNS = (Column("watts", "int64"),)
DAY = "1970-01-02"
NAME = ("home", "fridge")


def archives_in(folder: Path) -> list[Archive]:
    return [Archive(folder / level, COLUMNS, lambda old, new: DayRows.join([old, new])) for level in ("one", "two")]


def opened(folder: Path) -> tuple[DayStore, list[Archive]]:
    archives = archives_in(folder)
    return DayStore(folder, COLUMNS, archives), archives


def row(day: int, watts: int, name: tuple[str, str] = NAME) -> DayRows:
    return DayRows(
        (name,), np.zeros(1, dtype=np.int32), np.array([day * DAY_MS + watts], dtype=np.int64), (np.array([watts]),)
    )


def past(store: DayStore, archive: Archive, name: tuple[str, str] = NAME) -> list[int]:
    parts = [archive.read(*name, "1970-01-01", "1999-12-31"), store.rows(*name, 0, 20_000 * DAY_MS)]
    watts: list[int] = DayRows.join(parts).values[0].tolist()
    return watts


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


def test_one_process_at_a_time(tmp_path: Path) -> None:
    opened(tmp_path)
    with pytest.raises(ComponentError, match="in use"):
        opened(tmp_path)


def test_a_device_that_is_deleted_is_gone_from_every_file(tmp_path: Path) -> None:
    store, (archive, _) = opened(tmp_path)
    for day in range(1, 6):
        store.append(row(day, day))
        store.append(row(day, 10 * day, ("home", "tv")))
    store.erase(*NAME)
    left = [10, 20, 30, 40, 50]
    assert (past(store, archive), past(store, archive, ("home", "tv"))) == ([], left)
    store.close()
    assert not any(b"fridge" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    again, (archive, _) = opened(tmp_path)
    assert (past(again, archive), past(again, archive, ("home", "tv"))) == ([], left)


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_a_journal_cut_anywhere_loses_its_tail_alone(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        store, (archive, _) = opened(Path(name))
        for watts in range(12):
            store.append(row(1, watts))
        store.close()
        (journal,) = Path(name).glob("*.journal")
        os.truncate(journal, data.draw(st.integers(0, journal.stat().st_size)))
        again, (archive, _) = opened(Path(name))
        left = past(again, archive)
        assert left == list(range(len(left)))
        again.append(row(1, 99))
        assert past(again, archive) == [*left, 99]
        again.close()


def test_killed_while_it_closes_days_it_keeps_every_row_it_was_given(tmp_path: Path) -> None:
    writer = f"""
import pathlib
from links.test_days import opened, row
store, _ = opened(pathlib.Path({str(tmp_path)!r}))
for number in range(1_000_000):
    store.append(row(1 + number // 24, number))
    print(number, flush=True)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.Popen([sys.executable, "-c", writer], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    until, said = time.monotonic() + 60, 0
    for line in process.stdout:
        said = int(line)
        if said > 400 or time.monotonic() > until:
            break
    os.kill(process.pid, signal.SIGKILL)
    said = max([said, *(int(line) for line in process.stdout.read().split("\n")[:-1])])
    process.stdout.close()
    process.wait()
    store, (archive, _) = opened(tmp_path)
    found = past(store, archive)
    assert found == list(range(len(found)))
    assert len(found) > said
