"""The edge's log: offsets that go on, senders told once it is safe, files that go when nobody needs them."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from kilowatch.errors import ComponentError
from kilowatch.links.edge_log import EdgeLog, EdgeLogLimits, Taken, rejected_messages

REJECTED = "rejected"


def opened(folder: Path, **limits: int) -> EdgeLog:
    return EdgeLog(folder, REJECTED, EdgeLogLimits(**limits))


def send(log: EdgeLog, *values: bytes, topic: str = "readings") -> None:
    for value in values:
        log.send(topic, "home", value)


def everything(log: EdgeLog, offset: int = 0) -> list[tuple[int, bytes]]:
    return [pair for taken in log.read(offset) for pair in zip(taken.offsets, taken.values, strict=True)]


def test_messages_come_out_in_order_and_lie_on_the_disk(tmp_path: Path) -> None:
    log = opened(tmp_path)
    send(log, b"a", b"b")
    assert log.take(timeout_s=0.0) == Taken([0, 1], [b"a", b"b"])
    send(log, b"c")
    assert log.take(timeout_s=0.0) == Taken([2], [b"c"])
    assert everything(log, 1) == [(1, b"b"), (2, b"c")]
    assert log.take(timeout_s=0.0) == Taken([], [])


def test_offsets_go_on_after_a_restart(tmp_path: Path) -> None:
    log = opened(tmp_path)
    send(log, b"a", b"b")
    log.take()
    log.close()
    again = opened(tmp_path)
    assert again.next_offset == 2
    send(again, b"c")
    assert again.take().offsets == [2]
    assert everything(again) == [(0, b"a"), (1, b"b"), (2, b"c")]


def test_a_torn_tail_is_cut_off(tmp_path: Path) -> None:
    log = opened(tmp_path)
    for value in (b"a", b"b"):
        send(log, value)
        log.take()
    log.close()
    path = max(tmp_path.glob("*.log"))
    os.truncate(path, path.stat().st_size - 1)
    assert everything(opened(tmp_path)) == [(0, b"a")]


def test_a_sender_is_told_once_its_message_is_safe_and_not_before(tmp_path: Path) -> None:
    log = opened(tmp_path)
    told: list[object] = []
    log.send("readings", None, b"a", told.append)
    assert told == []
    log.take()
    assert told == [None]
    assert not log.is_unsynced


def test_what_nobody_waits_for_is_forced_to_the_disk_by_sync(tmp_path: Path) -> None:
    log = opened(tmp_path)
    send(log, b"tick")
    log.take()
    states = [log.is_unsynced]
    log.sync()
    assert [*states, log.is_unsynced] == [True, False]


def test_send_blocks_while_too_many_wait(tmp_path: Path) -> None:
    log = opened(tmp_path, waiting=2)
    send(log, b"a", b"b")
    with pytest.raises(ComponentError):
        log.send("readings", None, b"c", timeout_s=0.05)
    thread = threading.Thread(target=send, args=(log, b"c"))
    thread.start()
    time.sleep(0.05)
    assert thread.is_alive()
    assert log.take().values == [b"a", b"b"]
    thread.join(5)
    assert log.take().values == [b"c"]


def test_who_waits_to_send_is_released_when_the_log_closes(tmp_path: Path) -> None:
    log = opened(tmp_path, waiting=1)
    seen: list[bool] = []
    send(log, b"a")

    def late() -> None:
        with pytest.raises(ComponentError):
            log.send("readings", None, b"b")
        seen.append(True)

    thread = threading.Thread(target=late)
    thread.start()
    time.sleep(0.05)
    log.close()
    thread.join(5)
    assert seen == [True]


def test_files_that_nobody_needs_go_and_the_rest_stays(tmp_path: Path) -> None:
    log = opened(tmp_path, file_bytes=50)
    for number in range(10):
        send(log, b"x" * 40 + b"%d" % number)
        log.take()
    assert len(list(tmp_path.glob("*.log"))) == 10
    log.forget(7)
    assert [offset for offset, _ in everything(log)] == [7, 8, 9]
    log.forget(100)
    assert [offset for offset, _ in everything(log)] == [9]
    log.close()
    assert opened(tmp_path).next_offset == 10


def test_a_lost_journal_does_not_lose_the_count(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.skip_to(41)
    send(log, b"a")
    assert log.take().offsets == [41]
    log.close()
    assert opened(tmp_path).next_offset == 42


def test_what_was_refused_lies_beside_it_and_is_bounded(tmp_path: Path) -> None:
    log = opened(tmp_path, rejected_bytes=1000)
    for number in range(100):
        send(log, b"bad %02d" % number + b"." * 20, topic=REJECTED)
        assert log.take().offsets == []
    kept = list(rejected_messages(tmp_path))
    assert kept[-1].startswith(b"bad 99")
    assert 15 < len(kept) < 60
    assert log.next_offset == 0


def test_a_full_disk_keeps_messages_waiting_and_tells_nobody_that_they_are_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = opened(tmp_path)
    told: list[object] = []
    log.send("readings", None, b"a", told.append)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        assert log.take(timeout_s=0.0) == Taken([], [])
    assert told == []
    assert log.take().values == [b"a"]
    assert told == [None]
    assert everything(log) == [(0, b"a")]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    first = opened(tmp_path)
    with pytest.raises(ComponentError):
        opened(tmp_path)
    first.close()
    opened(tmp_path).close()


def full_at(function: str, patch: pytest.MonkeyPatch, call: int = 1) -> None:
    """From its call number `call` on, a function of `os` finds no room."""
    real, calls = getattr(os, function), iter(range(1, 1_000_000))

    def full(*given: object) -> object:
        if next(calls) >= call:
            raise OSError(28, "No space left on device")
        return real(*given)

    patch.setattr(os, function, full)


@pytest.mark.parametrize(
    ("function", "call"), [("pwrite", 2), ("pwrite", 3), ("pwrite", 4), ("fsync", 1), ("fsync", 2)]
)
def test_a_disk_that_fills_up_half_way_leaves_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, call: int
) -> None:
    log = opened(tmp_path)
    told: list[object] = []
    send(log, b"a", b"b")
    for value in (b"bad 1", b"bad 2", b"bad 3"):
        log.send(REJECTED, None, value, told.append)
    for _ in range(2):
        with monkeypatch.context() as patch:
            full_at(function, patch, call)
            assert log.take(timeout_s=0.0) == Taken([], [])
        assert told == []
    assert log.take() == Taken([0, 1], [b"a", b"b"])
    assert told == [None] * 3
    log.close()
    assert everything(opened(tmp_path)) == [(0, b"a"), (1, b"b")]
    assert list(rejected_messages(tmp_path)) == [b"bad 1", b"bad 2", b"bad 3"]


def test_a_disk_with_no_room_for_another_file_is_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = opened(tmp_path, file_bytes=10, rejected_bytes=10)
    send(log, b"a")
    send(log, b"bad 1", topic=REJECTED)
    log.take()
    for topic in ("readings", REJECTED):
        send(log, b"b", topic=topic)
        for _ in range(2):
            with monkeypatch.context() as patch:
                full_at("pwrite", patch)
                assert log.take(timeout_s=0.0) == Taken([], [])
        log.take()
    log.close()
    assert everything(opened(tmp_path)) == [(0, b"a"), (1, b"b")]
    assert list(rejected_messages(tmp_path)) == [b"bad 1", b"b"]


def test_what_a_sender_is_told_of_survives_a_power_cut_with_the_names_of_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: set[Path] = set()
    real = os.fsync

    def noting(file: int) -> None:
        forced.add(Path(f"/proc/self/fd/{file}").readlink())
        real(file)

    monkeypatch.setattr(os, "fsync", noting)
    log = opened(tmp_path)
    assert forced == {tmp_path}
    forced.clear()
    send(log, b"a")
    log.send(REJECTED, None, b"bad", lambda _: None)
    log.take()
    folder = tmp_path / "rejected"
    assert forced == {tmp_path, folder, folder / "newest.log", *tmp_path.glob("*.log")}
