"""Halves of readings become whole ones, and nothing is told for a time or a state that nobody named."""

from __future__ import annotations

import pytest

from kilowatch.links.decode.overlay import Overlay
from kilowatch.links.decode.report import Report, UndecodableError

NOW_MS = 1_767_567_600_000


@pytest.fixture
def overlay() -> Overlay:
    return Overlay("home", "mqtt:home")


def test_what_was_said_before_still_holds(overlay: Overlay) -> None:
    assert overlay.reading(Report("p", energy_wh=7.0), NOW_MS) is None
    first = overlay.reading(Report("p", power_w=5.0, on=True), NOW_MS + 1)
    second = overlay.reading(Report("p", voltage_v=230.0), NOW_MS + 2)
    assert first is not None
    assert second is not None
    assert (first.power_w, first.energy_wh, first.on, first.ts_ms) == (5.0, 7.0, True, NOW_MS + 1)
    assert (second.power_w, second.voltage_v, second.ts_ms) == (5.0, 230.0, NOW_MS + 2)


def test_devices_do_not_share_what_they_said(overlay: Overlay) -> None:
    overlay.reading(Report("p", power_w=5.0), NOW_MS)
    assert overlay.reading(Report("q", voltage_v=230.0), NOW_MS) is None


def test_a_switch_that_changed_waits_for_its_power(overlay: Overlay) -> None:
    overlay.reading(Report("p", power_w=500.0, on=True), NOW_MS)
    assert overlay.reading(Report("p", on=False), NOW_MS + 1) is None
    after = overlay.reading(Report("p", power_w=0.0), NOW_MS + 2)
    assert after is not None
    assert (after.power_w, after.on) == (0.0, False)


def test_a_switch_that_is_as_it_was_is_a_sign_of_life(overlay: Overlay) -> None:
    overlay.reading(Report("p", power_w=500.0, on=True), NOW_MS)
    again = overlay.reading(Report("p", on=True), NOW_MS + 60_000)
    assert again is not None
    assert again.ts_ms == NOW_MS + 60_000


def test_halves_that_only_complete_are_no_readings(overlay: Overlay) -> None:
    overlay.reading(Report("p", power_w=5.0), NOW_MS)
    assert overlay.reading(Report("p", energy_wh=7.0, is_reading=False), NOW_MS + 1) is None
    whole = overlay.reading(Report("p", power_w=6.0), NOW_MS + 2)
    assert whole is not None
    assert whole.energy_wh == 7.0


def test_a_retained_message_is_a_reading_only_with_a_time_of_its_own(overlay: Overlay) -> None:
    assert overlay.reading(Report("p", power_w=5.0), NOW_MS, is_retained=True) is None
    told = overlay.reading(Report("p", ts_ms=NOW_MS - 9, power_w=5.0), NOW_MS, is_retained=True)
    assert told is not None
    assert told.ts_ms == NOW_MS - 9


@pytest.mark.parametrize("name", ["", "x" * 129])
def test_a_name_that_no_contract_allows_is_refused(overlay: Overlay, name: str) -> None:
    with pytest.raises(UndecodableError, match="name"):
        overlay.reading(Report(name, power_w=1.0), NOW_MS)


def test_strangers_cannot_fill_the_memory(overlay: Overlay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilowatch.links.decode.overlay.MOST_DEVICES", 2)
    readings = [overlay.reading(Report(f"p{number}", power_w=1.0), NOW_MS) for number in range(5)]
    assert all(reading is not None for reading in readings)
    assert len(overlay._known) == 2
