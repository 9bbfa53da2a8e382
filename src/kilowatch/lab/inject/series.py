"""One device's series from and to files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import DEFAULT_INTERVAL_S, DeviceRecord, Fleet
from kilowatch.core.reading import ReadingBatch
from kilowatch.errors import ReadingError
from kilowatch.lab.inject.trace import Trace
from kilowatch.links.files import ReadOptions, open_sources

if TYPE_CHECKING:
    from pathlib import Path

_NAMES_SHOWN = 8


def read_trace(path: Path, device: str | None = None, time_zone: str | None = None) -> tuple[Trace, DeviceRecord]:
    """Return one device's readings in file order, and who it is; `ReadingError` where it is not clear which.

    device: its name, only needed where the file holds several.
    """
    fleet = Fleet()
    sources = open_sources([path], ReadOptions(time_zone=time_zone)).sources
    readings = ReadingBatch.join([batch for source in sources for batch in source.batches(fleet)])
    slot = _slot(fleet, device)
    own = readings.take(readings.slot == slot)
    record = fleet.records[slot]
    return Trace(own.ts_ms, own.power_w, record.interval_s or DEFAULT_INTERVAL_S), record


def write_trace(path: Path, trace: Trace, record: DeviceRecord) -> None:
    """Write a series as CSV with every digit, so that labels of it still fit when it is read again."""
    stamps = np.datetime_as_string(trace.ts_ms.astype("datetime64[ms]"), unit="ms", timezone="UTC").tolist()
    # Only NaN is unlike itself: a missing reading is an empty cell, as people write it.
    watts = ("" if value != value else repr(value) for value in trace.power_w.tolist())
    name = f"{_quoted(record.site)},{_quoted(record.device)}"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("timestamp,site,device,power_w\n")
        file.writelines(f"{stamp},{name},{value}\n" for stamp, value in zip(stamps, watts, strict=True))


def _slot(fleet: Fleet, device: str | None) -> int:
    names = [record.device for record in fleet.records]
    if device is None and len(names) == 1:
        return 0
    if device is None or names.count(device) != 1:
        known = ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
        asked = "Injections go into one device" if device is None else f"{device!r} is not the name of one device"
        raise ReadingError(f"{asked}; the file has {known}.", "Name one of them with --device.")
    return names.index(device)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
