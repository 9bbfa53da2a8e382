"""A piece of a series as an SVG picture: power, the expected band behind it, the score below, the span in question."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.lab.suites.exhibits import What

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.lab.suites.exhibits import Exhibit

WIDTH, HEIGHT = 760, 300
_LEFT, _RIGHT, _TOP = 64, 12, 28
_POWER_BOTTOM, _SCORE_TOP, _SCORE_BOTTOM = 190, 206, 264
_HOUR_MS = 3_600_000
# 1 is the edge of expected: one spike to 50 would press everything near it to the ground.
_HIGHEST_SCORE = 4.0
_STEPS_H = (1, 2, 3, 6, 12, 24)
_TICKS = 8
_COLORS = {What.MISS: "#d6204e", What.FALSE_ALARM: "#e0a800"}


def picture(exhibit: Exhibit) -> str:
    """Return the picture; the score is cut at 4, and 1 is the edge of expected."""
    x = _Axis(float(exhibit.local_ms[0]), float(exhibit.local_ms[-1]), _LEFT, WIDTH - _RIGHT)
    top_w = float(np.nanmax(exhibit.power_w)) or 1.0
    watts = _Axis(0.0, 1.08 * top_w, _POWER_BOTTOM, _TOP)
    score = _Axis(0.0, _HIGHEST_SCORE, _SCORE_BOTTOM, _SCORE_TOP)
    at = x.of(exhibit.local_ms)
    shown = np.minimum(np.nan_to_num(exhibit.score), _HIGHEST_SCORE)
    font = 'font-family="sans-serif" font-size="11"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {font}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(_LEFT, 18, f"{exhibit.what}: {exhibit.title}", "start", "#222222"),
        _span(exhibit, x),
        _band(exhibit, at, watts),
        _line(at, watts.of(exhibit.power_w), "#2f7ed8"),
        _line(at, score.of(shown), "#8a63d2"),
        _level(float(score.of(np.array([1.0]))[0])),
        _text(_LEFT - 6, _TOP + 10, f"{top_w:,.0f} W", "end"),
        _text(_LEFT - 6, _POWER_BOTTOM, "0 W", "end"),
        _text(_LEFT - 6, _SCORE_BOTTOM, "score 0", "end"),
        _text(_LEFT - 6, _SCORE_TOP + 8, "4", "end"),
        *_hours(exhibit, x),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Axis:
    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._start = low, start
        self._scale = (end - start) / ((high - low) or 1.0)

    def of(self, values: NDArray[np.generic]) -> NDArray[np.float64]:
        return self._start + (values.astype(np.float64) - self._low) * self._scale


def _text(x: float, y: float, words: str, anchor: str, color: str = "#666666") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{color}">{escape(words)}</text>'


def _line(x: NDArray[np.float64], y: NDArray[np.float64], color: str) -> str:
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.2"/>'


def _level(y: float) -> str:
    edges = f'x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"'
    return f'<line {edges} stroke="#999999" stroke-dasharray="3 3"/>'


def _span(exhibit: Exhibit, x: _Axis) -> str:
    first, last = x.of(np.array([exhibit.start_ms, exhibit.end_ms]))
    first, last = max(float(first), _LEFT), min(float(last), WIDTH - _RIGHT)
    # A span of one sample would be thinner than a pixel.
    size = f'x="{first:.1f}" y="{_TOP}" width="{max(last - first, 1.5):.1f}" height="{_SCORE_BOTTOM - _TOP}"'
    return f'<rect {size} fill="{_COLORS[exhibit.what]}" opacity="0.18"/>'


def _band(exhibit: Exhibit, x: NDArray[np.float64], watts: _Axis) -> str:
    known = np.isfinite(exhibit.low_w) & np.isfinite(exhibit.high_w)
    if not known.any():
        return ""
    low, high = (np.clip(watts.of(side[known]), _TOP, _POWER_BOTTOM) for side in (exhibit.low_w, exhibit.high_w))
    outline = [*zip(x[known], high, strict=True), *reversed(list(zip(x[known], low, strict=True)))]
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in outline)
    return f'<polygon points="{points}" fill="#78a078" opacity="0.3"/>'


def _hours(exhibit: Exhibit, x: _Axis) -> list[str]:
    first_h, last_h = exhibit.local_ms[0] / _HOUR_MS, exhibit.local_ms[-1] / _HOUR_MS
    step = next((hours for hours in _STEPS_H if (last_h - first_h) / hours <= _TICKS), 48)
    ticks = np.arange(np.ceil(first_h / step) * step, last_h, step)
    places = x.of(ticks * _HOUR_MS)
    return [_text(place, 282, f"{int(hour) % 24:02d}:00", "middle") for hour, place in zip(ticks, places, strict=True)]
