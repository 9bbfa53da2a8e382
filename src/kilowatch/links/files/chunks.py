"""Whole lines of a text file in bounded chunks of UTF-8."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilowatch.links.files.text import unify_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines as UTF-8, and the line number of the first."""

    data: bytes
    line: int


def read_chunks(path: Path, encoding: str, size: int) -> Iterator[Chunk]:
    """Yield a file's lines in chunks of about `size` bytes; what is not in the encoding becomes U+FFFD.

    A line that does not end is cut at `LONGEST_LINE`, so that memory stays bounded.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    rest, line = "", 1
    with path.open("rb") as file:
        while block := file.read(size):
            text = rest + decoder.decode(block)
            # A lone CR at the end may be half of a line end.
            held = "\r" if text.endswith("\r") else ""
            text = unify_lines(text[: len(text) - len(held)])
            end = text.rfind("\n") + 1
            if end == 0 and len(text) > LONGEST_LINE:
                end = len(text)
            if end:
                yield Chunk(text[:end].encode(), line)
                line += text.count("\n", 0, end)
            rest = text[end:] + held
    rest = unify_lines(rest + decoder.decode(b"", final=True))
    if rest:
        yield Chunk(rest.encode(), line)
