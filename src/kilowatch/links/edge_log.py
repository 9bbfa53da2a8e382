"""`IoTDevices` of one process without Kafka: messages on disk in order, each with an offset of its own.

Sources put messages in on threads of their own; one reader takes them out, which writes them to a journal first and
tells the sources afterwards that they are safe. Journals are cut into files, so that what a snapshot covers can go.
What was refused goes to a journal beside it, bounded, the oldest file dropped first.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from kilowatch.errors import ComponentError, FullError
from kilowatch.links.folder_lock import FolderLock
from kilowatch.links.journal import Journal, is_full, read_blocks, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kilowatch.errors import KilowatchError

_NAME = re.compile(r"(\d{16})\.log")


class _Block(msgspec.Struct, array_like=True):
    first: int
    values: list[bytes]


_block = msgspec.msgpack.Decoder(_Block)


@dataclass(frozen=True, slots=True)
class EdgeLogLimits:
    """waiting: messages that may wait in memory before `send` blocks. file_bytes: of one file of the journal."""

    waiting: int = 10_000
    file_bytes: int = 8_000_000
    rejected_bytes: int = 8_000_000


@dataclass(frozen=True, slots=True)
class Taken:
    """Messages in order: the offset of each, rising by one."""

    offsets: list[int]
    values: list[bytes]


@dataclass(frozen=True, slots=True)
class _Waiting:
    value: bytes
    is_rejected: bool
    delivered: Callable[[KilowatchError | None], None] | None


class EdgeLog:
    """A folder that one process at a time owns. `send` is for any thread, the rest for one."""

    def __init__(self, folder: Path, rejected_topic: str, limits: EdgeLogLimits | None = None) -> None:
        self._limits = limits or EdgeLogLimits()
        self._folder, self._rejected_topic = folder, rejected_topic
        self._lock = FolderLock(folder)
        self._rejected = _Rejected(folder / "rejected", self._limits.rejected_bytes)
        self._files = sorted(int(match[1]) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)))
        self._journal: Journal | None = None
        self._block_at = 0
        self.next_offset = self._open_last()
        self._queue: deque[_Waiting] = deque()
        self._room = threading.Condition()
        self._closed = False
        self.is_unsynced = False

    def send(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        delivered: Callable[[KilowatchError | None], None] | None = None,
        *,
        partition: int = -1,
        timeout_s: float | None = None,
    ) -> None:
        """Take a message, and tell `delivered` once it is on the disk; blocks while too many wait.

        `FullError` where there is no room within timeout_s, `ComponentError` where the log is closed.
        """
        del key, partition
        with self._room:
            # The queue is bounded so that sources wait, and keep what they have, instead of memory that grows.
            has_room = self._room.wait_for(lambda: self._closed or len(self._queue) < self._limits.waiting, timeout_s)
            if self._closed:
                raise ComponentError("The edge log is closed.", "What was not acknowledged is sent again.")
            if not has_room:
                raise FullError("The edge log takes nothing more at present.", "Is the disk full?")
            self._queue.append(_Waiting(value or b"", topic == self._rejected_topic, delivered))
            self._room.notify_all()

    def poll(self, timeout_s: float = 0.0) -> int:
        """Wait, and do nothing: `take` tells senders."""
        time.sleep(timeout_s)
        return 0

    def flush(self, timeout_s: float) -> int:
        """Wait until the reader has taken everything, and return how many messages wait after timeout_s."""
        with self._room:
            self._room.wait_for(lambda: not self._queue, timeout_s)
            return len(self._queue)

    def take(self, most: int = 10_000, timeout_s: float = 0.25) -> Taken:
        """Return the messages that wait, at most `most`, once they are on the disk; waits for the first.

        What someone is waiting to hear of is forced to the disk; the rest is with the next `sync`.
        """
        waiting, first = self._waiting(most, timeout_s), self.next_offset
        readings = [one.value for one in waiting if not one.is_rejected]
        refused = [one.value for one in waiting if one.is_rejected]
        try:
            self._rejected.append(refused)
            self._append(readings)
            # One sync for all who wait: a disk takes as long for a hundred messages as for one.
            if any(one.delivered is not None for one in waiting):
                self.sync()
        except OSError as error:
            if not is_full(error):
                raise
            self._give_back(waiting, first)
            return Taken([], [])
        # Told after the sync and before anything is judged: whoever is told may forget the message at once.
        for one in waiting:
            if one.delivered is not None:
                one.delivered(None)
        return Taken(list(range(first, first + len(readings))), readings)

    def read(self, offset: int) -> Iterator[Taken]:
        """Yield what lies on the disk from an offset on, a block at a time."""
        for number in [number for number in self._files if not self._ends_before(number, offset)]:
            for payload in read_blocks(self._path(number)):
                block = _block.decode(payload)
                start = max(0, offset - block.first)
                if start < len(block.values):
                    yield Taken(list(range(block.first + start, block.first + len(block.values))), block.values[start:])

    def sync(self) -> None:
        """Force to the disk what is not there yet."""
        if self._journal is not None and self.is_unsynced:
            self._journal.sync()
            self.is_unsynced = False
        self._rejected.sync()

    def forget(self, before: int) -> None:
        """Let go of files that hold nothing from an offset on; the newest stays."""
        # A name says where a file begins; where it ends the next one tells, so the newest has to stay.
        while len(self._files) > 1 and self._files[1] <= before:
            self._path(self._files.pop(0)).unlink(missing_ok=True)

    def skip_to(self, offset: int) -> None:
        """Number what follows from `offset` on, at least: a disk that lost the journal must not lose the count."""
        if offset > self.next_offset:
            self.next_offset = offset
            self._roll()

    def close(self) -> None:
        """Let the next one have the folder; who waits to send is told so."""
        with self._room:
            self._closed = True
            self._room.notify_all()
        self.sync()
        if self._journal is not None:
            self._journal.close()
        self._rejected.close()
        self._lock.close()

    def _waiting(self, most: int, timeout_s: float) -> list[_Waiting]:
        with self._room:
            self._room.wait_for(lambda: bool(self._queue), timeout_s)
            waiting = [self._queue.popleft() for _ in range(min(most, len(self._queue)))]
            self._room.notify_all()
        return waiting

    def _give_back(self, waiting: list[_Waiting], first: int) -> None:
        # What is on the disk of them goes: they are written again, and would be there twice.
        if self._journal is not None and self.next_offset > first:
            self._journal.cut_back(self._block_at)
            self.next_offset = first
        self._rejected.cut_back()
        with self._room:
            # In front and in their order: messages of one sender must not overtake each other.
            self._queue.extendleft(reversed(waiting))

    def _append(self, values: list[bytes]) -> None:
        if not values:
            return
        if self._journal is None or self._journal.size >= self._limits.file_bytes:
            self._roll()
        if self._journal is not None:
            self._block_at = self._journal.size
            self._journal.append(msgspec.msgpack.encode(_Block(self.next_offset, values)))
        self.next_offset, self.is_unsynced = self.next_offset + len(values), True

    def _roll(self) -> None:
        # A file that is closed is never synced again: `sync` knows the newest alone.
        self.sync()
        # The new file first: where the disk has no room for it, the old one is still open and whole.
        before, self._journal = self._journal, Journal(self._path(self.next_offset))
        if before is not None:
            before.close()
        if self.next_offset not in self._files:
            self._files.append(self.next_offset)

    def _open_last(self) -> int:
        if not self._files:
            return 0
        self._journal = Journal(self._path(self._files[-1]))
        end = self._files[-1]
        for payload in self._journal.blocks():
            block = _block.decode(payload)
            end = block.first + len(block.values)
        return end

    def _ends_before(self, number: int, offset: int) -> bool:
        at = self._files.index(number)
        return at + 1 < len(self._files) and self._files[at + 1] <= offset

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:016d}.log"


class _Rejected:
    """The newest of what was refused, in two files at most."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # A power cut must not take the folder with all that is forced to the disk in it.
        sync_folder(folder.parent)
        self._newest, self._older, self._next = (folder / f"{name}.log" for name in ("newest", "older", "next"))
        self._most_bytes = most_bytes
        self._journal = Journal(self._newest)
        self._safe_bytes, self._is_unsynced = self._journal.size, False

    def append(self, values: list[bytes]) -> None:
        self._safe_bytes = self._journal.size
        for value in values:
            # Half of the bound each: dropping the older file still leaves half of what may be kept.
            if self._journal.size > self._most_bytes // 2:
                self._roll()
            self._journal.append(value)
            self._is_unsynced = True

    def cut_back(self) -> None:
        """Take back the last `append`, but for what went to the older file."""
        self._journal.cut_back(self._safe_bytes)

    def sync(self) -> None:
        if self._is_unsynced:
            self._journal.sync()
            self._is_unsynced = False

    def close(self) -> None:
        self.sync()
        self._journal.close()

    def _roll(self) -> None:
        self.sync()
        # The new file first: where the disk has no room for it, the old one is still open and in its place.
        fresh = Journal(self._next)
        self._journal.close()
        self._newest.replace(self._older)
        self._next.replace(self._newest)
        fresh.path = self._newest
        self._journal, self._safe_bytes = fresh, fresh.size


def rejected_messages(folder: Path) -> Iterator[bytes]:
    """Yield what was refused, oldest first, as it lies in an edge log's folder."""
    for name in ("older.log", "newest.log"):
        yield from read_blocks(folder / "rejected" / name)
