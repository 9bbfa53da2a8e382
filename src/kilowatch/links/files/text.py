"""Text tables: encoding, delimiter and header guessed from pieces of the file; whole lines in bounded chunks."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from kilowatch.links.files.cells import MISSING, numbers
from kilowatch.links.files.source import Unreadable
from kilowatch.links.files.time_shapes import guess_shape

if TYPE_CHECKING:
    from pathlib import Path

PLACES = 8
PLACE_BYTES = 65_536
_HEAD_LINES = 1000
_DELIMITERS = (";", "\t", "|", ",", " ")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_PACKED = {
    b"PK\x03\x04": "a zip or spreadsheet file",
    b"\x1f\x8b": "gzip-compressed",
    b"BZh": "bzip2-compressed",
    b"\x28\xb5\x2f\xfd": "zstd-compressed",
    b"\x89HDF": "an HDF5 file",
    b"SQLi": "an SQLite database",
}


@dataclass(frozen=True, slots=True)
class TextShape:
    """How a text table is written. skip: lines before the first row; names: its columns; quoted: quotes occur."""

    encoding: str
    delimiter: str
    skip: int
    names: tuple[str, ...]
    header: bool
    quoted: bool

    def __str__(self) -> str:
        mark = {"\t": "tab", " ": "space"}.get(self.delimiter, self.delimiter)
        return f"{self.encoding}, {mark!r} between columns, {'header' if self.header else 'no header'}"


def read_places(path: Path) -> list[bytes]:
    """Return pieces of a file from its start and, where it is large, from places spread over it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= PLACES * PLACE_BYTES:
            return [file.read()]
        pieces = []
        for place in range(PLACES):
            # Even offsets keep two-byte characters whole.
            file.seek((size - PLACE_BYTES) * place // (PLACES - 1) // 2 * 2)
            pieces.append(file.read(PLACE_BYTES))
        return pieces


def read_head(path: Path) -> list[bytes]:
    """Return one piece of a file, from its start."""
    with path.open("rb") as file:
        return [file.read(PLACE_BYTES)]


def guess_encoding(pieces: list[bytes]) -> str:
    """Return the encoding: by its mark, by zero bytes where text has none, UTF-8 where it fits, else Windows-1252."""
    head = pieces[0]
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    even, odd, many = head[::2].count(0), head[1::2].count(0), len(head) // 4
    if len(head) >= 4 and max(even, odd) > many > 4 * min(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    try:
        for piece in pieces:
            codecs.getincrementaldecoder("utf-8")().decode(_from_line(piece, piece is head))
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _from_line(piece: bytes, first: bool) -> bytes:
    return piece if first else piece[piece.find(b"\n") + 1 :]


def place_texts(pieces: list[bytes], encoding: str) -> list[str]:
    """Return the whole lines of each piece as text, the first from the start of the file."""
    out = []
    for place, piece in enumerate(pieces):
        # The mark that tells the byte order stands at the start of the file alone.
        own = {"utf-16": "utf-16-be" if pieces[0].startswith(codecs.BOM_UTF16_BE) else "utf-16-le"}
        name = encoding if place == 0 else own.get(encoding, encoding)
        text = unify_lines(piece.decode(name, errors="replace"))
        # A piece from the middle begins within a line.
        if place:
            text = text[text.find("\n") + 1 :]
        if len(piece) == PLACE_BYTES and place < max(len(pieces) - 1, 1):
            text = text[: text.rfind("\n") + 1] or text
        out.append(text)
    return out


def unify_lines(text: str) -> str:
    """Return text with one kind of line end."""
    if "\r" not in text:
        return text
    return text.replace("\r", "") if "\n" in text else text.replace("\r", "\n")


def guess_text(path: Path, pieces: list[bytes]) -> TextShape:
    """Return how the table is written; `Unreadable` where it is none."""
    head = pieces[0]
    if not head.strip(b"\0\r\n\t \xef\xbb\xbf"):
        raise Unreadable("The file is empty.", "Export it again, or leave it out.")
    kind = next((kind for mark, kind in _PACKED.items() if head.startswith(mark)), None)
    if kind is not None:
        raise Unreadable(f"This is {kind}, not text.", "Unpack or export it to CSV or Parquet first.")
    encoding = guess_encoding(pieces)
    text = place_texts(pieces[:1], encoding)[0]
    lines = [line for line in text.split("\n")[:_HEAD_LINES] if line.strip()]
    if max(map(len, lines), default=0) > PLACE_BYTES // 2 or _is_binary(lines):
        raise Unreadable("This is not a text table.", f"{path.name} holds binary data or lines without end.")
    if not lines:
        raise Unreadable("The file has only blank lines.", "Export it again, or leave it out.")
    return _shape(encoding, guess_delimiter(lines), text, quoted=any(b'"' in piece for piece in pieces))


def _is_binary(lines: list[str]) -> bool:
    # A power cut leaves a run of zeros in a log that is otherwise sound.
    odd = sum(1 for line in lines if any((char < " " and char != "\t") or char == "\ufffd" for char in line))
    return odd > len(lines) // 2


def guess_delimiter(lines: list[str]) -> str:
    """Return the mark that stands equally often in most lines; a comma inside numbers gives way to others."""
    best, found = ",", 0.0
    for mark in _DELIMITERS:
        counts = Counter(line.count(mark) for line in lines)
        most, lines_with = max(counts.items(), key=lambda item: (item[1], item[0]))
        share = lines_with / len(lines)
        if most > 0 and share > max(found, 0.5):
            # A later mark must fit clearly better: commas, which also stand within numbers, come late in the list.
            best, found = mark, share + 0.1
    return best


def _shape(encoding: str, delimiter: str, text: str, *, quoted: bool) -> TextShape:
    head = text.split("\n")[:_HEAD_LINES]
    lines = list(csv.reader(head, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE))
    width = Counter(map(len, filter(None, lines))).most_common(1)[0][0]
    # A spreadsheet may tell its delimiter in a line of its own: "sep=;".
    first = next(row for row, cells in enumerate(lines) if len(cells) == width and not cells[0].startswith("sep="))
    header = _is_header(lines[first])
    names = _unique(lines[first]) if header else tuple(str(number + 1) for number in range(width))
    return TextShape(encoding, delimiter, first + header, names, header, quoted)


def _is_header(cells: list[str]) -> bool:
    known = [cell.strip() for cell in cells if cell.strip() not in MISSING]
    if not known:
        return False
    column = pa.array(known)
    values = ~numbers(column).bad
    return not values.any() and all(guess_shape(pa.array([cell]), named=False) is None for cell in known)


def _unique(names: list[str]) -> tuple[str, ...]:
    out: list[str] = []
    for number, name in enumerate(names, 1):
        plain = re.sub(r"\s+", " ", name.strip()) or f"column {number}"
        out.append(plain if plain not in out else f"{plain} {number}")
    return tuple(out)
