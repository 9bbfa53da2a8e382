"""Pieces of a file that was not read to its end: whole lines, and the messages that they become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kilowatch.links.follow.candidates import Candidate
    from kilowatch.links.follow.places import Place

PIECE_BYTES = 1 << 18
"""Some thousand rows: read, handed over and made safe together."""
LONGEST_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """What one line says: a reading as JSON, or what stands there and the reason why it is none."""

    payload: bytes
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows that belong together, and the place behind them: bytes or rows, and lines."""

    rows: Sequence[Row]
    at: int
    line: int


class Reader(Protocol):
    """Reads one file from a place on."""

    def pieces(self, file: Candidate, place: Place | None, *, is_over: bool) -> Iterator[Piece]:
        """Yield what lies behind a place, None for the start.

        is_over: nobody writes it any more, so a last line without an end is one. `Unreadable` where the file cannot
        be understood (as yet), `OSError` where it cannot be read.
        """


def next_lines(path: Path, at: int, *, is_over: bool, most: int = PIECE_BYTES) -> bytes:
    """Return whole lines from a place on, about `most` bytes of them; empty where no line has an end.

    Of a line without an end `LONGEST_LINE` bytes are taken as if it had one, so that memory stays bounded.
    """
    with path.open("rb") as file:
        file.seek(at)
        data = file.read(most)
        if len(data) == most and b"\n" not in data:
            data += file.read(LONGEST_LINE - most)
    end = data.rfind(b"\n") + 1
    return data[:end] if end else data if is_over or len(data) >= LONGEST_LINE else b""


def lines_of(data: bytes) -> list[bytes]:
    """Return the lines of a piece without their ends; an old one of `\\r` alone is an end where there is no other."""
    if b"\n" not in data:
        return data.removesuffix(b"\r").split(b"\r")
    return [line.replace(b"\r", b"") for line in data.removesuffix(b"\n").split(b"\n")]


class JsonLines:
    """A message as docs/contracts.md has it in each line."""

    def pieces(self, file: Candidate, place: Place | None, *, is_over: bool) -> Iterator[Piece]:
        """Yield the lines as they stand there; they are judged behind the source."""
        at, line = (0, 0) if place is None else (place.at, place.line)
        while data := next_lines(file.path, at, is_over=is_over):
            # A byte order mark, which spreadsheets put before the first line, is no part of a message.
            lines = lines_of(data.removeprefix(b"\xef\xbb\xbf") if at == 0 else data)
            at, line = at + len(data), line + len(lines)
            yield Piece([Row(text) for text in lines if text.strip()], at, line)
