"""How saved state is compressed: by the standard library where there is little of it, else by Arrow's zstd."""

from __future__ import annotations

import zlib
from functools import cache
from typing import Protocol

LIGHT_BYTES = 16 * 2**20
"""Up to so many bytes of arrays are compressed without Arrow: a tenth of a second, and an edge has no more."""
_LIGHT, _LEVEL = 0x80, 1


class Codec(Protocol):
    """Compresses blocks of bytes."""

    def marked(self, version: int) -> int:
        """Return a format's number with the mark of this codec; who does not know it takes the format for newer."""

    def compress(self, raw: bytes) -> bytes:
        """Return fewer bytes."""

    def decompress(self, packed: bytes | memoryview, size: int) -> bytes:
        """Return at most `size` bytes, or one more; `ValueError` or `OSError` where they cannot be had."""


def codec_for(size: int) -> Codec:
    """Return the codec for so many bytes of arrays."""
    return _Light() if size <= LIGHT_BYTES else _heavy()


def codec_of(marked: int) -> tuple[int, Codec]:
    """Return a format's number without its mark, and the codec."""
    return (marked - _LIGHT, _Light()) if marked >= _LIGHT else (marked, _heavy())


class _Light:
    """zlib."""

    def marked(self, version: int) -> int:
        return version | _LIGHT

    def compress(self, raw: bytes) -> bytes:
        return zlib.compress(raw, _LEVEL)

    def decompress(self, packed: bytes | memoryview, size: int) -> bytes:
        try:
            # One byte more than promised shows that there is too much, and a few packed bytes cannot fill the memory.
            return zlib.decompressobj().decompress(packed, size + 1)
        except zlib.error as error:
            raise ValueError(str(error)) from error


@cache
def _heavy() -> Codec:
    return _Heavy()


class _Heavy:
    """Arrow's zstd; its library is loaded with the first."""

    def __init__(self) -> None:
        import pyarrow as pa

        self._error = pa.ArrowException
        self._codec = pa.Codec("zstd", compression_level=_LEVEL)

    def marked(self, version: int) -> int:
        return version

    def compress(self, raw: bytes) -> bytes:
        packed: bytes = self._codec.compress(raw, asbytes=True)
        return packed

    def decompress(self, packed: bytes | memoryview, size: int) -> bytes:
        try:
            raw: bytes = self._codec.decompress(packed, decompressed_size=size, asbytes=True)
        except self._error as error:
            raise ValueError(str(error)) from error
        return raw
