"""The journal: whole blocks survive, torn ones go, and a full disk changes nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.errors import StateError
from kilowatch.links.journal import Journal, is_full, read_blocks, replacing
from links.disks import no_file_over


def written(path: Path, blocks: list[bytes]) -> None:
    journal = Journal(path)
    for block in blocks:
        journal.append(block)
    journal.close()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=40), max_size=8), st.integers(0, 400), st.binary(max_size=5))
def test_cut_anywhere_it_keeps_what_was_whole_and_can_be_written_on(blocks: list[bytes], cut: int, junk: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j"
        written(path, blocks)
        whole = path.read_bytes()
        path.write_bytes(whole[:cut])
        ends = [4 + sum(8 + len(block) for block in blocks[:count]) for count in range(len(blocks) + 1)]
        left = blocks[: sum(end <= cut for end in ends[1:])]
        assert list(read_blocks(path)) == left
        written(path, [b"after", junk])
        assert list(read_blocks(path)) == [*left, b"after", junk]


@settings(deadline=None, max_examples=30)
@given(st.integers(12, 35), st.integers(1, 255))
def test_a_damaged_block_is_never_taken_for_a_whole_one(place: int, flip: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j"
        written(path, [b"x" * 16, b"y" * 16])
        damaged = bytearray(path.read_bytes())
        damaged[place] ^= flip
        path.write_bytes(damaged)
        assert set(read_blocks(path)) <= {b"x" * 16, b"y" * 16}
        assert len(list(read_blocks(path))) < 2


@pytest.mark.parametrize(("start", "said"), [(b"kwj\x02....", "newer kilowatch"), (b"PAR1....", "not a journal")])
def test_what_is_newer_or_something_else_is_left_alone(tmp_path: Path, start: bytes, said: str) -> None:
    path = tmp_path / "j"
    path.write_bytes(start)
    with pytest.raises(StateError, match=said):
        Journal(path)
    assert path.read_bytes() == start


def test_a_full_disk_is_told_and_leaves_whole_blocks(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.append(b"a" * 100)
    with no_file_over(150), pytest.raises(OSError, match="large") as full:
        journal.append(b"b" * 100)
    assert is_full(full.value)
    assert journal.size == (tmp_path / "j").stat().st_size
    journal.append(b"c")
    assert list(journal.blocks()) == [b"a" * 100, b"c"]


def test_a_writer_killed_at_any_moment_leaves_a_readable_journal(tmp_path: Path) -> None:
    path = tmp_path / "j"
    endless = f"""
import itertools, pathlib
from kilowatch.links.journal import Journal
journal = Journal(pathlib.Path({str(path)!r}))
for number in itertools.count():
    journal.append(b"%d " % number * 200)
"""
    for _ in range(2):
        before = len(list(read_blocks(path)))
        writer = subprocess.Popen([sys.executable, "-c", endless])
        until = time.monotonic() + 20
        size = path.stat().st_size if path.exists() else 0
        while not path.exists() or path.stat().st_size < size + 20_000:
            assert time.monotonic() < until
            time.sleep(0.01)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        kept = list(read_blocks(path))
        numbers = [int(block.split()[0]) for block in kept[before:]]
        assert numbers == list(range(len(numbers)))
        Journal(path).close()
        assert list(read_blocks(path)) == kept


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    with contextlib.suppress(KeyError), replacing(path) as fresh:
        fresh.write_text("ne")
        raise KeyError
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]
    assert path.read_text() == "old"
    with replacing(path) as fresh:
        fresh.write_text("new")
    assert path.read_text() == "new"


def test_a_journal_that_goes_on_under_another_name_has_it_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "0.journal", sync=True)
    journal.append(b"a")
    forced: list[tuple[Path, list[str]]] = []
    monkeypatch.setattr(
        "kilowatch.links.journal.sync_folder",
        lambda folder: forced.append((folder, [path.name for path in folder.iterdir()])),
    )
    journal.restart(tmp_path / "1.journal")
    assert forced == [(tmp_path, ["1.journal"])]
