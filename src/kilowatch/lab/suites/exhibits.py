"""Pieces of series that are worth a picture: the worst miss and the worst false alarm."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.lab.suites.walk import REQUESTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.lab.measure import EventTimes
    from kilowatch.lab.suites.walk import Watched

_LEAST_AROUND_MS = 3 * 3_600_000
_ROWS = 360


class What(StrEnum):
    """Why something is shown."""

    MISS = "missed"
    FALSE_ALARM = "false alarm"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A piece of a series: local_ms int64[n], power_w, band and score float32[n], and the span that it is about.

    weight: how bad it is, larger is worse; only comparable within one sort.
    """

    what: What
    title: str
    weight: float
    local_ms: NDArray[np.int64]
    power_w: NDArray[np.float32]
    low_w: NDArray[np.float32]
    high_w: NDArray[np.float32]
    score: NDArray[np.float32]
    start_ms: int
    end_ms: int


def false_alarm_of(title: str, watched: Watched) -> Exhibit | None:
    """Return the incident with the highest score of a clean course, None where there is none."""
    incidents, judged = watched.incidents[REQUESTED], watched.judged
    worst: tuple[float, int, int] | None = None
    for start_ms, end_ms in zip(incidents.first_ms.tolist(), incidents.close_ms.tolist(), strict=True):
        inside = (judged.samples.ts_ms >= start_ms) & (judged.samples.ts_ms <= end_ms)
        peak = float(np.nanmax(judged.confirmed[inside], initial=0.0))
        if worst is None or peak > worst[0]:
            worst = peak, start_ms, end_ms
    return None if worst is None else _exhibit(What.FALSE_ALARM, title, worst[0], watched, worst[1], worst[2])


def miss_of(
    title: str, watched: Watched, events: EventTimes, found: NDArray[np.bool_], names: Sequence[str] = ()
) -> Exhibit | None:
    """Return the longest event that was missed, None where all were found; names: of the events, where they differ."""
    lasting_ms = np.where(found, 0, events.end_ms - events.start_ms)
    if not len(found) or found.all():
        return None
    row = int(np.argmax(lasting_ms))
    title = f"{title}: {names[row]}" if names else title
    start_ms, end_ms = int(events.start_ms[row]), int(events.end_ms[row])
    return _exhibit(What.MISS, title, float(lasting_ms[row]), watched, start_ms, end_ms)


def _exhibit(what: What, title: str, weight: float, watched: Watched, start_ms: int, end_ms: int) -> Exhibit:
    judged, samples = watched.judged, watched.judged.samples
    around_ms = max(_LEAST_AROUND_MS, end_ms - start_ms)
    first, after = np.searchsorted(samples.ts_ms, [start_ms - around_ms, end_ms + around_ms])
    # A picture has no room for more.
    rows = np.unique(np.linspace(first, max(after - 1, first), _ROWS).astype(np.intp))
    # That of its beginning serves: a change of clocks within a picture would tell nothing.
    offset_ms = int(samples.local_ms[rows[0]] - samples.ts_ms[rows[0]])
    return Exhibit(
        what=what,
        title=title,
        weight=weight,
        local_ms=samples.local_ms[rows],
        power_w=samples.power_w[rows],
        low_w=judged.low_w[rows],
        high_w=judged.high_w[rows],
        score=judged.confirmed[rows],
        start_ms=start_ms + offset_ms,
        end_ms=end_ms + offset_ms,
    )
