"""Protocol Buffers wire format, as much as it takes to read an ONNX file without a generated parser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# 64 bits at seven a byte.
_LONGEST_VARINT = 10
_HINT = "Fetch the file again, or promote an older model: kilowatch models rollback."


def torn(what: str) -> ModelError:
    """Return the error for a model file that cannot be parsed."""
    return ModelError(f"The model file is corrupt: {what}.", _HINT)


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the fields of a message: number, and an integer or bytes (fixed-width values stay bytes)."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise torn(f"unknown wire type {wire}")
        if size > len(data) - at:
            raise torn("it ends inside a field")
        yield key >> 3, data[at : at + size]
        at += size


def integers(value: int | memoryview) -> list[int]:
    """Return the signed integers of a repeated field, packed or not."""
    if isinstance(value, int):
        return [_signed(value)]
    found, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        found.append(_signed(number))
    return found


def text(value: int | memoryview) -> str:
    """Return a string field."""
    try:
        return str(blob(value), "utf-8")
    except UnicodeDecodeError:
        raise torn("a name is not UTF-8") from None


def blob(value: int | memoryview) -> memoryview:
    """Return a bytes or message field."""
    if isinstance(value, int):
        raise torn("a number stands where bytes belong")
    return value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    number = 0
    for place in range(_LONGEST_VARINT):
        if at >= len(data):
            raise torn("it ends inside a number")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, at
    raise torn("a number does not end")


def _signed(number: int) -> int:
    # A negative int32 or int64 is written as its 64-bit complement.
    return number - (1 << 64) if number >= 1 << 63 else number
