"""The picture of a device: power with its expected band, the score under it, incidents behind both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kilowatch.app.trace import Trace
from kilowatch.core.localtime import offset_ms

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from kilowatch.lab.report.story import DeviceStory, IncidentStory

OVERVIEW_ROWS = 1800
_DETAIL_ROWS = 240
_DETAILED_INCIDENTS = 12
_AROUND_MS = 3 * 3_600_000
_GAP_STEPS = 3
_SHORTEST_MS = 60_000
_BAND_SHARE = 1.6
_HIGHEST_SCORE = 6.0
"""The axis ends here: how far over 1 a score lies matters little, where it passes 1 does."""
COLORS = {"power": "#2f7ed8", "band": "rgba(96,160,96,0.32)", "score": "#8a63d2"}
_EDGE = {
    "type": "line",
    "xref": "x domain",
    "yref": "y2",
    "x0": 0,
    "x1": 1,
    "y0": 1,
    "y1": 1,
    "line": {"color": "#999999", "width": 1, "dash": "dot"},
}
SEVERITY_COLORS = {"info": "#e0a800", "warn": "#f0700a", "critical": "#d6204e"}


def device_figure(story: DeviceStory) -> go.Figure:
    """Return the figure of a device on its local clock; colours of text are left to the page."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.05)
    trace = plotted_rows(story.trace, story.incidents)
    times = local_times(story.record.time_zone, trace.ts_ms)
    _draw_band(figure, times, trace)
    _draw_power(figure, times, trace)
    _draw_score(figure, times, trace)
    _style(figure, trace)
    spans = (_span(story, incident) for incident in story.incidents)
    figure.update_layout(shapes=[*_learning(story), *spans, _EDGE])
    return figure


def local_times(time_zone: str, ts_ms: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return times on the device's wall clock, in ms as a date axis takes them."""
    return (ts_ms + offset_ms(time_zone, ts_ms)).astype(np.float64)


def plotted_rows(trace: Trace, incidents: list[IncidentStory]) -> Trace:
    """Return the trace thinned for the whole span, with finer rows around the worst incidents and breaks at gaps."""
    worst = sorted(incidents, key=lambda story: -story.score)[:_DETAILED_INCIDENTS]
    # Of an incident that stands for weeks a day: its fine rows are counted, and over weeks they would be coarse.
    spans = _merged(
        sorted((s.first_ms - _AROUND_MS, min(s.last_ms, s.first_ms + 8 * _AROUND_MS) + _AROUND_MS) for s in worst)
    )
    if not spans or len(trace) <= OVERVIEW_ROWS:
        return _broken(trace.thinned(OVERVIEW_ROWS))
    parts, start = [], 0
    share = OVERVIEW_ROWS / len(trace)
    for low_ms, high_ms in spans:
        first, last = np.searchsorted(trace.ts_ms, [low_ms, high_ms])
        first = max(first, start)
        parts.append(trace.rows(slice(start, first)).thinned(max(2, round(share * (first - start)))))
        parts.append(trace.rows(slice(first, last)).thinned(_DETAIL_ROWS))
        start = max(start, last)
    parts.append(trace.rows(slice(start, None)).thinned(max(2, round(share * (len(trace) - start)))))
    # Part by part, for each is thinned to a step of its own, by which its gaps are told.
    return Trace.join([_broken(part) for part in parts if len(part)])


def highest_w(trace: Trace) -> float:
    """Return where the axis of power ends: the power in sight, and as much of the band as leaves it legible."""
    power_w = np.nan_to_num(trace.high_power_w).max(initial=1.0)
    band_w = np.nan_to_num(trace.band_high_w).max(initial=0.0)
    return 1.08 * float(max(power_w, min(band_w, _BAND_SHARE * power_w)))


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in spans:
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _broken(trace: Trace) -> Trace:
    """Return the rows with one of nothing where the device was silent, so that no line is drawn across."""
    if len(trace) < 3:
        return trace
    step_ms = np.diff(trace.ts_ms)
    usual_ms = int(np.median(step_ms))
    before = np.flatnonzero(step_ms > _GAP_STEPS * usual_ms)
    nothing = np.full(len(before), np.nan, dtype=np.float32)
    silence = Trace(trace.ts_ms[before] + usual_ms, nothing, nothing, nothing, nothing, nothing)
    both = Trace.join([trace, silence])
    return both.rows(np.argsort(both.ts_ms, kind="stable"))


def _envelope(
    times: NDArray[np.float64], low: NDArray[np.float32], high: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return one line that touches both extremes of every row."""
    if np.array_equal(low, high, equal_nan=True):
        return times, high
    return np.repeat(times, 2), np.column_stack([low, high]).ravel()


def _draw_power(figure: go.Figure, times: NDArray[np.float64], trace: Trace) -> None:
    x, y = _envelope(times, trace.low_power_w, trace.high_power_w)
    _line(figure, 1, x, np.round(y, 1), "power", "%{y:.4~g} W")


def _draw_score(figure: go.Figure, times: NDArray[np.float64], trace: Trace) -> None:
    # A score may be endless, which JSON has no word for; the axis ends far below 1,000.
    _line(figure, 2, times, np.round(trace.score.clip(max=1000), 3), "score", "%{y:.2f}")


def _line(figure: go.Figure, row: int, x: NDArray[np.float64], y: NDArray[np.float32], name: str, hover: str) -> None:
    # Not Scattergl: browsers keep a handful of WebGL contexts, and a home has more devices than that.
    import plotly.graph_objects as go

    line = {"color": COLORS[name], "width": 1.2, "shape": "hv"}
    drawn = go.Scatter(x=x, y=y, mode="lines", name=name, line=line, hovertemplate=f"{hover}<extra>{name}</extra>")
    figure.add_trace(drawn, row=row, col=1)


def _draw_band(figure: go.Figure, times: NDArray[np.float64], trace: Trace) -> None:
    """Draw each unbroken stretch of the expected band as one polygon."""
    import plotly.graph_objects as go

    known = np.isfinite(trace.band_low_w) & np.isfinite(trace.band_high_w)
    if not known.any():
        return
    low, high = np.round(trace.band_low_w, 1), np.round(trace.band_high_w, 1)
    x, y = [], []
    for rows in np.split(np.flatnonzero(known), np.flatnonzero(np.diff(np.flatnonzero(known)) > 1) + 1):
        x += [times[rows], times[rows[::-1]], times[rows[:1]]]
        y += [high[rows], low[rows[::-1]], np.array([np.nan], dtype=np.float32)]
    drawn = go.Scatter(
        x=np.concatenate(x),
        y=np.concatenate(y),
        fill="toself",
        fillcolor=COLORS["band"],
        mode="lines",
        line={"width": 0},
        name="expected",
        hoverinfo="skip",
    )
    figure.add_trace(drawn, row=1, col=1)


def _learning(story: DeviceStory) -> list[dict[str, Any]]:
    """Return the region in which the device was not watched yet."""
    if not len(story.trace):
        return []
    first_ms, last_ms = int(story.trace.ts_ms[0]), int(story.trace.ts_ms[-1])
    until_ms = last_ms if story.watching_since_ms is None else min(story.watching_since_ms, last_ms)
    if until_ms <= first_ms:
        return []
    label = {"text": "learning", "textposition": "top left", "font": {"size": 11, "color": "#888888"}}
    region = _region(story, first_ms, until_ms)
    return [region | {"yref": "y domain", "fillcolor": "rgba(128,128,128,0.12)", "line": {"width": 0}, "label": label}]


def _span(story: DeviceStory, incident: IncidentStory) -> dict[str, Any]:
    color = SEVERITY_COLORS.get(incident.severity, "#d6204e")
    region = _region(story, incident.first_ms, max(incident.last_ms, incident.first_ms + _SHORTEST_MS))
    return region | {"yref": "paper", "fillcolor": color, "opacity": 0.28, "line": {"width": 1, "color": color}}


def _region(story: DeviceStory, first_ms: int, last_ms: int) -> dict[str, Any]:
    ends = local_times(story.record.time_zone, np.array([first_ms, last_ms]))
    return {"type": "rect", "layer": "below", "xref": "x", "x0": ends[0], "x1": ends[1], "y0": 0, "y1": 1}


def _style(figure: go.Figure, trace: Trace) -> None:
    scores = trace.score[np.isfinite(trace.score)]
    top = float(np.clip(1.1 * scores.max(initial=0.0), 1.5, _HIGHEST_SCORE))
    figure.update_layout(
        template="none",
        height=380,
        margin={"l": 56, "r": 12, "t": 30, "b": 32},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.0, "x": 0.0, "xanchor": "left", "yanchor": "bottom"},
        hovermode="x unified",
        dragmode="zoom",
    )
    figure.update_xaxes(type="date", showgrid=True, gridcolor="rgba(128,128,128,0.18)", zeroline=False)
    figure.update_yaxes(gridcolor="rgba(128,128,128,0.18)", zeroline=False, rangemode="tozero")
    figure.update_yaxes(title_text="power, W", range=[0, highest_w(trace)], row=1, col=1)
    figure.update_yaxes(title_text="score", range=[0, top], fixedrange=True, nticks=4, row=2, col=1)
