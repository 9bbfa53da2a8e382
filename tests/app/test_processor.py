from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest

from app.logs import ListSource, MemoryLog
from app.messages import AT_MS, as_json, plain
from kilowatch.app import processor as module
from kilowatch.app.processor import Processor
from kilowatch.core.events import Rejected, Tick
from kilowatch.errors import ComponentError
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.wall import wall_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOOD = as_json(plain())
DEADLINE_S = 20.0


@contextmanager
def working(log: MemoryLog, *sources: ListSource) -> Iterator[Processor]:
    processor, stop = Processor(sources, log, 2, lambda: AT_MS), threading.Event()
    thread = threading.Thread(target=processor.run, args=(stop, 5.0))
    thread.start()
    try:
        yield processor
    finally:
        stop.set()
        thread.join(timeout=DEADLINE_S)
        assert not thread.is_alive()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_good_messages_go_to_the_site_and_bad_ones_to_the_rejected() -> None:
    log, source = MemoryLog(), ListSource([GOOD, b"on fire", as_json(plain(site="anna"))])
    with working(log, source) as processor:
        until(lambda: len(source.acknowledged) == 3)
    readings = [one for one in log.written if one.topic == Topic.DEVICES and one.partition == -1]
    assert [one.key for one in readings] == ["home", "anna"]
    (bad,) = [one for one in log.written if one.topic == Topic.REJECTED]
    assert bad.key == "list"
    assert msgspec.json.decode(bad.value, type=Rejected).raw == b"on fire"
    assert (processor.counts.published, processor.counts.rejected) == (2, 1)


def test_ticks_tell_every_partition_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK_S", 0.05)
    log = MemoryLog()
    with working(log):
        until(lambda: len(log.written) >= 6)
    ticks = [msgspec.json.decode(one.value, type=Tick) for one in log.written]
    assert {tick.received_ms for tick in ticks} == {AT_MS}
    assert [one.partition for one in log.written[:4]] == [0, 1, 0, 1]
    assert {one.topic for one in log.written} == {Topic.DEVICES}


def test_nothing_is_acknowledged_before_the_log_has_it() -> None:
    log, source = MemoryLog(is_cut_off=True), ListSource([GOOD] * 5)
    with working(log, source):
        until(lambda: source.given == 5)
        assert source.acknowledged == []
        log.tell()
        assert source.acknowledged == [0, 1, 2, 3, 4]


def test_a_source_waits_while_there_is_no_room() -> None:
    log, source = MemoryLog(room=3, is_cut_off=True), ListSource([GOOD] * 10)
    with working(log, source):
        until(lambda: len(log.written) == 3)
        time.sleep(0.1)
        assert source.given < 10
        assert len(log.written) == 3
        log.is_cut_off = False
        until(source.is_done.is_set)


def test_ticks_do_not_pile_up_while_the_log_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK_S", 0.01)
    log = MemoryLog(is_cut_off=True)
    with working(log):
        until(lambda: len(log.written) == 2)
        time.sleep(0.2)
        assert len(log.written) == 2
        log.is_cut_off = False
        until(lambda: len(log.written) >= 6)


def test_no_tick_waits_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK_S", 0.01)
    log = MemoryLog(room=0)
    with working(log):
        time.sleep(0.2)
        assert log.written == []


def test_the_end_of_the_log_is_the_end_of_the_run() -> None:
    log, source = MemoryLog(is_cut_off=True), ListSource([GOOD])
    processor = Processor([source], log, 2, lambda: AT_MS)

    def refuse() -> None:
        until(lambda: source.given == 1)
        log.tell(ComponentError("the log has refused"))

    threading.Thread(target=refuse).start()
    with pytest.raises(ComponentError, match="refused"):
        processor.run(threading.Event(), 0.1)
    assert source.acknowledged == []


def test_stopping_flushes_and_says_what_is_not_safe() -> None:
    log, source = MemoryLog(is_cut_off=True), ListSource([GOOD] * 3)
    processor, stop = Processor([source], log, 2, lambda: AT_MS), threading.Event()

    def end() -> None:
        until(lambda: source.given == 3)
        stop.set()

    threading.Thread(target=end).start()
    assert processor.run(stop, 0.1) >= 3
    assert source.acknowledged == []


def test_stopping_frees_a_source_that_waits_for_room() -> None:
    log, source = MemoryLog(room=1, is_cut_off=True), ListSource([GOOD] * 3)
    with working(log, source):
        until(lambda: len(log.written) == 1)
    assert source.acknowledged == []
    assert len(log.written) == 1


def test_the_wall_clock_counts_milliseconds() -> None:
    assert abs(wall_ms() / 1000 - time.time()) < 5.0
