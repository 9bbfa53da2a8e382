"""A device's past as a picture: the columns that the browser draws, on the device's own clock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nicegui
import numpy as np
from nicegui.element import Element

from kilowatch.core.localtime import offset_ms
from kilowatch.web.page.phrases import odd_until_ms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from nicegui.events import GenericEventArguments

    from kilowatch.core.records import KnownIncident
    from kilowatch.web.views import HistoryView

# The charts that NiceGUI's wheel brings: a browser asks no other machine for them.
_ECHARTS = str(Path(nicegui.__file__).parent / "elements" / "echart" / "dist")


class Chart(Element, component="chart.js", esm={"nicegui-echart": _ECHARTS}):
    """Draws a history view; on_range hears of the span, ms UTC, that a person zooms or moves to."""

    def __init__(
        self, label: str, past: dict[str, Any], on_range: Callable[[int, int], Awaitable[None]] | None = None
    ) -> None:
        super().__init__()
        self._on_range = on_range
        self._zone = str(past["zone"])
        self.props["past"] = past
        self.props["label"] = label
        self.on("range", self._zoomed)

    def take(self, past: dict[str, Any]) -> None:
        """Draw another past."""
        self.run_method("take", past)

    async def _zoomed(self, event: GenericEventArguments) -> None:
        args = event.args if isinstance(event.args, dict) else {}
        from_ms, to_ms = utc_of(self._zone, [args.get("from", 0), args.get("to", 0)])
        if from_ms < to_ms and self._on_range is not None:
            await self._on_range(from_ms, to_ms)


def past_of(view: HistoryView, time_zone: str, incidents: Iterable[KnownIncident], now_ms: int) -> dict[str, Any]:
    """Return the columns of a history view as the browser draws them; times are those of a clock on the wall."""
    odd = [
        [one.event.first_ms, odd_until_ms(one) or now_ms]
        for one in incidents
        if one.event.first_ms < view.to_ms and (odd_until_ms(one) or now_ms) > view.from_ms
    ]
    breaks = _breaks(view)
    columns: dict[str, list[Any]] = {
        "power": view.mean_w,
        "least": view.min_w,
        "most": view.max_w,
        "low": view.low_w,
        "high": view.high_w,
        "score": view.score,
    }
    return {
        "zone": time_zone,
        "from": _local(time_zone, [view.from_ms])[0],
        "to": _local(time_zone, [view.to_ms])[0],
        "time": _local(time_zone, _broken(view.start_ms, breaks, lambda row: view.start_ms[row - 1] + view.step_ms)),
        **{name: _broken(column, breaks, lambda _: None) for name, column in columns.items()},
        "runs": [_local(time_zone, [run.from_ms, run.to_ms]) for run in view.runs],
        "odd": [_local(time_zone, span) for span in odd],
    }


def utc_of(time_zone: str, local_ms: list[int]) -> list[int]:
    """Return the times UTC that stand on a clock on the wall; an hour that comes twice is taken for one of the two."""
    local = np.array(local_ms, dtype=np.int64)
    # The offset belongs to the time UTC, not to what the clock shows: near a change it is asked of a first guess.
    guess = local - offset_ms(time_zone, local)
    return [int(at) for at in local - offset_ms(time_zone, guess)]


def trimmed(past: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """Return a past without the empty stretches before anything was heard and after now_ms."""
    now = _local(str(past["zone"]), [now_ms])[0]
    first = past["time"][0] if past["time"] else past["from"]
    return {**past, "from": max(past["from"], first), "to": min(past["to"], now)}


def _breaks(view: HistoryView) -> list[int]:
    """Return the rows before which nothing was heard for three buckets or more: no line is drawn across."""
    return [int(row) for row in np.flatnonzero(np.diff(view.start_ms) > 3.5 * view.step_ms) + 1]


def _broken(column: Sequence[Any], breaks: list[int], between: Callable[[int], Any]) -> list[Any]:
    out = list(column)
    # From the end, so that what is inserted does not move the rows still to come.
    for row in reversed(breaks):
        out.insert(row, between(row))
    return out


def _local(time_zone: str, times_ms: list[int]) -> list[int]:
    # Shifted here and drawn as UTC, for a browser would draw in its own zone and not in the device's.
    times = np.array(times_ms, dtype=np.int64)
    return [int(at) for at in times + offset_ms(time_zone, times)]
