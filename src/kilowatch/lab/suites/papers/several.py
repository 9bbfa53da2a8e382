"""Several quantities at once, the second paper's future: does the evidence name the channel that was tampered with?

Subjects: a meter's power and current (COMBED), a home's power, voltage and current, and a plug with its home's total
(UCI). A model learns normal days; in windows of later days one channel is changed for a part of the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from pyarrow import parquet

from kilowatch.lab.datasets import Family, folder
from kilowatch.lab.suites.papers.ledger import Ledger
from kilowatch.nets.channels import ChannelModel
from kilowatch.nets.fit import TrainPlan
from kilowatch.nets.shapes import AutoencoderShape
from kilowatch.nets.train_channels import train_channels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

WINDOW = 60
_DAYS = 28
_SHARES = 0.5, 0.7
"""Of the days, where training and validation end; the rest is the test."""
_EPOCHS = 40
_MOST_TESTED = 200
_UNITS, _LATENT = 24, 8
_SEEN = 0.1
"""Of a channel's range: a change that moves it less is left out."""


class Change(StrEnum):
    """What is done to one channel for a part of a window."""

    SCALED = "half as much again"
    HELD = "held"
    SWAPPED = "of another time"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is watched together; read returns channels float32[n, channels] by row of the file."""

    name: str
    channels: tuple[str, ...]
    interval_s: float
    read: Callable[[], NDArray[np.float32]]


class SeveralRow(msgspec.Struct, frozen=True, kw_only=True):
    """One channel changed in one way: windows found, of those named right, and how well the part was told.

    overlap: the median, over windows named right, of samples both changed and named over samples either. quiet: normal
    test windows that are not odd.
    """

    subject: str
    channel: str
    change: str
    windows: int
    found: int
    named: int
    overlap: float | None
    quiet: float


def subjects() -> list[Subject]:
    """Return what the data can give."""
    return [
        *(_combed(name) for name in ("academic_block_floor_total_1", "academic_block_ups_sockets_3")),
        Subject("home", ("power_w", "voltage_v", "current_a"), 60.0, _home),
        Subject("water heater in a home", ("plug_w", "total_w"), 60.0, _heater),
    ]


def run_several(results: Path, seed: int, epochs: int = _EPOCHS) -> list[SeveralRow]:
    """Return the rows of all subjects; what lies in the file of results is not done again."""
    ledger = Ledger(results, SeveralRow)
    for subject in subjects():
        key = f"{subject.name}; seed {seed}; {epochs} epochs"
        if key not in ledger.read():
            ledger.add(key, measured(subject, seed, epochs))
    return [row for rows in ledger.read().values() for row in rows]


def measured(subject: Subject, seed: int, epochs: int) -> list[SeveralRow]:
    """Train on a subject's first days, and change each channel in each way on its last."""
    values = subject.read()
    train_end, validation_end = (round(share * len(values)) for share in _SHARES)
    # Overlapping, to have more to learn from; tested windows share no reading, so that each counts once.
    training = _windows(values[:train_end], WINDOW // 4)
    validation = _windows(values[train_end:validation_end], WINDOW // 2)
    test = _windows(values[validation_end:], WINDOW)
    shape = AutoencoderShape(
        window=WINDOW, filters=16, kernel=7, units=_UNITS, latent=_LATENT, channels=len(subject.channels), dropout=0.0
    )
    plan = TrainPlan(epochs=epochs, batch=64, learning_rate=3e-3, patience=8, seed=seed)
    model = ChannelModel.of(train_channels(training, validation, subject.channels, subject.interval_s, shape, plan))
    quiet = float((model.score(test) < model.card.threshold).mean())
    rng = np.random.default_rng(seed)
    tested = rng.permutation(len(test))[:_MOST_TESTED]
    return [
        _row(subject, model, test[tested], place, change, quiet, rng)
        for place in range(len(subject.channels))
        for change in Change
    ]


def changed(
    windows: NDArray[np.float32], place: int, change: Change, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return windows with one channel changed from a fourth to a half of their length, and where, bool[n, window].

    Left out are windows in which the change cannot be seen: it moves that channel less than `_SEEN`.
    """
    out, where = windows.copy(), np.zeros((len(windows), windows.shape[2]), dtype=np.bool_)
    span = float(np.ptp(windows[:, place]))
    # A window may be its own other: then nothing has moved, and it is left out below.
    for row, other in enumerate(rng.permutation(len(windows)).tolist()):
        length = int(rng.integers(WINDOW // 4, WINDOW // 2 + 1))
        first = int(rng.integers(0, WINDOW - length + 1))
        part = slice(first, first + length)
        own = windows[row, place, part]
        new = {
            Change.SCALED: own * 1.5,
            Change.HELD: np.full_like(own, own[0]),
            Change.SWAPPED: windows[other, place, part],
        }
        out[row, place, part] = new[change]
        where[row, part] = True
    by = np.abs(out - windows)[:, place].sum(axis=1) / where.sum(axis=1)
    moved = (by > 0) & (by >= _SEEN * span)
    return out[moved], where[moved]


def _row(
    subject: Subject,
    model: ChannelModel,
    windows: NDArray[np.float32],
    place: int,
    change: Change,
    quiet: float,
    rng: np.random.Generator,
) -> SeveralRow:
    odd, where = changed(windows, place, change, rng)
    found = np.flatnonzero(model.score(odd) >= model.card.threshold) if len(odd) else np.zeros(0, dtype=np.intp)
    told = [(row, model.evidence(odd[row])) for row in found.tolist()]
    right = [(row, one) for row, one in told if one.channel == subject.channels[place]]
    overlaps = []
    for row, one in right:
        named = np.zeros(WINDOW, dtype=np.bool_)
        named[one.first : one.last + 1] = True
        overlaps.append((named & where[row]).sum() / (named | where[row]).sum())
    return SeveralRow(
        subject=subject.name,
        channel=subject.channels[place],
        change=change.value,
        windows=len(odd),
        found=len(found),
        named=len(right),
        overlap=float(np.median(overlaps)) if overlaps else None,
        quiet=quiet,
    )


def _windows(values: NDArray[np.float32], stride: int) -> NDArray[np.float32]:
    """Return the whole windows float32[n, channels, window] of values float32[rows, channels]."""
    starts = np.arange(0, len(values) - WINDOW + 1, stride)
    cut = values[starts[:, None] + np.arange(WINDOW)].transpose(0, 2, 1)
    return np.ascontiguousarray(cut[np.isfinite(cut).all(axis=(1, 2))])


def _combed(name: str) -> Subject:
    def read() -> NDArray[np.float32]:
        table = parquet.read_table(folder(Family.COMBED) / f"{name}.parquet")
        return _stacked({column: table[column].to_numpy() for column in ("power_w", "current_a")})

    return Subject(name, ("power_w", "current_a"), 30.0, read)


def _home() -> NDArray[np.float32]:
    table = _uci()
    power_w = 1000 * table["global_active_power_kw"]
    return _stacked({"power_w": power_w, "voltage_v": table["voltage_v"], "current_a": table["global_intensity_a"]})


def _heater() -> NDArray[np.float32]:
    table = _uci()
    # Wh of one minute each: sixty of them an hour make W.
    plug_w, total_w = 60 * table["sub_metering_3_wh"], 1000 * table["global_active_power_kw"]
    return _stacked({"plug_w": plug_w, "total_w": total_w})


def _uci() -> dict[str, NDArray[np.float64]]:
    (path,) = folder(Family.UCI).glob("*.parquet")
    table = parquet.read_table(path).slice(0, _DAYS * 1440)
    return {name: table[name].to_numpy() for name in table.column_names if name != "timestamp"}


def _stacked(columns: Mapping[str, NDArray[np.floating]]) -> NDArray[np.float32]:
    return np.column_stack(list(columns.values())).astype(np.float32)
