"""Windows to train on: cut from devices' pasts, split by time, and checked before a network sees them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.explain import clock
from kilowatch.errors import ConfigError, ReadingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.core.samples import Series

FEWEST = 20
"""Training windows below which no network learns anything."""
FEWEST_VALIDATION = 5
_TELLING = 0.25
"""A window is told from another by its values where at least this share of them differ from each other."""


@dataclass(frozen=True, slots=True)
class Windows:
    """n windows: power_w float32[n, window], oldest first; end_ms int64[n], the time of each one's last sample.

    source int32[n]: the row of `names`, site/device. label float32[n]: 1 for abnormal. interval_ms: the grid.
    """

    power_w: NDArray[np.float32]
    end_ms: NDArray[np.int64]
    source: NDArray[np.int32]
    label: NDArray[np.float32]
    names: tuple[str, ...]
    interval_ms: int

    def __len__(self) -> int:
        return len(self.power_w)

    @property
    def begin_ms(self) -> NDArray[np.int64]:
        """The time before each window's first sample began."""
        return self.end_ms - self.power_w.shape[1] * self.interval_ms

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Windows:
        """Return the windows at rows."""
        columns = (self.power_w[rows], self.end_ms[rows], self.source[rows], self.label[rows])
        return Windows(*columns, self.names, self.interval_ms)

    @classmethod
    def join(cls, parts: Sequence[Windows]) -> Windows:
        """Return all windows; a device that comes twice keeps one name. `ConfigError` where the grids differ."""
        grids = sorted({part.interval_ms for part in parts})
        if len(grids) != 1:
            seen = ", ".join(f"{grid / 1000:g} s" for grid in grids) or "none"
            raise ConfigError(f"The data lie on different grids: {seen}.", "Train on devices of one interval.")
        names = tuple(dict.fromkeys(name for part in parts for name in part.names))
        rows = [np.array([names.index(name) for name in part.names], dtype=np.int32)[part.source] for part in parts]
        columns = [
            np.concatenate([getattr(part, column) for part in parts]) for column in ("power_w", "end_ms", "label")
        ]
        return cls(columns[0], columns[1], np.concatenate(rows), columns[2], names, grids[0])


def cut(series: Series, window: int, stride: int, *, abnormal: bool = False) -> Windows:
    """Return the windows of a device's past, one every `stride` samples, each whole and usable throughout."""
    ends = np.arange(window - 1, len(series), stride)
    blind = np.concatenate([[0], np.cumsum(~series.usable)])
    # The count of unusable samples stands still over a window exactly where all of it is usable.
    whole = (series.count[ends] >= window) & (blind[ends + 1] == blind[ends + 1 - window])
    ends = ends[whole]
    power_w = series.power_w[ends[:, None] + np.arange(1 - window, 1)]
    return Windows(
        power_w=power_w,
        end_ms=series.ts_ms[ends],
        source=np.zeros(len(ends), dtype=np.int32),
        label=np.full(len(ends), float(abnormal), dtype=np.float32),
        names=(f"{series.record.site}/{series.record.device}",),
        interval_ms=series.grid_ms,
    )


def split_by_time(windows: Windows, validation_share: float) -> tuple[Windows, Windows]:
    """Return training and validation windows: of each device the last share validates, and none overlaps the border."""
    late = np.zeros(len(windows), dtype=np.bool_)
    early = np.zeros(len(windows), dtype=np.bool_)
    for source in range(len(windows.names)):
        rows = np.flatnonzero(windows.source == source)
        rows = rows[np.argsort(windows.end_ms[rows], kind="stable")]
        kept = rows[len(rows) - round(validation_share * len(rows)) :]
        late[kept] = True
        # Windows overlap: those that reach over the border go to neither side.
        border_ms = windows.begin_ms[kept].min() if len(kept) else np.iinfo(np.int64).max
        early[rows] = windows.end_ms[rows] <= border_ms
    return windows.take(early & ~late), windows.take(late)


def split_shuffled(windows: Windows, validation_share: float, seed: int) -> tuple[Windows, Windows]:
    """Return training and validation windows at random, as the edge paper does; for windows that do not overlap."""
    order = np.random.default_rng(seed).permutation(len(windows))
    border = len(windows) - round(validation_share * len(windows))
    return windows.take(np.sort(order[:border])), windows.take(np.sort(order[border:]))


def check_data(train: Windows, validation: Windows, *, labelled: bool) -> None:
    """Raise `ReadingError` or `ConfigError` where data cannot train a network honestly, naming what is wrong."""
    for name, part, fewest in (("training", train, FEWEST), ("validation", validation, FEWEST_VALIDATION)):
        if len(part) < fewest:
            hours = fewest * part.power_w.shape[1] * part.interval_ms / 3_600_000
            hint = f"Bring at least {hours:.0f} h of history without gaps, or take a shorter window or stride."
            raise ReadingError(f"{len(part)} {name} windows are too few; {fewest} are the least.", hint)
        broken = ~np.isfinite(part.power_w).all(axis=1)
        if broken.any():
            where = _place(part, int(np.flatnonzero(broken)[0]))
            raise ReadingError(
                f"{broken.sum()} {name} windows hold NaN or infinite watts, the first of {where}.", "Leave them out."
            )
        if labelled and len(np.unique(part.label)) < 2:
            only = "abnormal" if part.label[0] else "normal"
            raise ConfigError(f"All {name} windows are {only}.", "A classifier needs both: --data and --abnormal.")
    if train.power_w.min() == train.power_w.max():
        level = train.power_w[0, 0]
        raise ReadingError(f"Power never changes in training: always {level:g} W.", "Bring data in which it does.")
    refuse_overlap(train, validation)


def refuse_overlap(train: Windows, other: Windows) -> None:
    """Raise `ConfigError` naming device and time where windows of `other` share readings with training."""
    for row in range(len(other.names)):
        name = other.names[row]
        theirs = other.take(other.source == row)
        if name not in train.names or not len(theirs):
            continue
        ours = train.take(train.source == train.names.index(name))
        shared = _overlapping(ours, theirs)
        if shared.any():
            first = int(np.flatnonzero(shared)[0])
            message = f"{shared.sum()} windows of {name} share readings with training, the first at"
            raise ConfigError(f"{message} {clock(int(theirs.end_ms[first]), 'UTC', 0)}.", "Split by time or device.")
    _refuse_copies(train, other)


def _overlapping(ours: Windows, theirs: Windows) -> NDArray[np.bool_]:
    """Return which of theirs begin before one of ours ends and end after it begins, bool[n]."""
    ends = np.sort(ours.end_ms)
    # Ours are of one length, so the first to end after theirs begins is also the first to begin: it decides alone.
    after = np.searchsorted(ends, theirs.begin_ms, side="right")
    begins = np.append(ends - ours.power_w.shape[1] * ours.interval_ms, np.iinfo(np.int64).max)
    return begins[after] < theirs.end_ms


def _refuse_copies(train: Windows, other: Windows) -> None:
    """The same readings under another name leak too; windows of few distinct values may be alike by chance."""
    known = {digest: row for row, digest in _digests(train)}
    for row, digest in _digests(other):
        if digest in known:
            message = (
                f"A window of {_place(other, row)} is a copy of one of {_place(train, known[digest])}, in training."
            )
            raise ConfigError(message, "The same history may not be on both sides: split by time or device.")


def _digests(windows: Windows) -> list[tuple[int, bytes]]:
    distinct = 1 + (np.diff(np.sort(windows.power_w, axis=1), axis=1) > 0).sum(axis=1)
    telling = np.flatnonzero(distinct >= _TELLING * windows.power_w.shape[1])
    return [(row, sha256(windows.power_w[row].tobytes()).digest()) for row in telling.tolist()]


def _place(windows: Windows, row: int) -> str:
    return f"{windows.names[windows.source[row]]} at {clock(int(windows.end_ms[row]), 'UTC', 0)}"
