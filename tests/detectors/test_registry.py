"""Every name makes its detector; the cheap rules leave room in a kilobyte a device."""

from __future__ import annotations

import pytest

from kilowatch.core.detector import Detector
from kilowatch.core.window import WindowRing
from kilowatch.detectors.registry import DetectorName, create
from kilowatch.errors import DetectorError

CHEAP = (DetectorName.HOUR_OF_WEEK, DetectorName.CUSUM, DetectorName.DUTY_CYCLE, DetectorName.FLATNESS)


@pytest.mark.parametrize("name", DetectorName)
def test_a_name_makes_its_detector(name: DetectorName) -> None:
    detector = create(name)
    assert isinstance(detector, Detector)
    assert detector.name == name
    assert create(name) is not detector


def test_an_unknown_name_hints_at_the_nearest() -> None:
    with pytest.raises(DetectorError, match="hour_of_weak") as caught:
        create("hour_of_weak")
    assert "hour_of_week" in caught.value.hint


def test_the_cheap_rules_and_the_window_fit_a_kilobyte() -> None:
    ring = WindowRing()
    ring.reserve(100)
    size = ring.codes.nbytes
    for name in CHEAP:
        detector = create(name)
        detector.reserve(100)
        size += sum(array.nbytes for array in detector.state().values())
    assert size <= 100 * 1024
