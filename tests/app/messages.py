"""Readings and messages for tests of what comes in."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

from kilowatch.core.events import Reading, ReadingColumns

AT_MS = 1_767_225_600_000
_NAMES = st.sampled_from(["fridge", "tv", "washer", "Büro", "x" * 128])
_SITES = st.sampled_from(["home", "anna", "mühle"])
_TIMES = st.integers(AT_MS, AT_MS + 10_000)
_POWERS = st.floats(-1e9, 1e9, allow_nan=False)
_OPTIONAL = {
    "voltage_v": st.sampled_from([229.75, 0.0, -1.5]),
    "current_a": st.sampled_from([0.5, 12.25]),
    "energy_wh": st.floats(0, 1e15),
    "on": st.booleans(),
    "seq": st.integers(0, 2**63 - 1),
    "received_ms": _TIMES,
    "source": st.sampled_from(["shelly", "zigbee"]),
}


def plain(**changes: Any) -> dict[str, Any]:
    """Return the fields of a reading."""
    return {"v": 1, "site": "home", "device": "fridge", "ts_ms": AT_MS, "power_w": 92.5} | changes


def as_json(fields: object) -> bytes:
    """Return fields as a message."""
    return msgspec.json.encode(fields)


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    """Draw a reading with some of what is optional."""
    given: dict[str, Any] = {name: draw(values) for name, values in _OPTIONAL.items() if draw(st.booleans())}
    return Reading(
        v=1,
        site=draw(_SITES),
        device=draw(_NAMES),
        ts_ms=draw(_TIMES),
        power_w=draw(_POWERS),
        backfill=draw(st.booleans()),
        **given,
    )


@st.composite
def batches(draw: st.DrawFn) -> ReadingColumns:
    """Draw readings of one site as columns, each optional one there, absent or full of holes."""
    rows = draw(st.integers(1, 5))
    given: dict[str, Any] = {}
    for name, values in _OPTIONAL.items():
        if draw(st.booleans()):
            holes = values if name == "received_ms" else values | st.none()
            given[name] = draw(st.lists(holes, min_size=rows, max_size=rows))
    return ReadingColumns(
        v=1,
        site=draw(_SITES),
        device=draw(st.lists(_NAMES, min_size=rows, max_size=rows)),
        ts_ms=draw(st.lists(_TIMES, min_size=rows, max_size=rows)),
        power_w=draw(st.lists(_POWERS, min_size=rows, max_size=rows)),
        **given,
    )
