"""The newest of every device in arrays: what the judge has just seen, for pages to look at as often as they like."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import grown
from kilowatch.core.segments import Segments
from kilowatch.web.rings import Rings
from kilowatch.web.views import Changes, LiveDevice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from kilowatch.core.device import Fleet
    from kilowatch.core.events import IncidentEvent
    from kilowatch.core.judged import Judged
    from kilowatch.core.learning import Curriculum
    from kilowatch.core.reading import ReadingBatch
    from kilowatch.core.staleness import StalenessTracker
    from kilowatch.core.threshold import Thresholds
    from kilowatch.web.ports import RecentPoints, Step

POINTS = 720
"""Samples kept of a device: six hours at 30 s."""
MOST_RINGS = 2_000
"""Devices of which samples are kept, 17 kB each; of the others only the newest, and history tells the rest."""
# A browser that was cut off for longer than these looks at everything anew (`Changes.is_whole`).
_EVENTS = 2_000
_NEVER_MS = np.iinfo(np.int64).max


class LiveBook:
    """Keeps `kilowatch.web.ports.Live` and `kilowatch.app.edge.edge.Listener`. `watch` it before the first step."""

    def __init__(self, points: int = POINTS, most_rings: int = MOST_RINGS) -> None:
        self._points, self._most_rings = points, most_rings
        self._lock = threading.Lock()
        self._mark = 0
        self._fleet: Fleet | None = None
        self._curriculum: Curriculum | None = None
        self._thresholds: Thresholds | None = None
        self._staleness: StalenessTracker | None = None
        self._names: list[tuple[str, str]] = []
        self._slots: dict[tuple[str, str], int] = {}
        self._silent = np.zeros(0, dtype=np.bool_)
        self._events: deque[tuple[int, IncidentEvent]] = deque(maxlen=_EVENTS)
        self._power_w = np.full(0, np.nan)
        self._power_ms = np.full(0, -1, dtype=np.int64)
        self._on = np.full(0, -1, dtype=np.int8)
        self._moved = np.zeros(0, dtype=np.int64)
        self._newest = Rings(1)
        self._rings = Rings(points)

    def watch(
        self,
        fleet: Fleet,
        curriculum: Curriculum | None = None,
        thresholds: Thresholds | None = None,
        staleness: StalenessTracker | None = None,
    ) -> None:
        """Name the devices by slot, and what else is known of them where that lives in this process."""
        self._fleet, self._curriculum = fleet, curriculum
        self._thresholds, self._staleness = thresholds, staleness

    def happened(self, events: Sequence[IncidentEvent]) -> None:
        """Take incident events."""
        with self._lock:
            self._mark += 1
            self._events.extend((self._mark, event) for event in events)

    def stepped(self, result: Step) -> None:
        """Take readings and judged samples."""
        with self._lock:
            self._begin()
            self._take(result.clean.readings, result.clean.segments)
            for judged in result.judged:
                self._put(judged)
            if self._staleness is not None:
                # A copy: the tracker is the judge's, and changes while pages look.
                self._silent = self._staleness.silent.copy()

    def heard(self, batch: ReadingBatch) -> None:
        """Take readings that are judged elsewhere: they are shown, without a band and a score."""
        order, segments = Segments.sort(batch.slot)
        readings = batch.take(order)
        with self._lock:
            self._begin()
            self._take(readings, segments)
            for rings in (self._newest, self._rings):
                rings.put(segments, readings.ts_ms, readings.power_w)

    def of(self, site: str, device: str) -> LiveDevice:
        """Return how a device stands; all None where nothing was heard of it."""
        with self._lock:
            slot = self._slot(site, device)
            return LiveDevice(site=site, device=device) if slot is None else self._read([slot])[0]

    def all(self) -> Mapping[tuple[str, str], LiveDevice]:
        """Return how every device stands that was heard of."""
        with self._lock:
            slots = np.flatnonzero(self._moved > 0).tolist()
            return {(one.site, one.device): one for one in self._read(slots)}

    def recent(self, site: str, device: str, from_ms: int = 0) -> RecentPoints:
        """Return a device's newest samples with ts_ms >= from_ms, oldest first."""
        with self._lock:
            slot = self._slot(site, device)
            if slot is None:
                return self._rings.none()
            rings = self._rings if slot < self._rings.size else self._newest
            return rings.points_of(slot, from_ms)

    def changes(self, since: int) -> Changes:
        """Return what is new since a mark that an earlier call gave; since -1: nothing but the present mark."""
        with self._lock:
            # A mark that is still to come is none of ours: who has it must look at everything anew.
            if since < 0 or since > self._mark:
                return Changes(mark=self._mark, devices=[], events=[], is_whole=since < 0)
            devices = self._read(np.flatnonzero(self._moved > since).tolist())
            events = [event for mark, event in self._events if mark > since]
            # A full deque has let go only of marks up to that of its oldest event: who knows that mark missed nothing.
            is_whole = len(self._events) < _EVENTS or self._events[0][0] <= since
            return Changes(mark=self._mark, devices=devices, events=events, is_whole=is_whole)

    def threshold_words(self, site: str, device: str) -> str:
        """Say what a device's threshold rests on; empty where it has none."""
        with self._lock:
            slot = self._slot(site, device)
        if slot is None or self._thresholds is None or slot >= len(self._thresholds.state()["level"]):
            return ""
        return self._thresholds.sentence(slot)

    def _slot(self, site: str, device: str) -> int | None:
        return self._slots.get((site, device))

    def _reserve(self) -> None:
        """Take in devices that joined; the fleet itself is the judge's, and changes while pages look."""
        if self._fleet is None or len(self._fleet) == len(self._names):
            return
        for record in self._fleet.records[len(self._names) :]:
            name = record.site, record.device
            self._slots[name] = len(self._names)
            self._names.append(name)
        size = len(self._names)
        if size > len(self._moved):
            # More than is needed: each growth copies the rings of all devices.
            room = size + size // 4 + 8
            self._power_w = grown(self._power_w, room, np.nan)
            self._power_ms = grown(self._power_ms, room, -1)
            self._on = grown(self._on, room, -1)
            self._moved = grown(self._moved, room)
            self._newest.reserve(room)
            self._rings.reserve(min(room, self._most_rings))

    def _begin(self) -> None:
        self._mark += 1
        self._reserve()

    def _take(self, readings: ReadingBatch, segments: Segments) -> None:
        """Keep the last reading of each device; they are sorted by device."""
        slots, ends = segments.slot, segments.ends
        if len(slots):
            # A device has one segment, so that no slot stands here twice.
            self._power_w[slots] = readings.power_w[ends]
            self._power_ms[slots] = readings.ts_ms[ends]
            self._on[slots] = -1 if readings.on is None else readings.on[ends]
            self._moved[slots] = self._mark

    def _put(self, judged: Judged) -> None:
        if not len(judged.samples):
            return
        samples = judged.samples
        self._moved[samples.segments.slot] = self._mark
        columns = (samples.power_w, judged.confirmed, judged.low_w, judged.high_w)
        for rings in (self._newest, self._rings):
            rings.put(samples.segments, samples.ts_ms, *columns)

    def _read(self, slots: list[int]) -> list[LiveDevice]:
        if self._fleet is None or not slots:
            return []
        rows = np.array(slots, dtype=np.intp)
        return [self._device(slot, share) for slot, share in zip(slots, self._shares(rows).tolist(), strict=True)]

    def _device(self, slot: int, share: float) -> LiveDevice:
        assert self._fleet is not None  # noqa: S101 - `_read` has looked
        newest = self._newest
        site, device = self._names[slot]
        power_ms, on = int(self._power_ms[slot]), int(self._on[slot])
        power_w = None if power_ms < 0 else round(float(self._power_w[slot]), 1)
        return LiveDevice(
            site=site,
            device=device,
            power_w=power_w,
            power_ms=None if power_ms < 0 else power_ms,
            # Where the source does not tell of a switch, what is drawn has to.
            is_on=None if power_w is None else bool(on) if on >= 0 else power_w >= float(self._fleet.off_below_w[slot]),
            sample_ms=int(newest.ts_ms[slot, 0]) if newest.count[slot] else None,
            score=_known(newest.score[slot, 0]),
            low_w=_known(newest.low_w[slot, 0]),
            high_w=_known(newest.high_w[slot, 0]),
            threshold=self._threshold(slot),
            learning_share=share,
            is_silent=slot < len(self._silent) and bool(self._silent[slot]),
        )

    def _threshold(self, slot: int) -> float | None:
        if self._thresholds is None or slot >= len(self._thresholds.state()["level"]):
            return None
        return _known(self._thresholds.levels(np.array([slot]))[0])

    def _shares(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return how much of its learning time each device has behind it, float64[n]."""
        plan = self._curriculum
        if plan is None or rows.max() >= len(plan.due_ms):
            return np.zeros(len(rows))
        # Read without the judge's consent while it may write: a share that is one step old harms nobody.
        first_ms, due_ms = plan.first_ms[rows], plan.due_ms[rows]
        learnt = plan.watching_since_ms[rows] != _NEVER_MS
        span_ms = np.maximum(due_ms - first_ms, 1)
        share = np.clip((self._newest.ts_ms[rows, 0] - first_ms) / span_ms, 0.0, 1.0)
        return np.where(learnt, 1.0, np.round(np.where(first_ms > 0, share, 0.0), 4))


def _known(value: np.float32) -> float | None:
    """Return a value rounded for people, None where it is not known."""
    return None if np.isnan(value) else round(float(value), 4)
