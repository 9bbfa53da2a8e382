"""Judged samples and incident events from plain values, for the tests of app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from app.homes import START_MS
from core.messages import EVENT
from kilowatch.core.judged import Judged
from kilowatch.core.quantise import encode_watts
from kilowatch.core.samples import Samples
from kilowatch.core.segments import Segments

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from kilowatch.core.events import IncidentEvent

GRID_MS = 30_000


def judged_of(
    power_w: ArrayLike, *, score: ArrayLike | float = 0.5, slot: int = 0, start_ms: int = START_MS, **flags: ArrayLike
) -> Judged:
    """One device's samples at 30 s, expected between 10 and 20 W; flags: watching, held."""
    code = encode_watts(np.asarray(power_w, dtype=np.float64))
    size = len(code)
    slots = np.full(size, slot, dtype=np.int32)
    ts_ms = start_ms + GRID_MS * np.arange(size, dtype=np.int64)
    samples = Samples(
        segments=Segments.of_sorted(slots),
        slot=slots,
        ts_ms=ts_ms,
        local_ms=ts_ms,
        code=code,
        count=np.arange(1, size + 1),
        phase=slots.astype(np.uint32),
        grid_ms=np.full(size, GRID_MS, dtype=np.int64),
        held=np.broadcast_to(flags.get("held", False), size).astype(np.bool_),
        historical=np.zeros(size, dtype=np.bool_),
    )
    scores = np.broadcast_to(score, size).astype(np.float32)
    return Judged(
        samples=samples,
        score=scores,
        confirmed=scores,
        low_w=np.full(size, 10, dtype=np.float32),
        high_w=np.full(size, 20, dtype=np.float32),
        watching=np.broadcast_to(flags.get("watching", True), size).astype(np.bool_),
    )


def event_of(**changed: Any) -> IncidentEvent:
    """An event of a critical incident of the heater, as of START_MS."""
    facts: dict[str, Any] = {"device": "heater", "ts_ms": START_MS, "first_ms": START_MS, "last_ms": START_MS}
    return msgspec.structs.replace(EVENT, **(facts | {"observed_w": 1500.0} | changed))
