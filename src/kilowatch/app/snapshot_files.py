"""Snapshots in a folder, for one process without Kafka: each whole under its name or not there at all.

A file is written beside its place, forced to the disk and renamed: a power cut leaves the one before. The two newest
are kept, so that one that the disk has spoilt costs the readings of one interval and no more.
"""

from __future__ import annotations

import hashlib
import re
import struct
from typing import TYPE_CHECKING

from kilowatch.app.snapshots import SNAPSHOT_V, Snapshot
from kilowatch.core.state import NewerStateError
from kilowatch.links.journal import replacing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KEPT = 2
_HEAD = struct.Struct(">6sBq32s")
_MAGIC = b"kwsnap"
_NAME = re.compile(r"(\d{12})\.snapshot")


class SnapshotFiles:
    """The snapshots of one pipeline in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, offset: int, packed: bytes) -> Path:
        """Keep a snapshot for good, drop all but the one before, and return its file; `OSError` leaves both there."""
        numbers = self._numbers()
        path = self._path(max(numbers, default=0) + 1)
        with replacing(path) as fresh:
            fresh.write_bytes(_HEAD.pack(_MAGIC, SNAPSHOT_V, offset, _digest(offset, packed)) + packed)
        # `numbers` is of before the write: the newest of them stays as the second of the two that are kept.
        for number in sorted(numbers)[: 1 - _KEPT]:
            self._path(number).unlink(missing_ok=True)
        return path

    def load(self) -> Iterator[Snapshot]:
        """Yield the whole snapshots, the newest first; `NewerStateError` where one is of the future."""
        for number in sorted(self._numbers(), reverse=True):
            snapshot = _read(self._path(number))
            if snapshot is not None:
                yield snapshot

    def _numbers(self) -> list[int]:
        found = (_NAME.fullmatch(path.name) for path in self._folder.iterdir())
        return [int(match[1]) for match in found if match]

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012d}.snapshot"


def _digest(offset: int, packed: bytes) -> bytes:
    # The offset is covered too: a sound state under a wrong one would skip readings, or take them twice.
    return hashlib.sha256(offset.to_bytes(8, "big", signed=True) + packed).digest()


def _read(path: Path) -> Snapshot | None:
    """Return what a file holds, None where it is torn."""
    content = path.read_bytes()
    if len(content) < _HEAD.size or not content.startswith(_MAGIC):
        return None
    _, version, offset, digest = _HEAD.unpack_from(content)
    if version > SNAPSHOT_V:
        raise NewerStateError(
            f"{path.name} has format {version}, this kilowatch reads up to {SNAPSHOT_V}.",
            "Use the kilowatch that wrote it, or a newer one.",
        )
    packed = content[_HEAD.size :]
    return Snapshot(offset, packed) if _digest(offset, packed) == digest else None
