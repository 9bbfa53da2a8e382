"""The NAB series of TSB-AD, the figures published for them, and their place on kilowatch's grid.

Q. Liu and J. Paparrizos, "The Elephant in the Room: Towards A Reliable Time-Series Anomaly Detection Benchmark"
(NeurIPS 2024, repository TheDatumOrg/TSB-AD). A file's name says how many points may be learnt from (`tr_N`) and where
the first anomaly is (`1st_M`). Labels there are one sample off the values; that is kept, or nothing would compare.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pyarrow import parquet

from kilowatch.errors import ReadingError
from kilowatch.lab.datasets import Family, folder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_NAME = re.compile(r"_tr_(?P<train>\d+)_1st_(?P<first>\d+)$")
# Columns of the published table that tell of a series, not of a method.
_NOT_METHODS = {"ts_len", "anomaly_len", "num_anomaly", "avg_anomaly_len", "anomaly_ratio", "point_anomaly"}
_NOT_METHODS |= {"seq_anomaly", "file"}


@dataclass(frozen=True, slots=True)
class NabSeries:
    """value float64[n], label bool[n]; train: the points that may be learnt from. published: VUS-PR by method."""

    name: str
    value: NDArray[np.float64]
    label: NDArray[np.bool_]
    train: int
    published: dict[str, float]


def nab_series() -> tuple[list[NabSeries], list[str]]:
    """Return the series with published figures, shortest first, and what was left out and why."""
    files = sorted(folder(Family.NAB).glob("*.parquet"))
    published = _published(folder(Family.NAB))
    found, left_out = [], []
    for file in files:
        if file.stem in published:
            found.append(_series(file, published[file.stem]))
        else:
            left_out.append(f"{file.stem} has no published figures beside it")
    if not found:
        raise ReadingError(
            f"No series in {folder(Family.NAB)} has published figures beside it.",
            "A CSV there must hold a column `file` and one column for each method.",
        )
    return sorted(found, key=lambda one: len(one.value)), left_out


def _published(place: Path) -> dict[str, dict[str, float]]:
    figures: dict[str, dict[str, float]] = {}
    for path in sorted(place.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                name = row.get("file", "").removesuffix(".csv")
                figures[name] = {key: float(value) for key, value in row.items() if key not in _NOT_METHODS}
    return figures


def _series(file: Path, published: dict[str, float]) -> NabSeries:
    match = _NAME.search(file.stem)
    if match is None:
        raise ReadingError(
            f"{file.name} does not say how much of it may be learnt from.", "Its name must end in _tr_N_1st_M."
        )
    table = parquet.read_table(file, columns=["value", "label"])
    value = table["value"].to_numpy().astype(np.float64)
    label = table["label"].to_numpy().astype(np.bool_)
    train, first = int(match["train"]), int(match["first"])
    if not label.any() or int(np.argmax(label)) != first:
        raise ReadingError(
            f"The labels of {file.name} do not fit its series: the first anomaly is not at {first}.",
            "Values and labels must come from the same file of the benchmark.",
        )
    if label[:train].any():
        raise ReadingError(
            f"Training and test of {file.name} overlap: there is an anomaly in its first {train} points.",
            "Only what comes before the first anomaly may be learnt from.",
        )
    return NabSeries(file.stem, value, label, train, published)
