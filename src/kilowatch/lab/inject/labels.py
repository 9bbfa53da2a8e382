"""Label files: which readings of a series were changed, how, and with which seed, bound to that very series."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from kilowatch.errors import ReadingError
from kilowatch.lab.inject.apply import event_times
from kilowatch.lab.inject.spec import InjectionSpec

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from kilowatch.lab.inject.apply import Injected
    from kilowatch.lab.inject.trace import Trace
    from kilowatch.lab.measure.times import EventTimes

SCHEMA = "kilowatch.labels"
VERSION = 1


class SeriesMark(msgspec.Struct, frozen=True):
    """What a series is known by: its length, its span and a SHA-256 over its times in ms and its watts in mW."""

    rows: int
    first_ms: int
    last_ms: int
    sha256: str

    @classmethod
    def of(cls, trace: Trace) -> SeriesMark:
        """Return the mark of a series; what a CSV file with all digits keeps, keeps the mark."""
        known = np.isfinite(trace.power_w)
        # Whole mW of one byte order: what a file or another machine does to the last bits does not change the mark.
        milliwatts = np.rint(np.where(known, trace.power_w, 0.0) * 1000).astype("<i8")
        milliwatts[~known] = np.iinfo(np.int64).min
        digest = hashlib.sha256(trace.ts_ms.astype("<i8").tobytes() + milliwatts.tobytes()).hexdigest()
        return cls(len(trace), int(trace.ts_ms[0]), int(trace.ts_ms[-1]), digest)


class LabelFile(msgspec.Struct, frozen=True, kw_only=True):
    """Labels of one series: rows changed as [first, after) pairs, and the resolved specs, seen and not."""

    schema: str = SCHEMA
    version: int = VERSION
    series: SeriesMark
    rows: list[tuple[int, int]]
    injections: list[InjectionSpec]
    invisible: list[InjectionSpec]

    @classmethod
    def of(cls, injected: Injected) -> LabelFile:
        """Return the labels of a series with injections."""
        edge = np.diff(injected.mask.astype(np.int8), prepend=0, append=0)
        runs = zip(np.flatnonzero(edge == 1).tolist(), np.flatnonzero(edge == -1).tolist(), strict=True)
        return cls(
            series=SeriesMark.of(injected.trace),
            rows=list(runs),
            injections=list(injected.specs),
            invisible=list(injected.invisible),
        )

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The changed readings, bool[n]."""
        mask = np.zeros(self.series.rows, dtype=np.bool_)
        for first, after in self.rows:
            mask[first:after] = True
        return mask

    @property
    def events(self) -> EventTimes:
        """One event for each injection that shows."""
        return event_times(self.injections)


def write_labels(path: Path, injected: Injected) -> None:
    """Write the labels of a series with injections as one JSON object."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(LabelFile.of(injected)), indent=2) + b"\n")


def read_labels(path: Path, trace: Trace) -> LabelFile:
    """Read labels and check that they are of this very series; `ReadingError` where they are not."""
    try:
        labels = msgspec.json.decode(path.read_bytes(), type=LabelFile)
    except (OSError, msgspec.DecodeError) as error:
        raise ReadingError(
            f"{path.name} is no label file: {error}", "`kilowatch inject --labels` writes one."
        ) from error
    if labels.schema != SCHEMA or labels.version != VERSION:
        raise ReadingError(
            f"{path.name} is {labels.schema} version {labels.version}, not {SCHEMA} version {VERSION}.",
            "Write it again with this version of kilowatch.",
        )
    _refuse_other_series(path.name, labels.series, SeriesMark.of(trace))
    _refuse_bad_rows(path.name, labels)
    return labels


def _refuse_other_series(name: str, labelled: SeriesMark, given: SeriesMark) -> None:
    hint = "Labels belong to the series written with them, every reading in its place."
    if labelled.rows != given.rows:
        raise ReadingError(f"{name} labels {labelled.rows} readings, the series has {given.rows}.", hint)
    if (labelled.first_ms, labelled.last_ms) != (given.first_ms, given.last_ms):
        raise ReadingError(
            f"{name} labels {labelled.first_ms}..{labelled.last_ms}, the series is {given.first_ms}..{given.last_ms}.",
            hint,
        )
    if labelled.sha256 != given.sha256:
        raise ReadingError(f"{name} labels another series of the same length and span: its readings differ.", hint)


def _refuse_bad_rows(name: str, labels: LabelFile) -> None:
    # Pairs in a row rise throughout exactly where none is empty, and none touches or overlaps another.
    bounds = np.array(labels.rows, dtype=np.int64).ravel()
    inside = len(bounds) == 0 or (bounds[0] >= 0 and bounds[-1] <= labels.series.rows)
    if not inside or (np.diff(bounds) <= 0).any():
        raise ReadingError(f"{name} has rows that are out of order or outside the series.", "Write it again.")
    if any(spec.seen_ms is None or spec.gone_ms is None for spec in labels.injections):
        raise ReadingError(f"{name} has an injection without its times.", "Write it again.")
