"""Readings from files that a logger writes: what lies there is read once, and what appears or grows is followed.

1. A look lists the files, those that were put aside under another name first, each with the place of the last reading.
2. A piece of whole lines becomes messages, one a row, and they go to `put` like those of every other source.
3. Once all of them are safe, and not before, the place moves behind the piece and the next one is read.
4. At the end of a look, and at times between, places are written to the data folder.

Whoever dies between 3 and 4 reads a piece twice: cleaning knows a reading by site, device and time, and drops it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kilowatch.core.device import Fleet, first_seen
from kilowatch.errors import KilowatchError
from kilowatch.links.follow.candidates import JSON_LINES, PARQUET, candidates, renamed
from kilowatch.links.follow.pieces import JsonLines
from kilowatch.links.follow.places import Places, place_in
from kilowatch.links.source import SourceMessage
from kilowatch.links.wall import wall_ms
from kilowatch.observability.metrics import Metrics
from kilowatch.observability.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kilowatch.config.sections import SiteConfig
    from kilowatch.config.sources import FilesConfig
    from kilowatch.links.follow.candidates import Candidate
    from kilowatch.links.follow.pieces import Piece, Reader
    from kilowatch.links.follow.places import Place
    from kilowatch.links.source import OnDevices, Put

log = logging.getLogger("kilowatch.files")
OVER_AFTER_MS = 3_600_000
"""A last line without an end is taken once nobody has written for so long: buffers are flushed in the middle of lines,
and half a number is a number."""
FRESH_MS = 60_000
"""What is not understood is told only then: a file may be seen while it is being written."""
_SAVE_S = 5.0


class FilesSource:
    """One folder, pattern or file. At least once.

    places: the file in the data folder that keeps how far each was read. on_devices: told who is met.
    """

    def __init__(
        self,
        label: str,
        config: FilesConfig,
        site: SiteConfig,
        places: Path,
        *,
        on_devices: OnDevices = lambda _: None,
        metrics: Metrics | None = None,
        clock_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self.name = f"files:{label}"
        self._config, self._site = config, site
        self._places = Places(places)
        self._on_devices = on_devices
        self._clock_ms = clock_ms
        metrics = metrics or Metrics()
        self._messages = metrics.counter("kilowatch_source_messages_total").labels(self.name)
        self._refused = metrics.counter("kilowatch_source_refused_total").labels(self.name)
        up = metrics.gauge("kilowatch_source_up").labels(self.name)
        up.set(1)
        self._presence = Presence(log, "folder", lambda _, there: up.set(there))
        self._fleet, self._met = Fleet(), 0
        self._readers: dict[Path, tuple[int, Reader]] = {}
        self._done: dict[Path, Candidate] = {}
        self._reached: dict[Path, Place] = {}
        self._told: dict[Path, str] = {}
        self._saved_s = 0.0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, put: Put) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._follow, args=(put,), name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more; what was handed over and becomes safe yet still moves its place."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self, put: Put) -> None:
        while not self._stopping.is_set():
            self.look(put)
            self._stopping.wait(self._config.look_s)

    def look(self, put: Put) -> None:
        """Read all that is new."""
        try:
            files = candidates(self._config.path)
        except OSError as error:
            self._presence.lost(self._config.path, error.strerror or str(error))
            return
        self._presence.back(self._config.path)
        named = {file.path for file in files}
        folders = {path.parent for path in named} or {Path(self._config.path)}
        everything = [*self._aside(folders, named), *files]
        fresh = [file for file in everything if self._done.get(file.path) != file]
        # What was put aside is older than what stands under its name now.
        for file in sorted(fresh, key=self._places.is_moved, reverse=True):
            if self._stopping.is_set():
                return
            self._guarded(file, put)
        self._keep_to({file.path for file in everything})
        self._save(at_once=True)

    def _aside(self, folders: set[Path], named: set[Path]) -> Iterator[Candidate]:
        """Yield the logs that were put aside; an inode alone tells nothing, the next file may have got it."""
        for file in renamed(self._places.inodes, folders, named):
            with suppress(OSError):
                if self._places.find(file) is not None:
                    yield file

    def _guarded(self, file: Candidate, put: Put) -> None:
        """Read what is new in a file; one that cannot be read never keeps the others from it."""
        if not _is_text(file.path):
            self._tell(file, "its name is not UTF-8, and could be written down nowhere. Rename it.")
            return
        try:
            self._read(file, put)
        except FileNotFoundError:
            return  # removed since the look
        except OSError as error:
            # Asked again at every look: what changes a file's permissions does not change the file.
            self._tell(file, f"{error.strerror or error}.")
        except KilowatchError as error:
            if self._age_ms(file) > FRESH_MS:
                self._tell(file, f"{error} {error.hint}")
                self._done[file.path] = file
        # What nobody thought of in one file must not end the reading of all.
        except Exception as error:
            log.debug("Reading %s failed.", file.path, exc_info=True)
            self._tell(file, f"its reading failed: {error!r}")
            self._done[file.path] = file

    def _read(self, file: Candidate, put: Put) -> None:
        place = self._places.find(file)
        if place is None and self._reached.pop(file.path, None) is not None:
            log.info("%s was begun anew and is read from its start", file.path)
            self._readers.pop(file.path, None)
        if place is not None and place.path != str(file.path):
            log.info("%s is what was %s", file.path, place.path)
            place = self._moved(file, place)
        is_over = self._age_ms(file) > OVER_AFTER_MS
        name, is_whole = str(file.path) if place is None else place.name, file.path.suffix.lower() in PARQUET
        for piece in self._reader(file, Path(name)).pieces(file, place, is_over=is_over):
            after = place_in(file, name, piece.at, piece.line, is_whole=is_whole)
            self._meet()
            if not self._hand_over(piece, after, place, put):
                return
            place = after
        if self._told.pop(file.path, None) is not None:
            log.info("%s can be read again", file.path)
        if place is not None:
            self._reached[file.path] = place
        # A rest without an end is asked again: time may make it a line.
        if is_over or (place is not None and (place.is_whole or place.at >= file.size)):
            self._done[file.path] = file

    def _moved(self, file: Candidate, place: Place) -> Place:
        """Take a file's place and its reader along to its new name."""
        moved = place_in(file, place.name, place.at, place.line, is_whole=place.is_whole)
        self._places.put(moved, place)
        self._reached.pop(Path(place.path), None)
        reader = self._readers.pop(Path(place.path), None)
        if reader is not None and reader[0] == file.inode:
            self._readers[file.path] = reader
        return moved

    def _age_ms(self, file: Candidate) -> int:
        return self._clock_ms() - file.changed_ns // 1_000_000

    def _reader(self, file: Candidate, name: Path) -> Reader:
        known = self._readers.get(file.path)
        # Under the name of a log that was put aside there may be a new one, of other columns.
        if known is None or known[0] != file.inode:
            known = self._readers[file.path] = (file.inode, self._new_reader(name))
        return known[1]

    def _new_reader(self, name: Path) -> Reader:
        suffix = name.suffix.lower()
        if suffix in JSON_LINES:
            return JsonLines()
        # Arrow, which only tables need, takes more memory than all the rest of an edge.
        from kilowatch.links.follow.options import read_options
        from kilowatch.links.follow.tables import ParquetTable, TextTable

        options = read_options(self._config, self._site)
        kind = ParquetTable if suffix in PARQUET else TextTable
        return kind(self.name, self._fleet, options, name)

    def _hand_over(self, piece: Piece, after: Place, before: Place | None, put: Put) -> bool:
        """Hand over a piece, and return once it is safe; False where we are to stop before that."""
        safe = _Safe(len(piece.rows), lambda: self._move(after, before))
        now_ms = self._clock_ms()
        for row in piece.rows:
            if self._stopping.is_set():
                return False
            self._messages.inc()
            if row.reason is not None:
                self._refused.inc()
            put(SourceMessage(self.name, row.payload, row.reason, now_ms, safe.ack))
        while not safe.all.wait(0.2):
            if self._stopping.is_set():
                return False
        self._save()
        return True

    def _move(self, after: Place, before: Place | None) -> None:
        self._places.put(after, before)
        if self._stopping.is_set():
            self._save(at_once=True)

    def _save(self, *, at_once: bool = False) -> None:
        if not at_once and time.monotonic() - self._saved_s < _SAVE_S:
            return
        self._saved_s = time.monotonic()
        try:
            self._places.save()
        except OSError as error:
            log.warning("How far files were read cannot be written down: %s", error.strerror or error)

    def _meet(self) -> None:
        """Tell who was met: their kinds, as names tell them."""
        records = self._fleet.records
        if len(records) > self._met:
            zone = self._site.time_zone
            self._on_devices(
                [
                    first_seen(one.site, one.device, one.kind, time_zone=zone, source=self.name)
                    for one in records[self._met :]
                ]
            )
            self._met = len(records)

    def _tell(self, file: Candidate, why: str) -> None:
        """Say so, unless that was said already."""
        if self._told.get(file.path) != why:
            self._told[file.path] = why
            # A line with lone surrogates could be sent nowhere that wants UTF-8.
            name = os.fsencode(file.path).decode(errors="backslashreplace")
            log.warning("%s cannot be read: %s", name, why)

    def _keep_to(self, paths: set[Path]) -> None:
        """Forget what is known of files that are gone, but for their places: a drive may be back tomorrow."""
        for known in (self._done, self._reached, self._readers, self._told):
            for path in known.keys() - paths:
                del known[path]


def _is_text(path: Path) -> bool:
    # What is no UTF-8 of a name stands there as lone surrogates.
    return not any("\ud800" <= letter <= "\udfff" for letter in str(path))


class _Safe:
    """Counts acknowledgements, on whatever threads they come. then: called once, with the last."""

    def __init__(self, waiting: int, then: Callable[[], None]) -> None:
        self.all = threading.Event()
        self._waiting, self._then = waiting, then
        self._lock = threading.Lock()
        if waiting == 0:
            self._end()

    def ack(self) -> None:
        with self._lock:
            self._waiting -= 1
            is_last = self._waiting == 0
        if is_last:
            self._end()

    def _end(self) -> None:
        self._then()
        self.all.set()
