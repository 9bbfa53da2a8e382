"""Incident events on disk in the order in which they came; never dropped, in memory where the disk is full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kilowatch.core.events import IncidentEvent
from kilowatch.links.journal import Journal, is_full, read_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_A_FILE = 1000


class Noted(msgspec.Struct, frozen=True, array_like=True):
    """An event, and when it came to the outbox by the wall clock, ms UTC."""

    put_ms: int
    event: IncidentEvent


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Noted)


class IncidentLog:
    """The files of an outbox's incidents, each named by the number of its first event."""

    def __init__(self, folder: Path, start: int, *, sync: bool) -> None:
        self._folder = folder
        self._sync = sync
        folder.mkdir(parents=True, exist_ok=True)
        self.unwritten: list[Noted] = []
        self._firsts = sorted(int(path.stem) for path in folder.glob("*.journal"))
        self._begin(self._firsts[-1] if self._firsts else start)
        if self.end < start:
            self._roll(start)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self._folder.glob("*.journal"))

    @property
    def total(self) -> int:
        """The number that the next event gets."""
        return self.end + len(self.unwritten)

    def put(self, noted: Sequence[Noted]) -> None:
        """Take events in."""
        # By way of memory always: where the disk is full, later events must not overtake earlier ones.
        self.unwritten.extend(noted)

    def write(self) -> bool:
        """Bring what waits in memory to the disk; return whether all of it is there."""
        while self.unwritten:
            try:
                if self.end - self._firsts[-1] >= _A_FILE:
                    self._roll(self.end)
                self._journal.append(_encoder.encode(self.unwritten[0]))
            except OSError as error:
                if not is_full(error):
                    raise
                return False
            # Only now: one that could not be written keeps its place, and with it its number.
            del self.unwritten[0]
            self.end += 1
        return True

    def read(self, start: int, limit: int) -> list[Noted]:
        """Return at most `limit` events from number `start` on."""
        found: list[Noted] = []
        for first in self._firsts:
            # A file holds at most so many events: what lies wholly before `start` need not be opened.
            if len(found) < limit and (first > start or start < first + _A_FILE):
                blocks = list(read_blocks(self._path(first)))
                found += [_decoder.decode(block) for block in blocks[max(0, start - first) :]]
        return [*found, *self.unwritten][:limit]

    def forget(self, start: int) -> None:
        """Delete the files whose events have all left."""
        while len(self._firsts) > 1 and self._firsts[1] <= start:
            self._path(self._firsts.pop(0)).unlink(missing_ok=True)
        # The newest file goes on under a new name: to empty it needs no room, to begin another one would.
        if start == self.total and self.end > self._firsts[0]:
            self._journal.restart(self._path(self.end))
            self._firsts = [self.end]

    def close(self) -> None:
        """Let go of the newest file."""
        self._journal.close()

    def _roll(self, first: int) -> None:
        # The new file first: where the disk has no room for it, the old one is still open and whole.
        before = self._journal
        self._begin(first)
        before.close()

    def _begin(self, first: int) -> None:
        self._journal = Journal(self._path(first), sync=self._sync)
        self.end = first + sum(1 for _ in self._journal.blocks())
        if first not in self._firsts:
            self._firsts.append(first)

    def _path(self, first: int) -> Path:
        return self._folder / f"{first:015d}.journal"
