"""Snapshots in a compacted topic: by generations, each whole or not there at all.

    name/partition/generation/chunk   at most 512 kB of the snapshot
    name/partition                    the manifest: which generation, at which offset, how many chunks, their digest

1. The chunks of a new generation are written under keys of their own and waited for.
2. The manifest is written by whoever commits the offset that it names, in the same transaction.
3. Only then are the chunks of all other generations deleted.

A set of which a chunk is missing or another than the manifest says is ignored: one that was cut off at 1 has no
manifest, at 2 neither, and after 2 it is whole. No two writers use the same generation: it ends in the writer's own
token, so that one who does not know yet that he has been replaced cannot write into his successor's.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import msgspec

from kilowatch.core.state import NewerStateError
from kilowatch.core.wire import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SNAPSHOT_V = 1
"""Format of manifests; that of the state within is its own."""
CHUNK_BYTES = 512_000


class StateLog(Protocol):
    """Keyed messages of one topic, of which the newest of each key is kept."""

    def write(self, partition: int, key: str, value: bytes | None) -> None:
        """Hand a message over; None deletes the key."""

    def wait(self) -> None:
        """Return once all that was written is safe; `ComponentError` where that cannot be said."""

    def read(self, partition: int) -> Iterable[tuple[str, bytes | None]]:
        """Yield the messages of a partition from the first to what is the last one now, deletions included."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a generation of chunks one snapshot: the offset of the first message that it has not seen."""

    v: int
    generation: str
    offset: int
    chunks: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole snapshot: the offset of the first message that it has not seen, and the packed state."""

    offset: int
    packed: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """A snapshot whose chunks are safe: it counts once its manifest is committed under its key."""

    partition: int
    generation: str
    key: str
    value: bytes


_manifest = msgspec.json.Decoder(Manifest)
_CHUNK_KEY = re.compile(r"/(\d{8,}-\w+)/(\d+)", re.ASCII)


@dataclass(slots=True)
class _Seen:
    """What a partition of the topic holds: chunks by generation, and manifests in the order in which they came."""

    chunks: dict[str, dict[int, bytes]] = field(default_factory=dict)
    manifests: list[Manifest] = field(default_factory=list)


class Snapshots:
    """Reads and writes the snapshots of one service, known by its name, such as the group's."""

    def __init__(self, log: StateLog, name: str, token: str) -> None:
        self._log = log
        self._name = name
        self._token = token
        self._numbers: dict[int, int] = {}
        self._present: dict[int, dict[str, int]] = {}

    def load(self, partition: int) -> Iterator[Snapshot]:
        """Yield the whole snapshots of a partition, the newest first; `NewerStateError` where one is newer."""
        seen = self._read(partition)
        self._numbers[partition] = max((_number(generation) for generation in seen.chunks), default=0)
        # Up to the highest chunk, not by their number: a set whose deletion was cut off lacks its first ones.
        self._present[partition] = {name: max(chunks) + 1 for name, chunks in seen.chunks.items() if chunks}
        for manifest in reversed(seen.manifests):
            packed = _joined(manifest, seen.chunks.get(manifest.generation, {}))
            if packed is not None:
                yield Snapshot(manifest.offset, packed)

    def write(self, partition: int, offset: int, packed: bytes) -> Draft:
        """Write the chunks of a new generation, wait until they are safe, and return its manifest."""
        number = self._numbers.get(partition, 0) + 1
        self._numbers[partition] = number
        generation = f"{number:08d}-{self._token}"
        chunks = [packed[at : at + CHUNK_BYTES] for at in range(0, len(packed), CHUNK_BYTES)] or [b""]
        # Noted before the first chunk leaves: where the writing fails, the next sweep finds what there is.
        self._present.setdefault(partition, {})[generation] = len(chunks)
        for place, chunk in enumerate(chunks):
            self._log.write(partition, self._chunk_key(partition, generation, place), chunk)
        self._log.wait()
        manifest = Manifest(
            v=SNAPSHOT_V,
            generation=generation,
            offset=offset,
            chunks=len(chunks),
            bytes=len(packed),
            sha256=hashlib.sha256(packed).hexdigest(),
        )
        return Draft(partition, generation, f"{self._name}/{partition}", msgspec.json.encode(manifest))

    def sweep(self, draft: Draft) -> None:
        """Delete the chunks of all generations but the one whose manifest is committed now."""
        present = self._present.get(draft.partition, {})
        for generation in [name for name in present if name != draft.generation]:
            for place in range(present.pop(generation)):
                # Not waited for: a chunk that stays is found by whoever takes over, and goes with its first sweep.
                self._log.write(draft.partition, self._chunk_key(draft.partition, generation, place), None)

    def _read(self, partition: int) -> _Seen:
        """Follow the partition's messages: deletions on the way keep what is held to a few generations."""
        seen, own = _Seen(), f"{self._name}/{partition}"
        for key, value in self._log.read(partition):
            if key == own and value is not None:
                seen.manifests.append(_read_manifest(value))
            elif (named := _CHUNK_KEY.fullmatch(key.removeprefix(own))) and key.startswith(own):
                chunks = seen.chunks.setdefault(named[1], {})
                if value is None:
                    chunks.pop(int(named[2]), None)
                else:
                    chunks[int(named[2])] = value
        return seen

    def _chunk_key(self, partition: int, generation: str, place: int) -> str:
        return f"{self._name}/{partition}/{generation}/{place}"


def _number(generation: str) -> int:
    return int(generation.partition("-")[0])


def _read_manifest(value: bytes) -> Manifest:
    """Return a manifest; one that cannot be read counts as one of a set that is torn."""
    try:
        manifest = _manifest.decode(value)
    except UNREADABLE:
        return Manifest(v=0, generation="", offset=-1, chunks=0, bytes=0, sha256="")
    if manifest.v > SNAPSHOT_V:
        raise NewerStateError(
            f"The snapshot has format {manifest.v}, this kilowatch reads up to {SNAPSHOT_V}.",
            "Use the kilowatch that wrote it, or a newer one.",
        )
    return manifest


def _joined(manifest: Manifest, chunks: dict[int, bytes]) -> bytes | None:
    """Return the bytes that a manifest promises, None where they are not there."""
    if not set(range(manifest.chunks)) <= set(chunks):
        return None
    packed = b"".join(chunks[place] for place in range(manifest.chunks))
    whole = len(packed) == manifest.bytes and hashlib.sha256(packed).hexdigest() == manifest.sha256
    return packed if whole else None
