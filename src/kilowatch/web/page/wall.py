"""What all browsers look at, put together once a second for all of them, and what of it is new to one."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
import numpy as np

from kilowatch.web.page import phrases
from kilowatch.web.views import IncidentCard, Overview

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from kilowatch.web.house import House
    from kilowatch.web.ports import RecentPoints
    from kilowatch.web.views import DeviceCard

# A little less than a page's tick: at a whole second every other tick would come a moment too early.
_FRESH_S = 0.9
_INCIDENTS_S = 2.0
_TIMELINE = 40
_MOST_OPEN = 200
# Lines of the audit, of which an incident has several: enough for those on the timeline.
_REASONS = 400
_SPARK_COLUMNS = 48
_SPARK_MS, _LEAST_SPARK_MS = 3_600_000, 600_000
# Without a floor the hum of a plug in standby would fill the picture like a heater.
_LEAST_SCALE_W = 10.0
# Before any monotonic clock, which may begin at 0.
_NEVER = -1e9


# gc=False: rows hold no cycles, and thousands of them are not walked by the collector.
class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A device in the list, in words."""

    id: str
    name: str
    kind: str
    href: str
    look: str
    state: str
    share: float
    safety: str
    may: str
    power: str
    expected: str
    score: float | None
    muted: bool


STANDING = ("look", "state", "share", "safety", "may", "muted")
"""What of a row is told even while it is out of sight: lists are filtered by it."""


class Spark(msgspec.Struct, frozen=True, gc=False):
    """The last hour of a device as small whole numbers, 0 at the bottom and 100 at the top; -1 where unknown."""

    power: list[int]
    low: list[int]
    high: list[int]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An incident on the timeline with what was done about it, or why nothing was."""

    card: IncidentCard
    done: str


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """All that the home page shows."""

    overview: Overview
    rows: list[Row]
    told: list[Told]


class Wall:
    """Keeps the newest picture of a house; any thread may look."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._lock = threading.Lock()
        self._drawn_s = self._told_s = _NEVER
        self._picture: Picture | None = None
        self._told: list[Told] = []
        self._rows: dict[str, Row] = {}
        self._sparks: dict[str, tuple[int | None, Spark]] = {}

    def look(self) -> Picture:
        """Return a picture that is no older than a second."""
        with self._lock:
            now_s = time.monotonic()
            if self._picture is None or now_s - self._drawn_s >= _FRESH_S:
                self._drawn_s = now_s
                self._picture = self._draw(now_s)
            return self._picture

    def touched(self) -> None:
        """Look anew at the next question: a person has just said something."""
        self.house.touched()
        with self._lock:
            self._drawn_s = self._told_s = _NEVER

    def spark(self, card: DeviceCard) -> Spark:
        """Return the last hour of a device, in few columns."""
        key = name_of(card)
        # Without the lock: boards ask from the page's one loop alone.
        kept = self._sparks.get(key)
        if kept is None or kept[0] != card.live.sample_ms:
            from_ms = (card.live.sample_ms or 0) - _SPARK_MS
            kept = card.live.sample_ms, spark_of(self.house.live.recent(card.site, card.device, from_ms))
            self._sparks[key] = kept
        return kept[1]

    def _draw(self, now_s: float) -> Picture:
        overview = self.house.overview()
        told_open = sum(told.card.incident.cleared_ms is None for told in self._told)
        still_open = min(overview.totals.open_incidents, _MOST_OPEN)
        # At once where the count has changed: the sentence above the list counts as well.
        if now_s - self._told_s >= _INCIDENTS_S or told_open != still_open:
            self._told_s = now_s
            self._told = self._tell()
        several = len({card.site for card in overview.devices}) > 1
        rows = [self._kept(row_of(card, several=several)) for card in overview.devices]
        return Picture(overview=overview, rows=rows, told=self._told)

    def _kept(self, row: Row) -> Row:
        """Return the row of the picture before where nothing has changed: it is then the same object."""
        before = self._rows.get(row.id)
        if before == row:
            return before
        self._rows[row.id] = row
        return row

    def _tell(self) -> list[Told]:
        why: dict[str, str] = {}
        # Newest first, so that the first line of an incident is what was decided last.
        for entry in self.house.audit(_REASONS):
            if entry.incident is not None and entry.what in _DECISIONS:
                why.setdefault(entry.incident, entry.why)
        # What is open is told however long ago it began.
        cards = {card.incident.event.id: card for card in self.house.incidents(limit=_TIMELINE)}
        cards |= {card.incident.event.id: card for card in self.house.incidents(only_open=True, limit=_MOST_OPEN)}
        return [
            Told(card=card, done=phrases.done_words(card.action, why.get(incident, "")))
            for incident, card in cards.items()
        ]


_DECISIONS = frozenset({"notify", "none", "switch_off", "refused", "unconfirmed", "confirmed"})


def name_of(card: DeviceCard) -> str:
    """Return what a device is called on the page, once for all sites."""
    return f"{card.site}/{card.device}"


def device_href(site: str, device: str) -> str:
    """Return the address of a device's page."""
    return f"/device?{urlencode({'site': site, 'device': device})}"


def row_of(card: DeviceCard, *, several: bool = False) -> Row:
    """Return a device's row. several: there are several sites, so that the site belongs to the name."""
    live, look, safety = card.live, phrases.look_of(card), phrases.safety_of(card)
    name, kind = phrases.named(card.device, card.kind)
    return Row(
        id=name_of(card),
        name=f"{card.site}: {name}" if several else name,
        kind=kind,
        href=device_href(card.site, card.device),
        look=look,
        state=phrases.look_words(look, live.learning_share),
        share=round(live.learning_share, 2),
        safety=safety,
        may=phrases.SAFETY_WORDS[safety],
        power=phrases.power_words(live.power_w),
        expected=phrases.expected_words(live),
        score=None if live.score is None else round(live.score, 2),
        muted=card.muted_until_ms is not None,
    )


def changes(shown: Sequence[Row], rows: Sequence[Row], seen: Collection[str]) -> list[dict[str, Any]]:
    """Return what is new of each row: all of it where the row is in sight, how the device stands elsewhere.

    shown: rows as the browser has them, in the same order as `rows`.
    """
    out = []
    for number, (old, new) in enumerate(zip(shown, rows, strict=True)):
        if old is new:
            continue
        names = Row.__struct_fields__ if new.id in seen else STANDING
        fresh = {name: getattr(new, name) for name in names if getattr(new, name) != getattr(old, name)}
        if fresh:
            out.append({"at": number, **fresh})
    return out


def merged(shown: Sequence[Row], rows: Sequence[Row], seen: Collection[str]) -> list[Row]:
    """Return the rows as the browser has them once it took the `changes`."""
    return [
        new
        if old is new or new.id in seen
        else msgspec.structs.replace(old, **{name: getattr(new, name) for name in STANDING})
        for old, new in zip(shown, rows, strict=True)
    ]


def spark_of(points: RecentPoints) -> Spark:
    """Return samples as small whole numbers in equal stretches of time; of several in one the highest power."""
    if len(points) == 0:
        return Spark([], [], [])
    end_ms = int(points.ts_ms[-1])
    span_ms = min(max(end_ms - int(points.ts_ms[0]), _LEAST_SPARK_MS), _SPARK_MS)
    # Counted back from the newest sample, which so stands in the last column whatever the span.
    column = _SPARK_COLUMNS - 1 - (end_ms - points.ts_ms) * (_SPARK_COLUMNS - 1) // span_ms
    known = column >= 0
    top_w = _highest(points.power_w[known], points.high_w[known])
    return Spark(
        *(_small(values[known], column[known], top_w) for values in (points.power_w, points.low_w, points.high_w))
    )


def _highest(power_w: Any, high_w: Any) -> float:
    """Return the top of the scale: a wide band must not press the power to the ground."""
    most_w = float(np.nanmax(power_w, initial=_LEAST_SCALE_W, where=~np.isnan(power_w)))
    band_w = float(np.nanmax(high_w, initial=0.0, where=~np.isnan(high_w)))
    return max(most_w, min(band_w, 2.0 * most_w)) * 1.05


def _small(values: Any, column: Any, top_w: float) -> list[int]:
    out = np.full(_SPARK_COLUMNS, -1, dtype=np.int64)
    told = ~np.isnan(values)
    scaled = np.clip(np.round(values[told] / top_w * 100), 0, 100).astype(np.int64)
    # Several samples may fall into one column: plain indexing would keep any of them, not the highest.
    np.maximum.at(out, column[told], scaled)
    return [int(value) for value in out]
