from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core import explain
from kilowatch.errors import ConfigError

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
AT_MS = 1_767_225_600_000  # 2026-01-01 00:00 UTC
NAN = math.nan


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (-5, "0 s"),
        (45 * SECOND, "45 s"),
        (119_600, "2 min"),
        (18 * MINUTE, "18 min"),
        (119 * MINUTE, "119 min"),
        (2.3 * HOUR, "2.3 h"),
        (3 * HOUR, "3 h"),
        (36 * HOUR, "36 h"),
        (3.5 * DAY, "3.5 days"),
        (30 * DAY, "30 days"),
    ],
)
def test_durations_are_as_a_person_says_them(ms: float, words: str) -> None:
    assert explain.duration(ms) == words


@pytest.mark.parametrize(
    ("power_w", "words"),
    [
        (0.0, "0 W"),
        (-0.01, "0 W"),
        (0.4, "0.4 W"),
        (9.96, "10 W"),
        (92.5, "92 W"),
        (999.4, "999 W"),
        (999.6, "1 kW"),
        (1234.0, "1.2 kW"),
        (12_345.0, "12 kW"),
        (999_600.0, "1 MW"),
        (-1500.0, "-1.5 kW"),
    ],
)
def test_watts_keep_two_digits_and_find_their_unit(power_w: float, words: str) -> None:
    assert explain.watts(power_w) == words


def test_energy() -> None:
    assert [explain.energy(wh) for wh in (320.0, 1200.0)] == ["320 Wh", "1.2 kWh"]


@given(st.floats(0, 1e9))
def test_watts_say_the_number_within_a_tenth(power_w: float) -> None:
    number, unit = explain.watts(power_w).split(" ")
    assert float(number) * {"W": 1, "kW": 1e3, "MW": 1e6}[unit] == pytest.approx(power_w, rel=0.1, abs=0.051)


@pytest.mark.parametrize(
    ("low_w", "high_w", "words"),
    [
        (0.0, 4.0, "0 to 4 W"),
        (900.0, 1200.0, "900 W to 1.2 kW"),
        (1100.0, 1200.0, "1.1 to 1.2 kW"),
        (60.0, 60.1, "about 60 W"),
        (NAN, 4.0, "at most 4 W"),
        (80.0, NAN, "at least 80 W"),
        (80.0, math.inf, "at least 80 W"),
        (NAN, NAN, ""),
    ],
)
def test_bands_may_be_open(low_w: float, high_w: float, words: str) -> None:
    assert explain.band(low_w, high_w) == words


def test_sentence_has_what_since_and_evidence() -> None:
    said = explain.sentence("fridge", "on for 41 min; usually off after 18 min", 92.3, 0.0, 4.0, "03:12")
    assert said == "Fridge: on for 41 min; usually off after 18 min; since 03:12 (drawing 92 W, expected 0 to 4 W)"


@pytest.mark.parametrize(
    ("watts", "evidence"),
    [
        ((92.0, NAN, NAN), " (drawing 92 W)"),
        ((NAN, 0.0, 4.0), " (expected 0 to 4 W)"),
        ((NAN, NAN, NAN), ""),
    ],
)
def test_unknown_evidence_is_left_out(watts: tuple[float, float, float], evidence: str) -> None:
    assert explain.sentence("tv", "unlike other evenings", *watts, "20:00") == (
        f"Tv: unlike other evenings; since 20:00{evidence}"
    )


def test_silence_and_its_end() -> None:
    assert explain.silent("fridge", "03:12", 30_000) == "Fridge: silent since 03:12; usually speaks every 30 s"
    assert explain.speaks_again("fridge", 8_280_000) == "Fridge: speaks again after 2.3 h"
    assert explain.cleared("fridge", "on for 41 min", 41 * MINUTE, 1) == (
        "Fridge: as expected again after 41 min; it was: on for 41 min"
    )
    assert explain.cleared("fridge", "on for 41 min", 3 * HOUR, 2) == (
        "Fridge: as expected again after 3 h, with breaks; it was: on for 41 min"
    )


@pytest.mark.parametrize(
    ("phrase", "evidence"),
    [
        ("draws 14 W on average; usually about 11 W at this hour of the week", ""),
        ("draws 14 W on average; at this hour of recent days 20 W", " (expected about 11 W)"),
        ("jumped up by 2 kW to 2.2 kW, more than it ever does", " (expected about 11 W)"),
        ("used 2.4 kWh in 24 hours; usually about 400 Wh", " (drawing 22 W, expected about 11 W)"),
    ],
)
def test_no_second_figure_stands_beside_one_that_the_phrase_names(phrase: str, evidence: str) -> None:
    assert explain.sentence("router", phrase, 22.0, 11.0, 11.0, "17:37") == f"Router: {phrase}; since 17:37{evidence}"


def test_a_course_says_when_its_figures_were_found() -> None:
    assert explain.course(AT_MS, AT_MS + 30 * SECOND, "UTC", 1) == "00:00"
    assert explain.course(AT_MS, AT_MS + 41 * MINUTE, "UTC", 1) == "00:00, as of 00:41"
    assert explain.course(AT_MS, AT_MS + 41 * MINUTE, "UTC", 2) == "00:00, with breaks, as of 00:41"
    assert explain.course(AT_MS, AT_MS + 25 * HOUR, "UTC", 1) == "2026-01-01 00:00, as of 01:00"


@pytest.mark.parametrize(
    ("device", "words"), [("washing_machine", "Washing machine"), ("0x00158d", "0x00158d"), ("_", "_"), ("TV", "TV")]
)
def test_label(device: str, words: str) -> None:
    assert explain.label(device) == words


def test_clock_is_the_devices_own_and_names_another_day() -> None:
    evening_ms = AT_MS - 90 * MINUTE
    assert explain.clock(evening_ms, "UTC", AT_MS) == "2025-12-31 22:30"
    assert explain.clock(evening_ms, "Asia/Kolkata", AT_MS) == "04:00"
    assert explain.clock(AT_MS, "Europe/Berlin", AT_MS + 22 * HOUR) == "01:00"
    assert explain.clock(AT_MS, "Europe/Berlin", AT_MS + 23 * HOUR) == "2026-01-01 01:00"


def test_clock_follows_a_clock_change() -> None:
    change_ms = 1_774_746_000_000  # 2026-03-29 01:00 UTC: Berlin jumps from 02:00 to 03:00
    assert explain.clock(change_ms - 1, "Europe/Berlin", change_ms) == "01:59"
    assert explain.clock(change_ms, "Europe/Berlin", change_ms) == "03:00"


def test_an_unknown_zone_is_named() -> None:
    with pytest.raises(ConfigError, match="Mars"):
        explain.clock(AT_MS, "Mars/Olympus", AT_MS)


@settings(max_examples=50, deadline=None)
@given(
    st.text(min_size=1, max_size=20),
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(allow_nan=True, allow_infinity=True),
)
def test_no_sentence_speaks_of_nan(device: str, observed_w: float, low_w: float, high_w: float) -> None:
    said = explain.sentence(device, "odd", observed_w, low_w, high_w, "03:12")
    assert "nan W" not in said
    assert "inf W" not in said
