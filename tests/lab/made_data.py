"""Small data sets in the shape of the real ones, so that every suite can run without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from lab.made_traces import DAY_MS, START_MS, meter

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MINUTE_MS = 60_000
DAYS = 6
FAULTY_RUN = 45
"""Minutes of a run with the minutes put in; a sound one lasts 20."""


def combed(root: Path, days: int = 20) -> Path:
    """Two meters, a reading every 5 min."""
    folder = root / "combed"
    folder.mkdir(parents=True)
    for seed, name in enumerate(("floor_total_1", "ahu_0")):
        trace = meter(days, 300.0, seed)
        stamps = pa.array(trace.ts_ms, pa.timestamp("ms", "UTC"))
        parquet.write_table(pa.table({"timestamp": stamps, "power_w": trace.power_w}), folder / f"{name}.parquet")
    return folder


def day_of_runs(day: int, seed: int = 0) -> NDArray[np.float64]:
    """1,440 minutes of a load that runs 20 min of each hour."""
    rng = np.random.default_rng(1000 * seed + day)
    on = np.arange(1440) % 60 < 20
    return np.where(on, 90 + np.round(rng.normal(0, 2, 1440)), 0.0)


def stamps_of(day: int, size: int) -> NDArray[np.int64]:
    """Each day begins at another hour, two days after the one before."""
    return START_MS + 2 * day * DAY_MS + day * 3_600_000 + MINUTE_MS * np.arange(size)


def faulty(watts: NDArray[np.float64], run: int) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """The same day with 25 labelled minutes put at the end of one run."""
    at = 60 * run + 20
    inserted = np.full(FAULTY_RUN - 20, watts[at - 1])
    label = np.zeros(len(watts) + len(inserted), dtype=np.int8)
    label[at : at + len(inserted)] = 1
    return np.concatenate([watts[:at], inserted, watts[at:]]), label


def appliances(root: Path, devices: tuple[str, ...] = ("fridge_9",), days: int = DAYS) -> Path:
    """Normal days, and for each of them two faulty versions."""
    folder = root / "appliance_faults"
    folder.mkdir(parents=True, exist_ok=True)
    normal, labelled = [], []
    for seed, device in enumerate(devices):
        for day in range(1, days + 1):
            watts = day_of_runs(day, seed)
            normal.append(_rows(device, day, watts))
            for fault, run in (("early", 4), ("late", 15)):
                odd, label = faulty(watts, run)
                extra = {"fault": [fault] * len(odd), "label": label}
                labelled.append(_rows(device, day, odd, **extra))
    parquet.write_table(pa.concat_tables(normal), folder / "normal.parquet")
    parquet.write_table(pa.concat_tables(labelled), folder / "labelled.parquet")
    return folder


def _rows(device: str, day: int, watts: NDArray[np.float64], **extra: object) -> pa.Table:
    size = len(watts)
    stamps = pa.array(stamps_of(day, size), pa.timestamp("ms"))
    columns = {"device": [device] * size, "day": np.full(size, day, dtype=np.int8), "timestamp": stamps}
    return pa.table({**columns, "power_w": watts, **extra})


def nab(root: Path, series: int = 3) -> Path:
    """Waves with a flat piece in them, and figures of three methods."""
    folder = root / "nab_tsbad"
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["file,Best,AutoEncoder,Worst,ts_len"]
    for number in range(series):
        name = nab_name(number)
        value, label = wave(number)
        parquet.write_table(pa.table({"value": value, "label": label}), folder / f"{name}.parquet")
        lines.append(f"{name}.csv,0.5,{0.2 + 0.3 * number},0.1,{len(value)}")
    (folder / "published.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def nab_name(number: int) -> str:
    return f"00{number}_NAB_id_{number}_Made_tr_700_1st_1500"


def wave(seed: int, size: int = 2000) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """A wave of 48 points with noise; points 1500 to 1599 stand still."""
    rng = np.random.default_rng(seed)
    value = 10 + 3 * np.sin(2 * np.pi * np.arange(size) / 48) + rng.normal(0, 0.2, size)
    value[1500:1600] = 10.0
    label = np.zeros(size, dtype=np.int8)
    label[1500:1600] = 1
    return value, label
