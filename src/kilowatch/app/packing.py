"""Frozen state as bytes: arrays byte-shuffled and compressed, a digest over all of it, nothing that can be run.

    magic, version | digest | sizes of the head | head: tree, array headers, block sizes | blocks of array bytes

What is small, the state of a home, is compressed by the standard library, and its version says so; the rest by Arrow's
zstd, several times as fast, at 36 MB of memory for the library.
What follows the last row of an array that differs from its very last one is left out: spare capacity costs nothing.
Each array is laid out in the way that makes a sample of it smallest: as it is, its bytes apart, or its differences.
"""

from __future__ import annotations

import hashlib
import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kilowatch.app.compression import Codec, codec_for, codec_of
from kilowatch.core.state import STATE_V, Frozen, NewerStateError
from kilowatch.core.state_nodes import Whole
from kilowatch.errors import StateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_RAW_BYTES = 8 * 2**30
"""A state that claims to be larger is refused before memory is asked for."""
_MAGIC = b"kwstate"
_MAX_HEAD_BYTES = 2**29
_PREFIX = struct.Struct(">7sB32sII")
_BLOCK = 4 * 2**20
_SAMPLE = 65_536
_SMALL = 512
# Numbers alone: a file that could ask for an array of objects could make us follow its pointers.
_DTYPES = frozenset({"|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8"})


class Layout(IntEnum):
    """How the bytes of an array lie before they are compressed."""

    PLAIN = 0
    APART = 1
    STEPS = 2


class _ArrayHead(msgspec.Struct, array_like=True):
    dtype: str
    shape: tuple[int, ...]
    kept: int
    layout: Layout
    by_place: bool


class _Head(msgspec.Struct, array_like=True):
    tree: Whole
    arrays: list[_ArrayHead]
    blocks: list[tuple[int, int]]


_head = msgspec.msgpack.Decoder(_Head)


def pack(frozen: Frozen) -> bytes:
    """Return a state as bytes."""
    heads, raws, codec = [], [], codec_for(sum(array.nbytes for array in frozen.arrays))
    version = codec.marked(frozen.version)
    for array in frozen.arrays:
        head, raw = _laid_out(array, codec)
        heads.append(head)
        raws.append(raw)
    blocks = [(len(block), codec.compress(block)) for block in _blocks(raws)]
    sizes = [(raw, len(packed)) for raw, packed in blocks]
    head_raw = msgspec.msgpack.encode(_Head(frozen.tree, heads, sizes))
    head_packed = codec.compress(head_raw)
    body = [head_packed, *(packed for _, packed in blocks)]
    digest = hashlib.sha256(struct.pack(">BII", version, len(head_raw), len(head_packed)))
    for part in body:
        digest.update(part)
    prefix = _PREFIX.pack(_MAGIC, version, digest.digest(), len(head_raw), len(head_packed))
    return b"".join([prefix, *body])


def unpack(packed: bytes) -> Frozen:
    """Return the state of bytes; `StateError` where they are torn, newer than this kilowatch, or no state at all."""
    version, codec, head_raw, head_size = _read_prefix(packed)
    try:
        at = _PREFIX.size + head_size
        head = _head.decode(_decompress(codec, packed[_PREFIX.size : at], head_raw, _MAX_HEAD_BYTES))
        return Frozen(version, head.tree, _read_arrays(codec, head, memoryview(packed)[at:]))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, OSError) as error:
        raise StateError(f"The saved state cannot be read: {error}.", "Use an older one.") from error
    except MemoryError as error:
        raise StateError("The saved state does not fit into memory.", "Use a machine with more memory.") from error


def _read_prefix(packed: bytes) -> tuple[int, Codec, int, int]:
    if len(packed) < _PREFIX.size or not packed.startswith(_MAGIC):
        raise StateError("This is no saved state, or only the beginning of one.", "Use an older one.")
    _, marked, digest, head_raw, head_size = _PREFIX.unpack_from(packed)
    version, codec = codec_of(marked)
    if version > STATE_V:
        raise NewerStateError(
            f"The saved state has format {version}, this kilowatch reads up to {STATE_V}.",
            "Use the kilowatch that wrote it, or a newer one.",
        )
    found = hashlib.sha256(struct.pack(">BII", marked, head_raw, head_size))
    found.update(memoryview(packed)[_PREFIX.size :])
    if found.digest() != digest:
        raise StateError("The saved state is torn: its digest does not fit.", "Use an older one.")
    return version, codec, head_raw, head_size


def _laid_out(array: NDArray[Any], codec: Codec) -> tuple[_ArrayHead, NDArray[np.uint8]]:
    """Return an array's header and its bytes, ready to be compressed."""
    by_place = array.ndim > 1 and array.flags.f_contiguous and not array.flags.c_contiguous
    kept = array[: _rows_to_keep(array)]
    flat = kept.T if by_place else kept
    layout = _best_layout(flat, codec)
    head = _ArrayHead(array.dtype.newbyteorder("<").str, array.shape, len(kept), layout, by_place)
    return head, _encode(flat.astype(head.dtype, copy=False), layout)


def _rows_to_keep(array: NDArray[Any]) -> int:
    """Return how many rows stand before the run of equal rows at the end, and one of that run."""
    rows = len(array)
    if rows < 2 or array.nbytes < _SMALL:
        return rows
    # Bytes are compared, not values: NaN is unlike itself and -0.0 like 0.0. Doubling steps from the end read
    # the spare room and little more, so a large array without any costs next to nothing.
    last, step = array[-1:].tobytes(), 64
    while rows > 1:
        low = max(0, rows - step)
        part = np.ascontiguousarray(array[low:rows]).view(np.uint8).reshape(rows - low, -1)
        differs = np.flatnonzero((part != np.frombuffer(last, dtype=np.uint8)).any(axis=1))
        if len(differs):
            return min(low + int(differs[-1]) + 2, len(array))
        rows, step = low, 2 * step
    return 1


def _best_layout(array: NDArray[Any], codec: Codec) -> Layout:
    choices = [Layout.PLAIN]
    if array.nbytes >= _SMALL and array.itemsize > 1:
        choices.append(Layout.APART)
        if array.ndim == 1 and array.dtype.kind in "iu":
            choices.append(Layout.STEPS)
    if len(choices) == 1:
        return Layout.PLAIN
    flat = array.reshape(-1) if array.flags.c_contiguous else np.ascontiguousarray(array).reshape(-1)
    middle = max(0, len(flat) // 2 - _SAMPLE // (2 * array.itemsize))
    sample = flat[middle : middle + _SAMPLE // array.itemsize]
    return min(choices, key=lambda layout: len(codec.compress(_encode(sample, layout).tobytes())))


def _encode(array: NDArray[Any], layout: Layout) -> NDArray[np.uint8]:
    flat = np.ascontiguousarray(array).reshape(-1)
    if layout is Layout.STEPS:
        # A difference may overflow: it wraps around, and the cumulative sum in the same type wraps back.
        flat = np.diff(flat, prepend=flat.dtype.type(0))
    octets = flat.view(np.uint8)
    if layout is Layout.PLAIN:
        return octets
    return np.ascontiguousarray(octets.reshape(-1, array.itemsize).T).reshape(-1)


def _decode(octets: NDArray[np.uint8], dtype: np.dtype[Any], layout: Layout) -> NDArray[Any]:
    if layout is not Layout.PLAIN:
        octets = np.ascontiguousarray(octets.reshape(dtype.itemsize, -1).T).reshape(-1)
    flat = octets.view(dtype)
    return np.cumsum(flat, dtype=dtype) if layout is Layout.STEPS else flat


def _blocks(raws: list[NDArray[np.uint8]]) -> list[bytes]:
    """Return the bytes of all arrays in blocks: small arrays together, large ones cut."""
    blocks, pending, size = [], [], 0
    for raw in raws:
        for at in range(0, len(raw), _BLOCK):
            part = raw[at : at + _BLOCK]
            pending.append(part.tobytes())
            size += len(part)
            if size >= _BLOCK:
                blocks.append(b"".join(pending))
                pending, size = [], 0
    return [*blocks, b"".join(pending)] if pending else blocks


def _decompress(codec: Codec, packed: bytes | memoryview, size: int, most: int) -> bytes:
    if not 0 <= size <= most:
        raise StateError(f"The saved state claims to have {size} bytes.", "Use an older one.")
    raw = codec.decompress(packed, size)
    if len(raw) != size:
        raise StateError("The saved state is shorter than it says.", "Use an older one.")
    return raw


def _read_arrays(codec: Codec, head: _Head, body: memoryview) -> list[NDArray[Any]]:
    # All sizes are held against each other before a block is opened: no claim of a file may ask for memory.
    sizes = [_checked_size(array) for array in head.arrays]
    if (
        sum(raw for raw, _ in head.blocks) != sum(kept for kept, _ in sizes)
        or sum(full for _, full in sizes) > MAX_RAW_BYTES
    ):
        raise StateError("The arrays of a saved state have other sizes than it says.", "Use an older one.")
    parts, at = [], 0
    for raw, packed in head.blocks:
        # A block is closed once it has `_BLOCK` bytes, and what fills it is a part of no more than that.
        parts.append(_decompress(codec, body[at : at + packed], raw, 2 * _BLOCK))
        at += packed
    octets, place, arrays = np.frombuffer(b"".join(parts), dtype=np.uint8), 0, []
    for array, (size, _) in zip(head.arrays, sizes, strict=True):
        arrays.append(_read_array(array, octets[place : place + size]))
        place += size
    return arrays


def _checked_size(head: _ArrayHead) -> tuple[int, int]:
    """Return the bytes an array has in the state, and in memory."""
    full = head.shape[0] if head.shape else 0
    if head.dtype not in _DTYPES or not head.shape or min(head.shape) < 0 or not min(full, 1) <= head.kept <= full:
        raise StateError(f"A saved state holds an array of {head.dtype} {head.shape}.", "Use an older one.")
    row = np.dtype(head.dtype).itemsize
    for length in head.shape[1:]:
        row *= length
    return head.kept * row, full * row


def _read_array(head: _ArrayHead, octets: NDArray[np.uint8]) -> NDArray[Any]:
    dtype = np.dtype(head.dtype)
    flat = _decode(octets, dtype, head.layout)
    shape = (head.kept, *head.shape[1:])
    kept = flat.reshape(shape[::-1]).T if head.by_place else flat.reshape(shape)
    if head.kept == head.shape[0]:
        return kept
    # Zeros that are never written to take no memory: what no device has, such as cycles in a fleet of meters, is free.
    whole = np.zeros(head.shape, dtype=dtype, order="F" if head.by_place else "C")
    whole[: head.kept] = kept
    if kept[-1:].tobytes().strip(b"\0"):
        whole[head.kept :] = kept[-1:]
    return whole
