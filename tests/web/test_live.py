"""The live book: the newest of each device whatever the cut, bounded rings, marks that lose nothing."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.homes import START_MS, fleet, home
from core.messages import EVENT
from kilowatch.core.device import DeviceRecord, Fleet
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.segments import Segments
from kilowatch.web.live import LiveBook
from kilowatch.web.rings import Rings
from web.rooms import HOUR_MS, pipeline_of, records

if TYPE_CHECKING:
    from kilowatch.web.ports import Step


def readings(*rows: tuple[int, int, float], on: list[int] | None = None) -> ReadingBatch:
    slot, ts_ms, power_w = (np.array(column) for column in zip(*rows, strict=True))
    switch = None if on is None else np.array(on, dtype=np.int8)
    return ReadingBatch(slot.astype(np.int32), START_MS + ts_ms, power_w.astype(np.float64), on=switch)


def step_of(batch: ReadingBatch) -> Step:
    """A step that kept every reading and judged none."""
    order, segments = Segments.sort(batch.slot)
    clean = SimpleNamespace(readings=batch.take(order), segments=segments)
    return cast("Step", SimpleNamespace(clean=clean, judged=[], events=[]))


def book_of(devices: Fleet) -> LiveBook:
    book = LiveBook()
    book.watch(devices)
    return book


def test_the_last_reading_of_each_device_stands() -> None:
    book = book_of(fleet())
    book.stepped(step_of(readings((0, 0, 5.0), (1, 10, 7.0), (0, 30, 6.0), on=[-1, 0, 1])))
    meter, heater, lamp = (book.of("home", device) for device in ("meter", "heater", "lamp"))
    assert (meter.power_w, meter.power_ms, meter.is_on) == (6.0, START_MS + 30, True)
    assert (heater.power_w, heater.is_on) == (7.0, False)
    assert (lamp.power_w, lamp.power_ms, lamp.is_on) == (None, None, None)
    assert set(book.all()) == {("home", "meter"), ("home", "heater")}
    assert book.of("home", "nobody").power_w is None


def test_without_a_switch_power_tells_whether_a_device_is_on() -> None:
    book = book_of(fleet())
    book.stepped(step_of(readings((0, 0, 1.9), (1, 0, 2.1))))
    assert (book.of("home", "meter").is_on, book.of("home", "heater").is_on) == (False, True)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 9, width=32)), max_size=20), max_size=8),
    st.integers(1, 5),
)
def test_rings_hold_the_last_rows_of_each_device_however_they_are_cut(
    batches: list[list[tuple[int, float]]], points: int
) -> None:
    rings, kept, ts_ms = Rings(points), {slot: list[tuple[int, float]]() for slot in range(4)}, 0
    rings.reserve(3)
    for batch in batches:
        rows = sorted(batch, key=lambda row: row[0])
        times = np.arange(ts_ms, ts_ms + len(rows), dtype=np.int64)
        ts_ms += len(rows)
        if rows:
            segments = Segments.of_sorted(np.array([slot for slot, _ in rows], dtype=np.int32))
            rings.put(segments, times, np.array([power_w for _, power_w in rows], dtype=np.float32))
        for (slot, power_w), at_ms in zip(rows, times.tolist(), strict=True):
            kept[slot].append((at_ms, power_w))
    for slot in range(3):
        found = rings.points_of(slot, 0)
        assert list(zip(found.ts_ms.tolist(), found.power_w.tolist(), strict=True)) == kept[slot][-points:]
        assert np.isnan(found.score).all()


def test_recent_points_are_the_pipelines_own_samples() -> None:
    pipeline = pipeline_of(records())
    book = LiveBook()
    book.watch(pipeline.fleet, pipeline.curriculum, pipeline.judge.thresholds, pipeline.staleness)
    whole = home(0.5)
    judged = []
    for part in range(6):
        span = (whole.ts_ms >= START_MS + part * 2 * HOUR_MS) & (whole.ts_ms < START_MS + (part + 1) * 2 * HOUR_MS)
        result = pipeline.step(whole.take(span))
        judged += result.judged
        book.stepped(result)
    slot = pipeline.fleet.slot("home", "meter")
    told = np.concatenate([one.samples.power_w[one.samples.slot == slot] for one in judged])
    found = book.recent("home", "meter")
    assert len(found) == 720
    np.testing.assert_array_equal(found.power_w, told[-720:])
    assert (np.diff(found.ts_ms) > 0).all()
    assert len(book.recent("home", "meter", int(found.ts_ms[-10]))) == 10
    now = book.of("home", "meter")
    assert now.sample_ms == found.ts_ms[-1]
    assert 0.0 < now.learning_share < 0.1


def test_devices_beyond_the_rings_keep_their_newest_sample() -> None:
    devices = Fleet([DeviceRecord(site="s", device=f"d{number}") for number in range(5)])
    book = LiveBook(points=8, most_rings=2)
    book.watch(devices)
    for step in range(4):
        book.heard(readings(*((slot, step, float(slot + step)) for slot in range(5))))
    assert len(book.recent("s", "d1")) == 4
    assert book.recent("s", "d4").power_w.tolist() == [7.0]
    assert book.of("s", "d4").power_w == 7.0


def test_changes_since_a_mark_are_all_that_moved_and_nothing_else() -> None:
    book = book_of(fleet())
    begin = book.changes(-1)
    assert (begin.devices, begin.events, begin.is_whole) == ([], [], True)
    book.stepped(step_of(readings((0, 0, 5.0))))
    first = book.changes(begin.mark)
    assert [one.device for one in first.devices] == ["meter"]
    book.happened([EVENT])
    book.stepped(step_of(readings((1, 0, 5.0))))
    second = book.changes(first.mark)
    assert [one.device for one in second.devices] == ["heater"]
    assert second.events == [EVENT]
    assert book.changes(second.mark).devices == []


def test_too_much_for_a_slow_reader_is_said_to_be_so() -> None:
    book = book_of(fleet())
    mark = book.changes(-1).mark
    for _ in range(2001):
        book.happened([EVENT])
    late = book.changes(mark)
    assert len(late.events) == 2000
    assert not late.is_whole
    assert book.changes(late.mark - 5).is_whole
    assert not book.changes(late.mark + 1).is_whole  # a mark of another process


def test_readers_may_look_while_devices_join() -> None:
    devices = Fleet()
    book = book_of(devices)
    failed: list[BaseException] = []
    stop = threading.Event()

    def look() -> None:
        try:
            while not stop.is_set():
                for site, device in book.all():
                    book.recent(site, device)
                    assert book.of(site, device).power_w is not None
        except BaseException as error:
            failed.append(error)

    reader = threading.Thread(target=look)
    reader.start()
    for slot in range(300):
        devices.add(DeviceRecord(site="s", device=str(slot)))
        book.heard(readings((slot, slot, 1.0)))
    stop.set()
    reader.join()
    assert failed == []
    assert len(book.all()) == 300
