"""Sample history on disk: the same answers as in memory, whatever was restarted, killed or cut off in between."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.samples import DAY_MS, GRID_MS, PER_DAY, START_MS, Arrivals, record_of
from kilowatch.core.device import Fleet
from kilowatch.errors import ComponentError
from kilowatch.links.history import DiskSampleHistory
from kilowatch.links.memory import MemoryHistory
from links.disks import no_file_over

if TYPE_CHECKING:
    from kilowatch.core.samples import Series

EVER = (0, 253_402_300_799_999)


def fleet() -> Fleet:
    return Fleet([msgspec.structs.replace(record_of(), device=f"plug {slot}") for slot in range(3)])


def rows(series: Series) -> list[tuple[Any, ...]]:
    columns = (series.ts_ms, series.local_ms, series.code, series.count, series.usable)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def past(history: DiskSampleHistory | MemoryHistory, slot: int = 0, span: tuple[int, int] = EVER) -> list[Any]:
    return rows(history.series(slot, fleet().records[slot], *span))


def three_devices(days: float) -> Arrivals:
    count = round(days * PER_DAY)
    watts = 50 + np.arange(count) % 97
    return Arrivals.mixed(
        [
            Arrivals.of(watts, gaps=[8], held=[3, 4]),
            Arrivals.of(watts[: count // 2], slot=1, start_ms=START_MS + 7),
            Arrivals.of(watts[:4], slot=2),
        ]
    )


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.integers(1, 120), max_size=6),
    st.integers(0, 6),
    st.integers(-3, 200),
    st.integers(0, 200),
    st.booleans(),
)
def test_it_answers_as_memory_does_whatever_the_cuts_restarts_and_clocks(
    cuts: list[int], restart: int, first: int, length: int, goes_back: bool
) -> None:
    arrivals = Arrivals.of(np.arange(120.0) % 13, grid_ms=3_600_000)
    if goes_back:
        arrivals.ts_ms[40:50] += 20 * 3_600_000
    memory = MemoryHistory()
    edges = sorted({0, 120, *cuts})
    span = (START_MS + first * 3_600_000, START_MS + (first + length) * 3_600_000)
    with tempfile.TemporaryDirectory() as folder:
        disk = DiskSampleHistory(Path(folder), fleet())
        for place, (start, end) in enumerate(itertools.pairwise(edges)):
            _, samples = arrivals.batch(start, end)
            memory.append(samples)
            disk.append(samples)
            if place == restart:
                disk.close()
                disk = DiskSampleHistory(Path(folder), fleet())
        assert past(disk) == past(memory)
        if not goes_back:
            assert past(disk, span=span) == past(memory, span=span)
        disk.close()


def test_days_that_are_closed_and_days_that_are_open_make_one_past(tmp_path: Path) -> None:
    arrivals, memory, disk = three_devices(4.5), MemoryHistory(), DiskSampleHistory(tmp_path, fleet())
    for start in range(0, len(arrivals), 1000):
        _, samples = arrivals.batch(start, start + 1000)
        memory.append(samples)
        disk.append(samples)
    assert len(list((tmp_path / "days").glob("*.parquet"))) == 3
    assert len(list(tmp_path.glob("*.journal"))) == 2
    for slot in range(3):
        assert past(disk, slot) == past(memory, slot)
        noon = (START_MS + DAY_MS // 2, START_MS + 3 * DAY_MS + DAY_MS // 2)
        assert past(disk, slot, noon) == past(memory, slot, noon)
    disk.close()
    assert past(DiskSampleHistory(tmp_path, fleet())) == past(memory)


def test_samples_that_come_again_after_a_crash_stand_once(tmp_path: Path) -> None:
    arrivals = three_devices(0.1)
    disk = DiskSampleHistory(tmp_path, fleet())
    disk.append(arrivals.batch()[1])
    before = past(disk)
    disk.close()
    disk = DiskSampleHistory(tmp_path, fleet())
    disk.append(arrivals.batch(100)[1])
    assert past(disk) == before


def test_slots_may_be_others_after_a_restart(tmp_path: Path) -> None:
    disk = DiskSampleHistory(tmp_path, fleet())
    disk.append(three_devices(0.1).batch()[1])
    before = past(disk, 1)
    disk.close()
    turned = Fleet(fleet().records[::-1])
    again = DiskSampleHistory(tmp_path, turned)
    assert rows(again.series(1, turned.records[1], *EVER)) == before


def test_what_is_older_than_anyone_learns_from_is_deleted(tmp_path: Path) -> None:
    disk = DiskSampleHistory(tmp_path, fleet(), keep_days=2)
    for day in range(8):
        disk.append(Arrivals.of(np.ones(24), grid_ms=3_600_000, start_ms=START_MS + day * DAY_MS).batch()[1])
    assert [path.stem for path in sorted((tmp_path / "days").glob("*"))] == ["2026-01-09", "2026-01-10"]
    assert past(disk)[0][0] == START_MS + 4 * DAY_MS


def test_a_device_that_is_deleted_is_gone_from_every_file(tmp_path: Path) -> None:
    disk = DiskSampleHistory(tmp_path, fleet())
    arrivals = three_devices(3.5)
    for start in range(0, len(arrivals), 500):
        disk.append(arrivals.batch(start, start + 500)[1])
    others = past(disk, 1)
    disk.erase("home", "plug 0")
    assert past(disk, 0) == []
    assert past(disk, 1) == others
    disk.close()
    assert not any(b"plug 0" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    again = DiskSampleHistory(tmp_path, fleet())
    assert (past(again, 0), past(again, 1)) == ([], others)


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_a_journal_cut_anywhere_loses_its_tail_alone(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        disk = DiskSampleHistory(Path(name), fleet())
        arrivals = three_devices(0.02)
        for start in range(0, len(arrivals), 5):
            disk.append(arrivals.batch(start, start + 5)[1])
        whole = past(disk)
        disk.close()
        (journal,) = Path(name).glob("*.journal")
        os.truncate(journal, data.draw(st.integers(0, journal.stat().st_size)))
        again = DiskSampleHistory(Path(name), fleet())
        left = past(again)
        assert left == whole[: len(left)]
        again.append(Arrivals.of([5.0], start_ms=START_MS + DAY_MS // 2).batch()[1])
        assert len(past(again)) == len(left) + 1
        again.close()


def test_killed_while_it_closes_days_it_keeps_every_sample_it_was_given(tmp_path: Path) -> None:
    folder = tmp_path / "history"
    writer = f"""
import pathlib
import numpy as np
from detectors.samples import Arrivals, START_MS
from links.test_sample_history import DiskSampleHistory, fleet
disk = DiskSampleHistory(pathlib.Path({str(folder)!r}), fleet(), keep_days=10000)
for hour in range(1_000_000):
    disk.append(Arrivals.of([float(hour % 50)], start_ms=START_MS + hour * 3_600_000).batch()[1])
    print(hour, flush=True)
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
    times = [row[0] for row in past(DiskSampleHistory(folder, fleet()))]
    assert times == [START_MS + hour * 3_600_000 for hour in range(len(times))]
    assert len(times) > said


def test_on_a_full_disk_it_goes_on_in_memory_and_says_so(tmp_path: Path) -> None:
    disk = DiskSampleHistory(tmp_path, fleet())
    arrivals = three_devices(0.2)
    with no_file_over(500):
        for start in range(0, len(arrivals), 20):
            disk.append(arrivals.batch(start, start + 20)[1])
    memory = MemoryHistory()
    memory.append(arrivals.batch()[1])
    assert past(disk) == past(memory)
    assert disk.unsaved_rows > 0


def test_one_process_at_a_time(tmp_path: Path) -> None:
    DiskSampleHistory(tmp_path, fleet())
    with pytest.raises(ComponentError, match="in use"):
        DiskSampleHistory(tmp_path, fleet())


def test_a_month_of_a_home_is_small(tmp_path: Path) -> None:
    disk = DiskSampleHistory(tmp_path, fleet())
    rng = np.random.default_rng(3)
    for day in range(6):
        watts = np.where(rng.random(PER_DAY) < 0.5, 0.0, 90 + rng.normal(size=PER_DAY))
        disk.append(Arrivals.of(watts, start_ms=START_MS + day * DAY_MS, grid_ms=GRID_MS).batch()[1])
    closed = sum(path.stat().st_size for path in (tmp_path / "days").glob("*.parquet"))
    assert closed / (4 * PER_DAY) < 12
