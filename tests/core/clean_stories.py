"""Devices that misbehave in chapters, as batches of readings for the tests of cleaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from core.fleets import START_MS
from kilowatch.core.clean_reasons import Reason
from kilowatch.core.reading import ReadingBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kilowatch.core.clean import Cleaner

COLUMNS: dict[str, Any] = {
    "slot": np.int32,
    "ts_ms": np.int64,
    "power_w": np.float64,
    "received_ms": np.int64,
    "energy_wh": np.float64,
    "voltage_v": np.float32,
    "current_a": np.float32,
    "seq": np.int64,
    "backfill": np.bool_,
}
OPTIONAL = tuple(COLUMNS)[3:]
STEP_S = 300
INTERVAL: dict[str, Any] = {"interval_s": 300.0, "rating_w": 3000.0}
"""Values hold for 900 s."""


def batch_from(rows: Sequence[dict[str, Any]], without: Iterable[str] = ()) -> ReadingBatch:
    """Return a batch of rows, each a dict of columns; columns that no row has, or named in `without`, are absent."""
    named = [name for name in COLUMNS if name not in without and (name in rows[0] if rows else name not in OPTIONAL)]
    return ReadingBatch(**{name: np.array([row[name] for row in rows], dtype=COLUMNS[name]) for name in named})


def one_device(*readings: tuple[float, float], **columns: Sequence[Any]) -> ReadingBatch:
    """Return readings (seconds after the start, watts) of device 0, with further columns."""
    rows: list[dict[str, Any]] = [{"slot": 0, "ts_ms": START_MS + round(s * 1000), "power_w": w} for s, w in readings]
    for name, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    return batch_from(rows)


def verdicts(cleaner: Cleaner, batch: ReadingBatch) -> list[Reason]:
    """Return the reason of each reading of a batch of one device, in the order of arrival."""
    singles = [cleaner.clean(batch.take(slice(row, row + 1))) for row in range(len(batch))]
    return [Reason(int(np.concatenate([clean.reason, clean.rejected_reason])[0])) for clean in singles]


@dataclass
class Story:
    """One device with a true clock, a load and a register; `lag_ms` is how far its clock runs behind."""

    slot: int = 0
    now_ms: int = START_MS
    lag_ms: int = 0
    energy_wh: float = 50_000.0
    seq: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)

    def say(self, power_w: float, mean_w: float | None = None, **other: Any) -> None:
        """Let one step pass with a mean power, then send a reading."""
        self.now_ms += STEP_S * 1000
        self.energy_wh += (power_w if mean_w is None else mean_w) * STEP_S / 3600
        self.seq += 1
        row = {"slot": self.slot, "ts_ms": self.now_ms - self.lag_ms, "power_w": power_w}
        row |= {"received_ms": self.now_ms + 40, "energy_wh": self.energy_wh, "seq": self.seq, "backfill": False}
        row |= {"voltage_v": np.nan, "current_a": np.nan}
        self.rows.append(row | other)


def steady(story: Story) -> None:
    for watts in (90.0, 91.5, 0.0, 89.0):
        story.say(watts)


def oddities(story: Story) -> None:
    for watts in (1e-17, -0.4, -50.0, float("nan"), float("inf"), 12_500.0, -0.0):
        story.say(watts, mean_w=0.0)


def repeats(story: Story) -> None:
    story.say(70.0)
    story.rows += [dict(story.rows[-1]), story.rows[-1] | {"seq": story.seq + 1, "power_w": 71.0}]
    story.seq += 1


def stragglers(story: Story) -> None:
    for _ in range(3):
        story.say(80.0)
    last = story.rows[-1]
    story.rows += [last | {"ts_ms": last["ts_ms"] - behind} for behind in (10_000, 900_000, 600_000, 3_600_000)]


def clock_back(story: Story) -> None:
    story.lag_ms += 3_600_000
    for watts in range(8):
        story.say(60.0 + watts)


def clock_right(story: Story) -> None:
    story.lag_ms = 0
    story.say(60.0)


def clock_ahead(story: Story) -> None:
    story.say(50.0)
    last = story.rows[-1]
    for ahead_ms in (7_200_000, 7_230_000):
        story.rows.append(last | {"ts_ms": last["received_ms"] + ahead_ms, "received_ms": last["received_ms"] + 5000})


def clock_unset(story: Story) -> None:
    story.say(50.0, ts_ms=12_345)
    story.say(50.0, ts_ms=4_102_444_800_000)


def outage(story: Story) -> None:
    story.now_ms += 86_400_000
    story.energy_wh += 1500.0
    story.say(100.0)


def drain(story: Story) -> None:
    story.now_ms += 3_600_000
    for _ in range(6):
        story.say(100.0, received_ms=story.now_ms + 3_600_000)
    story.now_ms += 3_600_000


def sent_later(story: Story) -> None:
    story.say(100.0, backfill=True)


def misread(story: Story) -> None:
    story.say(1200.0)
    story.say(0.0, mean_w=1180.0)
    story.say(0.0)


def register_troubles(story: Story) -> None:
    story.say(100.0, energy_wh=float("nan"))
    story.say(100.0)
    story.energy_wh = 3.0
    story.say(100.0)
    story.energy_wh = 99_998.0
    story.say(10.0)
    story.energy_wh = 0.5
    story.say(10.0)
    story.energy_wh += 20_000.0
    story.say(10.0)


def into_kilowatts(story: Story) -> None:
    story.say(1500.0)
    for _ in range(7):
        story.say(1.5, mean_w=1500.0)


def kilowatts(story: Story) -> None:
    into_kilowatts(story)
    story.say(1500.0)


def milliwatts(story: Story) -> None:
    story.say(2.0, mean_w=1.5)
    for _ in range(7):
        story.say(2000.0, mean_w=2.0)


def slipped_against_current(story: Story) -> None:
    story.say(0.46, mean_w=460.0, voltage_v=230.0, current_a=2.1)
    story.say(460_000.0, mean_w=460.0, voltage_v=230.0, current_a=2.1)


def stuck(story: Story) -> None:
    for _ in range(76):
        story.say(42.0, mean_w=0.0)


CHAPTERS: tuple[Callable[[Story], None], ...] = (
    steady,
    oddities,
    repeats,
    stragglers,
    clock_back,
    clock_right,
    clock_ahead,
    clock_unset,
    outage,
    drain,
    sent_later,
    misread,
    register_troubles,
    kilowatts,
    milliwatts,
    slipped_against_current,
    stuck,
)


def told(slot: int, chapters: Iterable[Callable[[Story], None]]) -> list[dict[str, Any]]:
    """Return the rows of a device that lives through the chapters."""
    story = Story(slot)
    for chapter in chapters:
        chapter(story)
    return story.rows
