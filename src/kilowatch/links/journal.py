"""An append-only file of framed blocks: what was written whole is read back whole, whoever killed the writer.

A file is the magic, then blocks of length (uint32), CRC-32 (uint32) and payload, all little-endian. A tail that a
dead writer left torn is cut off when the next one opens the file.
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kilowatch.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

FORMAT = 1
_MAGIC = b"kwj"
_START = _MAGIC + bytes([FORMAT])
_HEAD = struct.Struct("<II")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_full(error: OSError) -> bool:
    """Return whether an error says that the disk, the quota or the file may grow no further."""
    return error.errno in _FULL


class Journal:
    """The one writer of a journal. sync: every append waits for the disk, and so survives a power cut."""

    def __init__(self, path: Path, *, sync: bool = False) -> None:
        self.path = path
        self._sync = sync
        self._is_named = False
        self.size = _whole_bytes(path)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            self._repair()
        except OSError:
            os.close(self._file)
            raise

    def append(self, payload: bytes) -> None:
        """Write one block; an `OSError` leaves the journal as it was before."""
        try:
            self._write(_HEAD.pack(len(payload), zlib.crc32(payload)) + payload)
        except OSError:
            # A torn block would hide all that is written behind it: readers stop at the first that is not whole.
            os.ftruncate(self._file, self.size)
            raise
        self.size += _HEAD.size + len(payload)

    def cut_back(self, size: int) -> None:
        """Take back what was appended since the journal had a size; this needs no room on the disk."""
        os.ftruncate(self._file, size)
        self.size = size

    def sync(self) -> None:
        """Force everything so far to the disk, and the file's name with it."""
        os.fsync(self._file)
        # Once, also for a file that was there: who made it may have died before its name was safe.
        if not self._is_named:
            sync_folder(self.path.parent)
            self._is_named = True

    def blocks(self) -> Iterator[bytes]:
        """Yield the payloads, oldest first."""
        return read_blocks(self.path)

    def restart(self, path: Path) -> None:
        """Empty the journal and go on under another name; this needs no room on the disk."""
        # Emptied before it is renamed: the other way round a crash would leave the old blocks under new numbers.
        os.ftruncate(self._file, len(_START))
        self.path.rename(path)
        self.path, self.size, self._is_named = path, len(_START), False
        # What is appended next is safe at once, and must not come back under the old name and its numbers.
        if self._sync:
            sync_folder(path.parent)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _repair(self) -> None:
        os.ftruncate(self._file, self.size)
        if self.size == 0:
            self._write(_START)
            self.size = len(_START)
            # The file alone is not enough: a power cut could take the name of a file that was just made.
            if self._sync:
                sync_folder(self.path.parent)

    def _write(self, data: bytes) -> None:
        rest, at = memoryview(data), self.size
        # A disk that fills up takes a part, and says only at the next call that it has no room.
        while rest:
            written = os.pwrite(self._file, rest, at)
            rest, at = rest[written:], at + written
        if self._sync:
            os.fsync(self._file)


def read_blocks(path: Path) -> Iterator[bytes]:
    """Yield the payloads of a journal up to its end or to where it is torn; nothing where there is no file."""
    for _, payload in _walk(path):
        yield payload


def _whole_bytes(path: Path) -> int:
    """Return how many bytes of a journal are whole blocks; 0 where not even its start is."""
    start = len(_START) if _has_start(path) else 0
    return max((end for end, _ in _walk(path)), default=start)


def _has_start(path: Path) -> bool:
    """Return whether a file starts as a journal; `StateError` where it is something else or newer."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_START))
    except FileNotFoundError:
        return False
    # Fewer bytes than a start: its writer was killed within the first write, and there is nothing in it yet.
    if _START.startswith(start):
        return start == _START
    if start.startswith(_MAGIC):
        raise StateError(
            f"{path} was written by a newer kilowatch (format {start[-1]}, known {FORMAT}).", "Upgrade kilowatch."
        )
    raise StateError(f"{path} is not a journal of kilowatch.", "Move it away, or restore a backup.")


def _walk(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each whole block with the place where it ends."""
    if not _has_start(path):
        return
    with path.open("rb") as file:
        end = file.seek(len(_START))
        while (payload := _block(file)) is not None:
            end += _HEAD.size + len(payload)
            yield end, payload


def _block(file: BinaryIO) -> bytes | None:
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack(head)
    # A torn head may name any length: never ask for gigabytes that are not there.
    if length > os.fstat(file.fileno()).st_size - file.tell():
        return None
    payload = file.read(length)
    return payload if zlib.crc32(payload) == checksum else None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to, and put what was written there in the place of `path`, whole and on the disk."""
    fresh = path.with_name(f"{path.name}.new")
    try:
        yield fresh
        # Before the rename: a power cut must not find the new name with contents that never reached the disk.
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make new, renamed and removed names of a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
