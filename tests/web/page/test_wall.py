"""What is sent to a browser: rows in words, what is new of what is in sight, an hour in few numbers."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.device import ActsBy, Kind, Stage
from kilowatch.core.events import ActionState, Severity
from kilowatch.web.page.home import verdict
from kilowatch.web.page.phrases import Look, done_words, is_scored, look_of, money, percent, rate_words, safety_of
from kilowatch.web.page.wall import STANDING, Row, changes, merged, row_of, spark_of
from kilowatch.web.ports import RecentPoints
from kilowatch.web.views import DeviceCard, LiveDevice, OpenIncident

HOUR_MS = 3_600_000


def card_of(device: str = "fridge", live: LiveDevice | None = None, **changed: object) -> DeviceCard:
    card = DeviceCard(
        live=live or LiveDevice(site="home", device=device, power_w=92.0, low_w=0.0, high_w=178.0, score=0.3),
        site="home",
        device=device,
        kind=Kind.FRIDGE,
        stage=Stage.WATCHING,
        is_armed=False,
        is_protected=True,
        acts_by=ActsBy.EDGE,
        plug=None,
        muted_until_ms=None,
        incident=None,
        today=None,
    )
    return msgspec.structs.replace(card, **changed)


def incident_of(severity: Severity) -> OpenIncident:
    return OpenIncident(id="a", severity=severity, first_ms=0, sentence="Fridge: on for 41 min")


def points_of(ts_ms: list[int], power_w: list[float]) -> RecentPoints:
    unknown = np.full(len(ts_ms), np.nan, dtype=np.float32)
    high_w = np.full(len(ts_ms), 50, dtype=np.float32)
    return RecentPoints(np.array(ts_ms, dtype=np.int64), np.array(power_w, dtype=np.float32), unknown, unknown, high_w)


@pytest.mark.parametrize(
    ("card", "look"),
    [
        (card_of(), Look.USUAL),
        (card_of(incident=incident_of(Severity.WARN)), Look.ODD),
        (card_of(incident=incident_of(Severity.CRITICAL)), Look.VERY_ODD),
        (card_of(stage=Stage.LEARNING), Look.LEARNING),
        (card_of(live=LiveDevice(site="home", device="fridge")), Look.UNHEARD),
        (card_of(live=LiveDevice(site="home", device="fridge", power_w=1.0, is_silent=True)), Look.SILENT),
    ],
)
def test_what_a_person_has_to_know_first_is_how_a_device_looks(card: DeviceCard, look: Look) -> None:
    assert look_of(card) is look


@pytest.mark.parametrize(
    ("looks", "words"),
    [
        ([Look.USUAL, Look.LEARNING, Look.UNHEARD], "Everything is as usual."),
        ([Look.USUAL, Look.ODD], "One device is odd."),
        ([Look.VERY_ODD, Look.ODD], "2 devices are odd."),
        ([Look.SILENT, Look.USUAL], "One device is silent."),
        ([Look.SILENT, Look.ODD, Look.ODD], "3 devices are odd, 1 of them silent."),
    ],
)
def test_the_headline_counts_as_the_list_does(looks: list[Look], words: str) -> None:
    assert verdict(looks) == words


def test_where_devices_are_judged_elsewhere_no_score_is_promised() -> None:
    heard = LiveDevice(site="home", device="fridge", power_w=92.0)
    assert not is_scored(card_of(live=heard))
    assert is_scored(card_of(live=heard, stage=Stage.LEARNING))
    assert is_scored(card_of()), "it has one"
    assert is_scored(card_of(live=LiveDevice(site="home", device="fridge"))), "nothing was heard of it at all"


def test_a_row_says_what_is_drawn_and_expected_and_what_may_happen() -> None:
    row = row_of(card_of("living_room", is_protected=False, is_armed=True))
    assert (row.name, row.kind, row.power, row.expected) == ("Living room", "Fridge", "92 W", "0 to 178 W")
    assert row.may == "may be switched off"
    assert safety_of(card_of()) == "protected"


def test_a_kind_that_the_name_says_is_not_said_twice_and_a_site_only_where_there_are_several() -> None:
    assert row_of(card_of("fridge")).kind == ""
    assert row_of(card_of("fridge"), several=True).name == "home: Fridge"
    assert row_of(card_of('"/><b>&site=x')).href == "/device?site=home&device=%22%2F%3E%3Cb%3E%26site%3Dx"


def test_out_of_sight_only_how_a_device_stands_is_sent() -> None:
    old = [row_of(card_of(str(number))) for number in range(3)]
    live = LiveDevice(site="home", device="1", power_w=500.0, score=0.9)
    new = [old[0], row_of(card_of("1", live)), row_of(card_of("2", live, incident=incident_of(Severity.WARN)))]
    assert changes(old, new, {"home/1"}) == [
        {"at": 1, "power": "500 W", "expected": "", "score": 0.9},
        {"at": 2, "look": "odd", "state": "odd"},
    ]


rows = st.builds(
    row_of,
    st.builds(
        card_of,
        st.just("fridge"),
        st.builds(LiveDevice, site=st.just("home"), device=st.just("fridge"), power_w=st.sampled_from([1.0, 2e3])),
        is_armed=st.booleans(),
        muted_until_ms=st.sampled_from([None, 1]),
    ),
)


@settings(max_examples=50, deadline=None)
@given(before=rows, after=rows, is_seen=st.booleans())
def test_what_is_sent_is_what_the_browser_then_has(before: Row, after: Row, is_seen: bool) -> None:
    seen = {after.id} if is_seen else set()
    sent = changes([before], [after], seen)
    shown = msgspec.to_builtins(before) | {key: value for one in sent for key, value in one.items() if key != "at"}
    assert shown == msgspec.to_builtins(merged([before], [after], seen)[0])
    assert all(shown[name] == getattr(after, name) for name in STANDING)


def test_an_hour_becomes_few_small_numbers_and_keeps_its_peak() -> None:
    spark = spark_of(points_of([k * 30_000 for k in range(240)], [0.0] * 200 + [80.0] + [0.0] * 39))
    assert len(spark.power) == len(spark.high) == 48
    assert max(spark.power) > 90
    assert set(spark.low) == {-1}
    assert 0 < max(spark.high) < max(spark.power)


def test_nothing_heard_is_nothing_drawn() -> None:
    assert spark_of(points_of([], [])).power == []


@pytest.mark.parametrize(
    ("action", "why", "words"),
    [
        (None, "Would switch tv off, but nobody armed it.", "Would switch tv off, but nobody armed it."),
        (None, "", "Nothing was switched."),
        (ActionState.CONFIRMED, "because", "Switched off. Its plug was read back and says off."),
        (ActionState.REFUSED, "because", "because"),
    ],
)
def test_what_was_done_is_said_or_else_why_not(action: ActionState | None, why: str, words: str) -> None:
    assert done_words(action, why) == words


def test_small_words() -> None:
    assert percent(0.999) == "99 %"
    assert percent(1.0) == "100 %"
    assert rate_words(0.1) == "one in 10 weeks"
    assert rate_words(2) == "2 a week"
    assert money(0.421, "EUR") == "0.42 €"
