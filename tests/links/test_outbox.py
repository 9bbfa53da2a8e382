"""The edge's outbox: everything in order, nothing twice, and a stated end for what finds no room."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.events import WIRE_V, Reading, ReadingColumns
from kilowatch.errors import ComponentError, StateError
from kilowatch.links.outbox import DiskOutbox, Kept, OutboxLimits, OutboxState
from links.disks import no_file_over
from links.incidents import AT_MS, STORY

QUICK = OutboxLimits(survives_power_cut=False)
SMALL = OutboxLimits(max_bytes=40_000, file_bytes=5_000, survives_power_cut=False)


def reading(number: int, device: str = "fridge") -> Reading:
    return Reading(
        v=WIRE_V,
        site="home" if number % 3 else "barn",
        device=device,
        ts_ms=AT_MS + 1000 * number,
        received_ms=AT_MS + 1000 * number + 120,
        power_w=float(number),
        on=None if number % 5 else True,
        source="mqtt:home",
    )


def numbers(message: ReadingColumns) -> list[int]:
    return [int(power) for power in message.power_w]


def state_of(outbox: DiskOutbox) -> OutboxState:
    return outbox.state


def drained(outbox: DiskOutbox, limit: int = 7, now_ms: int = AT_MS) -> list[int]:
    """The numbers of all readings, in the order in which each site's left."""
    left: dict[str, list[int]] = {}
    while (batch := outbox.next_readings(now_ms, limit)) is not None:
        for message in batch.messages:
            left.setdefault(message.site, []).extend(numbers(message))
        outbox.done(batch)
    for site in left.values():
        assert site == sorted(set(site))
    return sorted(number for site in left.values() for number in site)


def filled(folder: Path, count: int, limits: OutboxLimits = QUICK, at_once: int = 10) -> DiskOutbox:
    outbox = DiskOutbox(folder, limits)
    for start in range(0, count, at_once):
        outbox.put([reading(number) for number in range(start, min(count, start + at_once))])
    return outbox


def test_readings_leave_as_they_came_with_every_field(tmp_path: Path) -> None:
    outbox = DiskOutbox(tmp_path, QUICK)
    given_one = msgspec.structs.replace(reading(5), voltage_v=229.8, current_a=0.41, energy_wh=10433.2, seq=17)
    outbox.put([given_one, reading(7)])
    batch = outbox.next_readings(AT_MS)
    assert batch is not None
    (message,) = batch.messages
    assert (message.site, message.voltage_v, message.seq, message.on) == (
        "home",
        [229.8, None],
        [17, None],
        [True, None],
    )
    assert (message.received_ms, message.backfill) == ([given_one.received_ms, reading(7).received_ms], None)
    assert msgspec.json.decode(msgspec.json.encode(message), type=ReadingColumns) == message


def test_a_batch_stays_the_same_until_it_is_done_also_after_a_restart(tmp_path: Path) -> None:
    outbox = filled(tmp_path, 50, SMALL)
    first = outbox.next_readings(AT_MS, 20)
    assert outbox.next_readings(AT_MS, 20) == first
    outbox.close()
    again = DiskOutbox(tmp_path, SMALL)
    assert again.next_readings(AT_MS, 20) == first
    assert first is not None
    again.done(first)
    again.close()
    last = DiskOutbox(tmp_path, SMALL)
    assert drained(last) == list(range(20, 50))
    assert last.state.readings == 0
    last.put([reading(99)])
    (batch,) = [last.next_readings(AT_MS)]
    assert batch is not None
    assert (batch.first, batch.outbox) == (50, first.outbox)


def test_what_waited_too_long_to_switch_anything_leaves_as_backfill_and_historical(tmp_path: Path) -> None:
    outbox = filled(tmp_path, 200)
    outbox.put_incidents(STORY[:1], AT_MS)
    outbox.put_incidents(STORY[1:], AT_MS + 60_000)
    now_ms = AT_MS + 120_000 + 100_500
    batch = outbox.next_readings(now_ms)
    assert batch is not None
    for message in batch.messages:
        assert message.backfill == [number <= 100 for number in numbers(message)]
    incidents = outbox.next_incidents(AT_MS + 130_000)
    assert incidents is not None
    assert [event.historical for event in incidents.events] == [True, False, False]
    early = outbox.next_incidents(AT_MS + 1)
    assert early is not None
    assert list(early.events) == STORY


def test_over_its_size_the_oldest_readings_go_and_are_counted_and_incidents_stay(tmp_path: Path) -> None:
    outbox = DiskOutbox(tmp_path, SMALL)
    outbox.put_incidents(STORY, AT_MS)
    rng = np.random.default_rng(0)
    outcomes = {
        outbox.put([msgspec.structs.replace(reading(n), voltage_v=rng.normal()) for n in range(start, start + 20)])
        for start in range(0, 6000, 20)
    }
    state = outbox.state
    assert outcomes == {Kept.ON_DISK, Kept.OLDEST_DROPPED}
    assert state.size <= SMALL.max_bytes + 4000
    assert state.dropped + state.readings == 6000
    assert state.dropped > 0
    assert drained(outbox, 500) == list(range(state.dropped, 6000))
    incidents = outbox.next_incidents(AT_MS)
    assert incidents is not None
    assert list(incidents.events) == STORY


def test_on_a_full_disk_readings_are_refused_in_words_and_incidents_wait_in_memory(tmp_path: Path) -> None:
    outbox = DiskOutbox(tmp_path, QUICK)
    with no_file_over(200):
        assert outbox.put([reading(n) for n in range(50)]) is Kept.DISK_FULL
        assert outbox.put_incidents(STORY, AT_MS) is Kept.DISK_FULL
        assert outbox.state.refused == 50
        assert outbox.state.is_full is True
        waiting = outbox.next_incidents(AT_MS)
        assert waiting is not None
        assert list(waiting.events) == STORY
    assert outbox.put_incidents([], AT_MS) is Kept.ON_DISK
    assert outbox.put([reading(50)]) is Kept.ON_DISK
    assert not state_of(outbox).is_full
    outbox.close()
    again = DiskOutbox(tmp_path, QUICK)
    assert again.next_incidents(AT_MS) == waiting
    assert drained(again) == [50]


def test_a_disk_that_fills_up_drops_the_oldest_readings_to_keep_the_newest(tmp_path: Path) -> None:
    outbox = DiskOutbox(tmp_path, QUICK)
    with no_file_over(3000):
        outcomes = [outbox.put([reading(n)]) for n in range(100)]
    assert Kept.OLDEST_DROPPED in outcomes
    assert Kept.DISK_FULL not in outcomes
    state = outbox.state
    assert state.dropped + state.readings == 100
    assert drained(outbox) == list(range(state.dropped, 100))


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_really_full_disk_is_survived(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not allow a small disk to be mounted")
    try:
        outbox = DiskOutbox(disk / "outbox", QUICK)
        for start in range(0, 8000, 100):
            outbox.put([reading(n) for n in range(start, start + 100)])
        assert outbox.put_incidents(STORY, AT_MS) in (Kept.ON_DISK, Kept.OLDEST_DROPPED)
        state = outbox.state
        assert state.dropped > 0
        assert state.dropped + state.refused + state.readings == 8000
        assert drained(outbox, 1000) == list(range(8000 - state.readings, 8000))
        outbox.close()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_cut_at_any_byte_of_any_file_it_reads_on(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        outbox = filled(folder, 120, SMALL, at_once=5)
        outbox.put_incidents(STORY, AT_MS)
        batch = outbox.next_readings(AT_MS, 17)
        assert batch is not None
        outbox.done(batch)
        outbox.close()
        files = sorted(path for path in folder.rglob("*") if path.suffix in (".journal", ".parquet"))
        victim = data.draw(st.sampled_from(files))
        os.truncate(victim, data.draw(st.integers(0, victim.stat().st_size)))
        again = DiskOutbox(folder, SMALL)
        again.put([reading(500)])
        left = drained(again)
        assert left[-1] == 500
        assert set(left) <= {*range(17, 120), 500}
        incidents = again.next_incidents(AT_MS)
        events = [] if incidents is None else list(incidents.events)
        assert events == STORY[: len(events)]
        if "incidents" in str(victim):
            assert left == [*range(17, 120), 500]
        else:
            assert events == STORY
        again.close()


def test_killed_at_any_moment_it_loses_nothing_that_it_said_it_kept(tmp_path: Path) -> None:
    writer = f"""
import pathlib, sys
from links.test_outbox import SMALL, DiskOutbox, reading
outbox = DiskOutbox(pathlib.Path({str(tmp_path / "outbox")!r}), SMALL)
for number in range(1_000_000):
    outbox.put([reading(number)])
    if number % 10 == 9:
        batch = outbox.next_readings(0, 5)
        outbox.done(batch)
    print(number, flush=True)
"""
    paths = os.pathsep.join([str(Path(__file__).parents[1])])
    process = subprocess.Popen(
        [sys.executable, "-c", writer], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
    )
    assert process.stdout is not None
    said = 0
    until = time.monotonic() + 60
    for line in process.stdout:
        said = int(line)
        if said > 300 or time.monotonic() > until:
            break
    os.kill(process.pid, signal.SIGKILL)
    said = max([said, *(int(line) for line in process.stdout.read().splitlines() if line.strip())])
    process.stdout.close()
    process.wait()
    outbox = DiskOutbox(tmp_path / "outbox", SMALL)
    left = drained(outbox)
    assert left == list(range(left[0], left[-1] + 1))
    assert left[-1] >= said
    assert left[0] <= 5 * ((said + 2) // 10 + 1)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    outbox = DiskOutbox(tmp_path, QUICK)
    with pytest.raises(ComponentError, match="in use"):
        DiskOutbox(tmp_path, QUICK)
    outbox.close()
    DiskOutbox(tmp_path, QUICK).close()


def test_a_newer_outbox_is_left_alone(tmp_path: Path) -> None:
    filled(tmp_path, 3).close()
    mark = (tmp_path / "mark.json").read_bytes()
    (tmp_path / "mark.json").write_bytes(mark.replace(b'"format":1', b'"format":2'))
    with pytest.raises(StateError, match="newer kilowatch"):
        DiskOutbox(tmp_path, QUICK)
    shutil.copy(tmp_path / "mark.json", tmp_path / "kept")
    assert (tmp_path / "kept").read_bytes() == mark.replace(b'"format":1', b'"format":2')


def test_a_disk_without_room_for_the_mark_loses_no_count_of_what_was_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = filled(tmp_path, 600, SMALL)
    outbox.put_incidents(STORY, AT_MS)
    monkeypatch.setattr("kilowatch.links.outbox.outbox.replacing", no_room)
    while (batch := outbox.next_readings(AT_MS)) is not None:
        outbox.done(batch)
    incidents = outbox.next_incidents(AT_MS)
    assert incidents is not None
    outbox.done(incidents)
    monkeypatch.undo()
    outbox.close()
    again = DiskOutbox(tmp_path, SMALL)
    assert state_of(again).dropped == 0
    assert again.next_incidents(AT_MS) is not None
    assert drained(again) == list(range(600))


def test_once_files_have_made_room_the_mark_is_written_after_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = filled(tmp_path, 600, SMALL)
    with monkeypatch.context() as patch:
        patch.setattr("kilowatch.links.outbox.outbox.replacing", no_room)
        while (batch := outbox.next_readings(AT_MS)) is not None:
            outbox.done(batch)
    with no_file_over(200):
        outbox.put([reading(n) for n in range(600, 700)])
    outbox.close()
    again = DiskOutbox(tmp_path, SMALL)
    assert (state_of(again).readings, state_of(again).dropped) == (0, 0)


def no_room(*_: object) -> None:
    raise OSError(28, "No space left on device")
