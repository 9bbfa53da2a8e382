"""The picture of a device: power with its expected band, the score under it, incidents behind both."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
COLORS = {"power": "#2f7ed8", "band": "rgba(120,160,120,0.30)", "score": "#8a63d2", "edge": "#999999"}
SEVERITY_COLORS = {"info": "#e0a800", "warn": "#f0700a", "critical": "#d6204e"}


def device_figure(story: DeviceStory) -> go.Figure:
    """Return the figure of a device on its local clock."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.04)
    trace = plotted_rows(story.trace, story.incidents)
    times = local_times(story.record.time_zone, trace.ts_ms)
    _draw_band(figure, times, trace)
    _draw_power(figure, times, trace)
    _draw_score(figure, times, trace)
    _mark(figure, story)
    _style(figure)
    return figure


def local_times(time_zone: str, ts_ms: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Return times on the device's wall clock."""
    return (ts_ms + offset_ms(time_zone, ts_ms)).astype("datetime64[ms]")


def plotted_rows(trace: Trace, incidents: list[IncidentStory]) -> Trace:
    """Return the trace thinned for the whole span, with finer rows around the worst incidents."""
    worst = sorted(incidents, key=lambda story: -story.score)[:_DETAILED_INCIDENTS]
    spans = _merged(
        sorted((s.first_ms - _AROUND_MS, min(s.last_ms, s.first_ms + 8 * _AROUND_MS) + _AROUND_MS) for s in worst)
    )
    if not spans or len(trace) <= OVERVIEW_ROWS:
        return trace.thinned(OVERVIEW_ROWS)
    parts, start = [], 0
    share = OVERVIEW_ROWS / len(trace)
    for low_ms, high_ms in spans:
        first, last = np.searchsorted(trace.ts_ms, [low_ms, high_ms])
        first = max(first, start)
        parts.append(trace.rows(slice(start, first)).thinned(max(2, round(share * (first - start)))))
        parts.append(trace.rows(slice(first, last)).thinned(_DETAIL_ROWS))
        start = max(start, last)
    parts.append(trace.rows(slice(start, None)).thinned(max(2, round(share * (len(trace) - start)))))
    return Trace.join([part for part in parts if len(part)])


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in spans:
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _envelope(
    times: NDArray[np.datetime64], low: NDArray[np.float32], high: NDArray[np.float32]
) -> tuple[NDArray[np.datetime64], NDArray[np.float32]]:
    """Return one line that touches both extremes of every row."""
    if np.array_equal(low, high, equal_nan=True):
        return times, high
    return np.repeat(times, 2), np.column_stack([low, high]).ravel()


def _draw_power(figure: go.Figure, times: NDArray[np.datetime64], trace: Trace) -> None:
    import plotly.graph_objects as go

    x, y = _envelope(times, trace.low_power_w, trace.high_power_w)
    line = {"color": COLORS["power"], "width": 1.2, "shape": "hv"}
    hover = "%{y:.4~g} W<extra>power</extra>"
    figure.add_trace(
        go.Scattergl(x=x, y=np.round(y, 1), mode="lines", name="power", line=line, hovertemplate=hover), row=1, col=1
    )


def _draw_band(figure: go.Figure, times: NDArray[np.datetime64], trace: Trace) -> None:
    import plotly.graph_objects as go

    if not np.isfinite(trace.band_high_w).any():
        return
    edge = {"width": 0}
    low, high = np.round(trace.band_low_w, 1), np.round(trace.band_high_w, 1)
    skip = {"hoverinfo": "skip", "mode": "lines", "line": edge}
    figure.add_trace(go.Scatter(x=times, y=low, showlegend=False, **skip), row=1, col=1)
    figure.add_trace(
        go.Scatter(x=times, y=high, fill="tonexty", fillcolor=COLORS["band"], name="expected", **skip), row=1, col=1
    )


def _draw_score(figure: go.Figure, times: NDArray[np.datetime64], trace: Trace) -> None:
    import plotly.graph_objects as go

    line = {"color": COLORS["score"], "width": 1}
    hover = "%{y:.2f}<extra>score</extra>"
    score = np.round(np.minimum(trace.score, 1000.0), 3)
    figure.add_trace(
        go.Scattergl(x=times, y=score, mode="lines", name="score", line=line, hovertemplate=hover), row=2, col=1
    )
    figure.add_hline(y=1.0, line={"color": COLORS["edge"], "width": 1, "dash": "dot"}, row=2, col=1)


def _mark(figure: go.Figure, story: DeviceStory) -> None:
    zone = story.record.time_zone
    if len(story.trace) and story.watching_since_ms is not None:
        learning = local_times(zone, np.array([story.trace.ts_ms[0], story.watching_since_ms]))
        label = {"text": "learning", "textposition": "top left", "font": {"size": 11, "color": "#888888"}}
        figure.add_vrect(
            x0=learning[0],
            x1=learning[1],
            row=1,
            fillcolor="rgba(128,128,128,0.10)",
            line_width=0,
            layer="below",
            label=label,
        )
    for incident in story.incidents:
        ends = local_times(zone, np.array([incident.first_ms, max(incident.last_ms, incident.first_ms + 60_000)]))
        color = SEVERITY_COLORS.get(incident.severity, "#d6204e")
        figure.add_vrect(
            x0=ends[0], x1=ends[1], fillcolor=color, opacity=0.28, line={"width": 1, "color": color}, layer="below"
        )


def _style(figure: go.Figure) -> None:
    figure.update_layout(
        height=380,
        margin={"l": 64, "r": 16, "t": 12, "b": 32},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#7a7f87", "size": 12},
        legend={"orientation": "h", "y": 1.0, "x": 0.0, "xanchor": "left", "yanchor": "bottom"},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": "#9aa3b0", "activecolor": "#2f7ed8"},
        hovermode="x unified",
        dragmode="zoom",
    )
    axis = {"gridcolor": "rgba(128,128,128,0.18)", "zeroline": False}
    figure.update_xaxes(**axis)
    figure.update_yaxes(rangemode="tozero", **axis)
    figure.update_yaxes(title_text="power, W", row=1, col=1)
    figure.update_yaxes(title_text="score", row=2, col=1)
