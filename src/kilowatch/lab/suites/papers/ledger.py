"""Results as they come, a line of JSON each: a run that was interrupted does nothing twice."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

R = TypeVar("R", bound=msgspec.Struct)


class _Line(msgspec.Struct, frozen=True):
    key: str
    rows: msgspec.Raw


class Ledger(Generic[R]):
    """A file of results by key; a torn or foreign line counts as not there."""

    def __init__(self, path: Path, kind: type[R]) -> None:
        self._path = path
        self._kind = kind

    def read(self) -> dict[str, list[R]]:
        """Return what has been found so far, by key."""
        found: dict[str, list[R]] = {}
        if not self._path.exists():
            return found
        for line in self._path.read_bytes().splitlines():
            try:
                entry = msgspec.json.decode(line, type=_Line)
                found[entry.key] = msgspec.json.decode(entry.rows, type=list[self._kind])  # type: ignore[name-defined]
            except msgspec.MsgspecError:
                continue
        return found

    def add(self, key: str, rows: list[R]) -> None:
        """Append one result; several processes may do so at once."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = msgspec.json.encode(_Line(key, msgspec.Raw(msgspec.json.encode(rows))))
        # Appended by one call to the system: lines of several processes do not mix.
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            # The newline in front ends whatever a killed process may have left.
            os.write(handle, b"\n" + line + b"\n")
        finally:
            os.close(handle)
