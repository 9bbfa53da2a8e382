"""How far each file was read, kept on the disk so that a restart does not read it again.

A file is known by what stands at its start (of Parquet: at its end), together with its name or its inode. So a file
that was renamed keeps its place, a file that was cut short or begun anew under its old name has none, and a copy that
rsync puts in the place of the old one goes on where that was.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from kilowatch.links.journal import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.links.follow.candidates import Candidate

_MARK_BYTES = 1024
_MOST = 10_000
"""Places that are kept: of more files than that, those that were read longest ago are forgotten."""


class Place(msgspec.Struct, frozen=True):
    """Where reading has come to in one file.

    name: the path under which it was first met, for devices may be called by it. at: bytes, of Parquet rows.
    line: lines or rows before it. begin, end, digest: the bytes by which it is known.
    is_whole: it can only be written anew, not grow (Parquet).
    """

    path: str
    inode: int
    name: str
    at: int = 0
    line: int = 0
    begin: int = 0
    end: int = 0
    digest: str = ""
    is_whole: bool = False

    def fits(self, file: Candidate) -> bool:
        """Return whether a file is the one whose place this is; `OSError` where it cannot be read."""
        if (self.is_whole and file.size != self.end) or (not self.is_whole and file.size < max(self.at, self.end)):
            return False
        return _digest(file.path, self.begin, self.end) == self.digest


def place_in(file: Candidate, name: str, at: int, line: int, *, is_whole: bool) -> Place:
    """Return a place in a file, with what it is known by; `OSError` where it cannot be read."""
    begin, end = (max(0, file.size - _MARK_BYTES), file.size) if is_whole else (0, min(at, _MARK_BYTES))
    digest = _digest(file.path, begin, end)
    return Place(str(file.path), file.inode, name, at, line, begin, end, digest, is_whole)


class Places:
    """The places of one source, in one file of the data folder. Safe to use from any thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        # By both: under the name of a log that was put aside there is a new one at once.
        self._places = {(place.path, place.inode): place for place in _loaded(file)}
        self._is_saved = True

    @property
    def inodes(self) -> set[int]:
        """Return the inodes of the files that have a place and may still grow."""
        with self._lock:
            return {place.inode for place in self._places.values() if not place.is_whole}

    def is_moved(self, file: Candidate) -> bool:
        """Return whether a file's inode is known under other names alone."""
        with self._lock:
            names = [path for path, inode in self._places if inode == file.inode]
        return bool(names) and str(file.path) not in names

    def find(self, file: Candidate) -> Place | None:
        """Return the place in a file, None where it has to be read from its start; `OSError` where it cannot be."""
        with self._lock:
            places = list(self._places.values())
        # By inode first: of two logs that begin alike, the one that was put aside is the one that was read.
        known = [place for place in places if place.inode == file.inode]
        known += [place for place in places if place.path == str(file.path)]
        return next((place for place in known if place.fits(file)), None)

    def put(self, place: Place, instead_of: Place | None = None) -> None:
        """Note a place, and forget the one of before."""
        with self._lock:
            for one in (place, instead_of):
                if one is not None:
                    self._places.pop((one.path, one.inode), None)
            # Last in order: the first are the ones that nobody has written to for longest.
            self._places[place.path, place.inode] = place
            for key in list(self._places)[:-_MOST]:
                del self._places[key]
            self._is_saved = False

    def save(self) -> None:
        """Write down what is new, whole and on the disk; `OSError` where it cannot be."""
        with self._lock:
            if self._is_saved:
                return
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self._file) as fresh:
                fresh.write_bytes(msgspec.json.encode(list(self._places.values())))
            self._is_saved = True


def _loaded(file: Path) -> list[Place]:
    # Lost or torn, it costs a second reading, of which cleaning drops every row: no reason not to start.
    with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.decode(file.read_bytes(), type=list[Place])
    return []


def _digest(path: Path, begin: int, end: int) -> str:
    with path.open("rb") as file:
        file.seek(begin)
        return hashlib.blake2b(file.read(end - begin), digest_size=16).hexdigest()
