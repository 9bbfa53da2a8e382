"""Detectors by name."""

from __future__ import annotations

from kilowatch.core.detector import Detector
from kilowatch.detectors.hour_of_week import HourOfWeek


def create(name: str) -> Detector:
    """Return a fresh detector."""
    del name
    return HourOfWeek()
