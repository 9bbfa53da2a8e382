"""Series for injection tests, small enough to reason about."""

from __future__ import annotations

import numpy as np

from kilowatch.lab.inject import Trace

START_MS = 1_767_225_600_000  # 2026-01-01, a midnight
DAY_MS = 86_400_000
HOUR_MS = 3_600_000


def fridge(days: float = 6, interval_s: float = 60.0, seed: int = 0) -> Trace:
    """A compressor: 20 min on at about 90 W, 40 min off at 2 W, day and night."""
    rng = np.random.default_rng(seed)
    size = round(days * 86_400 / interval_s)
    ts_ms = START_MS + np.arange(size) * round(interval_s * 1000)
    on = ts_ms % HOUR_MS < HOUR_MS // 3
    return Trace(ts_ms, np.where(on, 90 + rng.normal(0, 1.5, size), 2.0), interval_s)


def lamp(days: int = 6, interval_s: float = 60.0) -> Trace:
    """A lamp: 40 W from 18:00 to 22:00, 0 W else."""
    size = round(days * 86_400 / interval_s)
    ts_ms = START_MS + np.arange(size) * round(interval_s * 1000)
    hour = ts_ms % DAY_MS // HOUR_MS
    return Trace(ts_ms, np.where((hour >= 18) & (hour < 22), 40.0, 0.0), interval_s)


def meter(days: int = 6, interval_s: float = 60.0, seed: int = 0) -> Trace:
    """A house meter: a daily rhythm with noise, never at rest."""
    rng = np.random.default_rng(seed)
    size = round(days * 86_400 / interval_s)
    ts_ms = START_MS + np.arange(size) * round(interval_s * 1000)
    rhythm = 400 - 250 * np.cos(2 * np.pi * (ts_ms % DAY_MS) / DAY_MS)
    return Trace(ts_ms, rhythm + rng.gamma(2.0, 40.0, size), interval_s)
