"""Snapshots by generations: whole or not there, whoever is cut off where, and files that survive a power cut."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.memory_kafka import MemoryBroker
from kilowatch.app.snapshot_files import SnapshotFiles
from kilowatch.app.snapshots import CHUNK_BYTES, SNAPSHOT_V, Draft, Snapshots
from kilowatch.core.state import NewerStateError

if TYPE_CHECKING:
    from pathlib import Path


def broker() -> MemoryBroker:
    return MemoryBroker([[], []])


def packed(seed: int, chunks: float = 2.5) -> bytes:
    return os.urandom(8) * round(chunks * CHUNK_BYTES / 8) + bytes([seed])


def newest(log: MemoryBroker, name: str = "detector", partition: int = 0) -> tuple[int, bytes] | None:
    return next(((found.offset, found.packed) for found in Snapshots(log, name, "reader").load(partition)), None)


def commit(log: MemoryBroker, draft: Draft) -> None:
    log.write(draft.partition, draft.key, draft.value)


def test_what_was_written_whole_is_read_whole_and_what_was_before_is_gone() -> None:
    log = broker()
    snapshots = Snapshots(log, "detector", "a")
    for offset in (10, 20, 30):
        content = packed(offset)
        draft = snapshots.write(0, offset, content)
        commit(log, draft)
        snapshots.sweep(draft)
        assert newest(log) == (offset, content)
    log.compact()
    assert newest(log) == (30, content)
    assert len(log.state[0]) == 3 + 1
    assert all(value is not None and len(value) <= CHUNK_BYTES for _, value in log.state[0])


def test_nothing_is_there_before_the_first() -> None:
    assert newest(broker()) is None


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_cut_anywhere_the_old_or_the_new_one_is_whole(data: st.DataObject) -> None:
    log = broker()
    old, new = b"old" * 300_000, b"new" * 400_000
    first = Snapshots(log, "detector", "a")
    draft = first.write(0, 5, old)
    commit(log, draft)
    first.sweep(draft)
    kept = len(log.state[0])
    second = Snapshots(log, "detector", "b")
    assert next(iter(second.load(0))).packed == old
    draft = second.write(0, 9, new)
    commit(log, draft)
    second.sweep(draft)
    committed_at = [key for key, _ in log.state[0]].index("detector/0", kept)
    cut = data.draw(st.integers(kept, len(log.state[0])))
    del log.state[0][cut:]
    if data.draw(st.booleans()):
        log.compact()
    assert newest(log) == ((9, new) if cut > committed_at else (5, old))


def test_a_chunk_that_is_missing_or_changed_makes_the_set_no_snapshot() -> None:
    for spoil in ("missing", "changed"):
        log = broker()
        snapshots = Snapshots(log, "detector", "a")
        commit(log, snapshots.write(0, 1, b"old"))
        commit(log, snapshots.write(0, 2, packed(1)))
        at = next(i for i, (key, _) in enumerate(log.state[0]) if key.startswith("detector/0/00000002") and "/1" in key)
        key, value = log.state[0][at]
        assert value is not None
        log.state[0][at] = (key, None if spoil == "missing" else value[:-1] + b"?")
        assert newest(log) == (1, b"old")


def test_a_replaced_writer_cannot_write_into_its_successors_generation() -> None:
    log = broker()
    old, new = Snapshots(log, "detector", "old"), Snapshots(log, "detector", "new")
    commit(log, old.write(0, 1, b"one"))
    list(old.load(0))
    list(new.load(0))
    draft = new.write(0, 3, b"three")
    old.write(0, 2, b"two, and longer than its successor's")
    commit(log, draft)
    new.sweep(draft)
    assert newest(log) == (3, b"three")
    last = Snapshots(log, "detector", "next")
    list(last.load(0))
    swept = last.write(0, 4, b"four")
    commit(log, swept)
    last.sweep(swept)
    log.compact()
    assert [key for key, _ in log.state[0]] == ["detector/0/00000003-next/0", "detector/0"]


def test_services_and_partitions_keep_apart() -> None:
    log = broker()
    for name in ("detector", "metrics"):
        for partition in (0, 1):
            commit(log, Snapshots(log, name, "a").write(partition, partition, f"{name} {partition}".encode()))
    assert newest(log, "metrics", 1) == (1, b"metrics 1")
    assert newest(log, "detector", 0) == (0, b"detector 0")


def test_a_manifest_that_cannot_be_read_is_torn_and_one_of_the_future_is_refused() -> None:
    log = broker()
    commit(log, Snapshots(log, "detector", "a").write(0, 1, b"one"))
    log.write(0, "detector/0", b"on fire")
    log.write(0, "detector/0/what/ever", b"")
    assert newest(log) == (1, b"one")
    log.write(
        0,
        "detector/0",
        msgspec.json.encode(
            {"v": SNAPSHOT_V + 1, "generation": "9-x", "offset": 2} | {"chunks": 0, "bytes": 0, "sha256": ""}
        ),
    )
    with pytest.raises(NewerStateError):
        newest(log)


class TestFiles:
    def test_the_newest_whole_one_is_loaded_and_two_are_kept(self, tmp_path: Path) -> None:
        files = SnapshotFiles(tmp_path / "state")
        for offset in range(5):
            files.write(offset, b"%d" % offset)
        assert [(found.offset, found.packed) for found in files.load()] == [(4, b"4"), (3, b"3")]
        assert len(list((tmp_path / "state").iterdir())) == 2
        assert SnapshotFiles(tmp_path / "state").write(9, b"9").name == "000000000006.snapshot"

    @pytest.mark.parametrize("spoil", [b"", b"kwsnap", b"other\0" * 20])
    def test_a_torn_file_is_passed_over(self, tmp_path: Path, spoil: bytes) -> None:
        files = SnapshotFiles(tmp_path)
        files.write(1, b"one")
        path = files.write(2, b"two")
        path.write_bytes(spoil)
        assert [found.offset for found in files.load()] == [1]

    def test_every_changed_bit_is_noticed(self, tmp_path: Path) -> None:
        files = SnapshotFiles(tmp_path)
        path = files.write(1, b"state")
        whole = path.read_bytes()
        for at in [0, *range(7, len(whole))]:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            assert list(files.load()) == []

    def test_one_of_the_future_is_left_alone(self, tmp_path: Path) -> None:
        files = SnapshotFiles(tmp_path)
        path = files.write(1, b"state")
        content = bytearray(path.read_bytes())
        content[6] = SNAPSHOT_V + 1
        path.write_bytes(content)
        with pytest.raises(NewerStateError):
            list(files.load())
        assert path.read_bytes() == content

    def test_a_disk_that_is_full_leaves_what_was_there(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        files = SnapshotFiles(tmp_path)
        files.write(1, b"one")
        monkeypatch.setattr(os, "fsync", _no_space)
        with pytest.raises(OSError, match="No space"):
            files.write(2, b"two")
        assert [found.offset for found in files.load()] == [1]
        assert len(list(tmp_path.iterdir())) == 1


def _no_space(file: int) -> None:
    raise OSError(28, "No space left on device")
