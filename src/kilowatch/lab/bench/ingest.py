"""What it costs to turn messages of `IoTDevices` into columns, in CPU time a reading."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kilowatch.app.ingest import Decoder, encode_reading
from kilowatch.core.device import Fleet, first_seen
from kilowatch.core.events import WIRE_V, Reading, ReadingColumns
from kilowatch.core.outputs import BenchRow

if TYPE_CHECKING:
    from collections.abc import Sequence

import msgspec

_AT_MS = 1_767_225_600_000
_BATCH = 5_000
_SITE_ROWS = 50


def rows(devices: int = 100_000, readings: int = 1_000_000) -> list[BenchRow]:
    """Return CPU microseconds a reading: single readings, the same with a register, and columns of one site."""
    fleet = Fleet([first_seen(*_name(number)) for number in range(devices)])
    shapes = {
        "ingest_us": [encode_reading(_reading(number, None)) for number in range(devices)],
        "ingest_register_us": [encode_reading(_reading(number, 10_433.2 + number)) for number in range(devices)],
        "ingest_columns_us": [_columns(number) for number in range(0, devices, _SITE_ROWS)],
    }
    return [
        BenchRow(name=name, value=_cost_us(fleet, what, readings), unit="us/reading") for name, what in shapes.items()
    ]


def _cost_us(fleet: Fleet, messages: Sequence[bytes], readings: int) -> float:
    decoder = Decoder(fleet)
    decoder.decode(messages[:1])  # learns the fleet
    # As many readings in a batch whatever the shape: a message in columns holds fifty.
    step = max(1, _BATCH * len(messages) // len(fleet))
    done, began = 0, time.process_time()
    while done < readings:
        for start in range(0, len(messages), step):
            done += len(decoder.decode(messages[start : start + step]).batch)
    return round((time.process_time() - began) / done * 1e6, 3)


def _name(number: int) -> tuple[str, str]:
    return f"home-{number // _SITE_ROWS:06d}", f"plug-{number % _SITE_ROWS:02d}"


def _reading(number: int, energy_wh: float | None) -> Reading:
    site, device = _name(number)
    power_w = float(number % 2000) / 10
    return Reading(
        v=WIRE_V,
        site=site,
        device=device,
        ts_ms=_AT_MS,
        received_ms=_AT_MS + 120,
        power_w=power_w,
        energy_wh=energy_wh,
    )


def _columns(first: int) -> bytes:
    numbers = range(first, first + _SITE_ROWS)
    columns = ReadingColumns(
        v=WIRE_V,
        site=_name(first)[0],
        device=[_name(number)[1] for number in numbers],
        ts_ms=[_AT_MS] * _SITE_ROWS,
        received_ms=[_AT_MS + 120] * _SITE_ROWS,
        power_w=[float(number % 2000) / 10 for number in numbers],
    )
    return msgspec.json.encode(columns)
