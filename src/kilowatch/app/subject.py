"""A pipeline with the history that it learns from, and the state of both as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from kilowatch.app.packing import pack, unpack
from kilowatch.core.state import freeze, thaw
from kilowatch.core.wire import UNREADABLE
from kilowatch.errors import StateError

if TYPE_CHECKING:
    from kilowatch.app.pipeline import Pipeline
    from kilowatch.links.memory import MemoryHistory


class _Parts(msgspec.Struct, array_like=True):
    pipeline: bytes
    history: bytes | None


_parts = msgspec.msgpack.Decoder(_Parts)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is saved and handed over together. history: None where devices learn elsewhere, as a fleet's do."""

    pipeline: Pipeline
    history: MemoryHistory | None = None

    def save(self) -> bytes:
        """Return all that was come to know."""
        # Packed at once: what is frozen are the live arrays, not copies of them.
        history = None if self.history is None else pack(freeze(self.history))
        return msgspec.msgpack.encode(_Parts(pack(freeze(self.pipeline)), history))

    def load(self, saved: bytes) -> list[str]:
        """Go on from what `save` returned, in a freshly built subject; return the settings that differ.

        `StateError` where it is torn, of a newer format or of another make: then build another subject.
        """
        try:
            parts = _parts.decode(saved)
        except UNREADABLE as error:
            raise StateError(f"The saved state cannot be read: {error}.", "Use an older one.") from error
        changed = thaw(self.pipeline, unpack(parts.pipeline))
        if self.history is not None and parts.history is not None:
            changed += thaw(self.history, unpack(parts.history))
        return changed
