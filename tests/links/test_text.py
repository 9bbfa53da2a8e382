from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.links.files.chunks import LONGEST_LINE, read_chunks
from kilowatch.links.files.source import Unreadable
from kilowatch.links.files.text import TextShape, guess_delimiter, guess_text, place_texts, read_places
from links.tables import csv_lines, write

if TYPE_CHECKING:
    from pathlib import Path


def shape_of(path: Path) -> TextShape:
    return guess_text(path, read_places(path))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings_are_told_apart(tmp_path: Path, encoding: str) -> None:
    lines = ["Zeit;Küche W", *(f"2024-06-01 00:{minute:02d};{minute}" for minute in range(60))]
    shape = shape_of(write(tmp_path / "a.csv", lines, encoding))
    assert shape.names == ("Zeit", "Küche W")
    assert shape.encoding == encoding


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        ("2024-06-01 00:00:00,12.5", ","),
        ("2024-06-01 00:00:00;12,5", ";"),
        ("1717200000\t12,5\t3", "\t"),
        ("1717200000|12.5", "|"),
        ("1717200000 12.5", " "),
        ("1717200000,5;12,5;1,5", ";"),
    ],
)
def test_delimiters(line: str, mark: str) -> None:
    assert guess_delimiter([line] * 5) == mark


def test_a_header_is_told_from_data(tmp_path: Path) -> None:
    assert shape_of(write(tmp_path / "a.csv", csv_lines(5))).names == ("timestamp", "power_w")
    bare = shape_of(write(tmp_path / "b.csv", csv_lines(5, header="")))
    assert (bare.names, bare.header, bare.skip) == (("1", "2"), False, 0)


def test_lines_before_the_table_are_skipped(tmp_path: Path) -> None:
    shape = shape_of(write(tmp_path / "a.csv", ["sep=,", "exported by a logger", "", *csv_lines(9)]))
    assert (shape.names, shape.skip) == (("timestamp", "power_w"), 4)


def test_names_become_unique(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [",time,W,W", *(f"{n},171720{n:04d},1,2" for n in range(5))])
    assert shape_of(path).names == ("column 1", "time", "W", "W 4")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\n\n", "empty"),
        (b"\xff\xfe\n\x00\n\x00", "blank lines"),
        (b"\x1f\x8b\x08\x00rest", "gzip"),
        (b"PK\x03\x04rest", "zip or spreadsheet"),
        (bytes(range(256)) * 300, "not a text table"),
        (b"1717200000,5," * 20_000, "not a text table"),
    ],
)
def test_what_is_no_table_says_so(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(Unreadable, match=message) as caught:
        shape_of(path)
    assert caught.value.hint


def test_places_of_a_large_file_hold_whole_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", csv_lines(60_000), "utf-16")
    lines = set(csv_lines(60_000))
    texts = place_texts(read_places(path), "utf-16")
    assert len(texts) == 8
    assert all(line in lines for text in texts for line in text.splitlines())


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.text(st.sampled_from("ab,ü€\0"), max_size=12), min_size=1, max_size=30),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
    st.integers(1, 40),
)
def test_chunks_hold_every_line_whatever_their_size(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], end: str, encoding: str, size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "chunks.csv"
    path.write_bytes(end.join(lines).encode(encoding))
    chunks = list(read_chunks(path, encoding, size))
    text = b"".join(chunk.data for chunk in chunks).decode()
    if end != "\r" or size > 35:
        assert text == "\n".join(lines)
    numbers = [1 + b"".join(c.data for c in chunks[:place]).count(b"\n") for place in range(len(chunks))]
    assert [chunk.line for chunk in chunks] == numbers


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ["1717200000,5", "x" * (3 * LONGEST_LINE), "1717200030,6"])
    chunks = list(read_chunks(path, "utf-8", 1 << 16))
    assert max(len(chunk.data) for chunk in chunks) <= LONGEST_LINE + (1 << 16)
    assert sum(len(chunk.data) for chunk in chunks) == path.stat().st_size
