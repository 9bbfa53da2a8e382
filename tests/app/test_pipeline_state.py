"""A pipeline's state taken to another pipeline at any moment: what follows is as if nothing had happened."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.handover import PLAN, Run, assert_same, cut
from app.homes import DAY_MS, HOUR_MS, START_MS, fleet, home, with_power, without
from kilowatch.app.packing import pack, unpack
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.core.confirm import Confirm
from kilowatch.core.device import DeviceRecord, Fleet, Kind, Reporting
from kilowatch.core.learning import LearningPlan
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.state import freeze, thaw
from kilowatch.detectors.registry import DetectorName, create
from kilowatch.errors import StateError
from kilowatch.links.memory import MemoryHistory

if TYPE_CHECKING:
    from kilowatch.core.events import IncidentEvent

DAYS = 2.6


def faulty_home() -> ReadingBatch:
    fault_ms = START_MS + 2 * DAY_MS + 9 * HOUR_MS
    stuck_on = with_power(home(DAYS), 0, fault_ms, fault_ms + 2 * HOUR_MS, 9_000.0)
    silent = without(stuck_on, 2, fault_ms - DAY_MS, fault_ms - DAY_MS + 5 * HOUR_MS)
    return silent.take(silent.slot != 1)


@pytest.fixture(scope="module")
def stream() -> ReadingBatch:
    return faulty_home()


def two_homes() -> list[DeviceRecord]:
    """The meter, the heater that says nothing here, and the lamp, which lives elsewhere."""
    meter, heater, lamp = fleet().records
    return [meter, heater, msgspec.structs.replace(lamp, site="shed")]


@cache
def through(detector: DetectorName) -> Run:
    """A run of the whole stream by one pipeline of the whole fleet."""
    run, stream = Run(detector, devices=Fleet(two_homes())), faulty_home()
    run.feed(pieces_of(detector, stream))
    return run


def pieces_of(detector: DetectorName, stream: ReadingBatch) -> list[ReadingBatch]:
    rng = np.random.default_rng(sum(detector.encode()))
    return list(cut(stream, rng.integers(0, len(stream), 9).tolist()))


@pytest.mark.parametrize("detector", list(DetectorName))
def test_every_detector_goes_on_as_if_nothing_had_happened(detector: DetectorName, stream: ReadingBatch) -> None:
    handed = Run(detector, devices=Fleet(two_homes()))
    for number, piece in enumerate(pieces_of(detector, stream)):
        handed.feed([piece])
        if number % 3 == 0:
            assert handed.hand_over() == [], "what changes while running must be state, not a setting"
    assert_same(handed, through(detector))
    assert any(judged.watching.any() for result in handed.said for judged in result.judged)


@pytest.mark.parametrize("detector", list(DetectorName))
def test_every_detector_judges_a_device_alike_in_whatever_fleet_it_is(
    detector: DetectorName, stream: ReadingBatch
) -> None:
    """A replay has all homes in one fleet, a partition some of them, the edge one: slots differ, verdicts do not."""
    meter, _, lamp = two_homes()
    others = [DeviceRecord(site=f"away{number}", device="plug") for number in range(2)]
    whole, told = through(detector), []
    for slot, devices in ((0, [others[0], meter]), (2, [others[1], lamp])):
        rows = stream.take(stream.slot == slot)
        part = Run(detector, devices=Fleet(devices))
        part.feed([ReadingBatch(np.full(len(rows), 1, dtype=np.int32), rows.ts_ms, rows.power_w)])
        told += part.told()[0]
        ours, theirs = part.judged(), whole.judged()
        for name in ours.keys() - {"slot"}:
            np.testing.assert_array_equal(ours[name], theirs[name][theirs["slot"] == slot], err_msg=name)
    assert sorted(told, key=by_id) == sorted(whole.told()[0], key=by_id)


def by_id(event: IncidentEvent) -> tuple[str, int]:
    return event.id, event.version


def test_the_state_of_a_state_is_the_same_bytes(stream: ReadingBatch) -> None:
    run = Run("default")
    run.feed([stream.take(slice(0, len(stream) // 2))])
    before = pack(freeze(run.pipeline))
    run.hand_over()
    assert pack(freeze(run.pipeline)) == before


DEVICES = [
    DeviceRecord(site="home", device="meter", kind=Kind.METER, interval_s=30.0),
    DeviceRecord(site="home", device="kettle", kind=Kind.KETTLE, interval_s=10.0, time_zone="Europe/Berlin"),
    DeviceRecord(site="shed", device="lamp", kind=Kind.LAMP, reporting=Reporting.ON_CHANGE, heartbeat_s=600.0),
]
MINUTE_MS = 60_000
Row: TypeAlias = tuple[int, int, float, float, int, bool]
messy = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([-90 * MINUTE_MS, -2 * MINUTE_MS, 0, 10_000, 30_000, 45_000, MINUTE_MS, 3 * HOUR_MS]),
        st.sampled_from([0.0, 3.0, 900.0, 2400.0, 1e9]),
        st.sampled_from([np.nan, 0.0, 5.0, 120.0]),
        st.integers(-1, 3),
        st.booleans(),
    ),
    min_size=1,
    max_size=80,
)


@settings(deadline=None, max_examples=30)
@given(messy, st.lists(st.integers(0, 80), max_size=3), st.booleans())
def test_any_readings_and_any_cut(
    rows: list[tuple[int, int, float, float, int, bool]], edges: list[int], full: bool
) -> None:
    batch = messy_batch(rows, full=full)
    through, handed = (Run("fleet", devices=Fleet(DEVICES)) for _ in range(2))
    pieces = list(cut(batch, edges))
    through.feed(pieces)
    for piece in pieces:
        handed.feed([piece])
        assert handed.hand_over() == []
    assert_same(handed, through)


def messy_batch(rows: list[Row], *, full: bool) -> ReadingBatch:
    slot, step_ms, power_w, energy_wh, seq, backfill = map(np.array, zip(*rows, strict=True))
    ts_ms = START_MS + np.cumsum(step_ms)
    batch = ReadingBatch(slot.astype(np.int32), ts_ms, power_w)
    if not full:
        return batch
    received_ms = np.maximum.accumulate(ts_ms) + 5
    return ReadingBatch(
        batch.slot, ts_ms, power_w, received_ms=received_ms, energy_wh=energy_wh, seq=seq, backfill=backfill
    )


def test_devices_that_join_after_a_hand_over_find_room() -> None:
    run = Run("fleet", devices=Fleet(DEVICES))
    run.feed([messy_batch([(0, 30_000, 9.0, 1.0, 1, False)] * 5, full=True)])
    run.hand_over()
    for number in range(300):
        slot = run.pipeline.fleet.add(DeviceRecord(site=f"s{number}", device="plug"))
        run.feed([ReadingBatch(np.array([slot], dtype=np.int32), np.array([START_MS + number]), np.array([5.0]))])
    assert run.pipeline.fleet.slot("s299", "plug") == 302


def made(detector: str = "fleet", **known: float) -> Pipeline:
    return Pipeline(fleet(), create(detector), settings=PipelineSettings(**known))  # type: ignore[arg-type]


def test_a_state_of_another_detector_is_refused_and_leaves_the_pipeline_as_it_was() -> None:
    fresh, before = made("ewma"), pack(freeze(made("ewma")))
    with pytest.raises(StateError, match=r"another make .* scorer\.detector is a detectors\.ensemble\.Ensemble, not"):
        thaw(fresh, freeze(made()))
    assert pack(freeze(fresh)) == before


def test_another_confirmation_has_another_make() -> None:
    other = made()
    other.scorer.confirm = Confirm(2, 4)
    with pytest.raises(StateError, match="another make"):
        thaw(made(), freeze(other))


def test_settings_are_the_pipelines_own_and_changes_are_named() -> None:
    fresh = made(alarms_per_week=2.0)
    changed = thaw(fresh, freeze(made()))
    assert "judge._alarms_per_week: 2.0, was None" in changed
    assert fresh.settings.alarms_per_week == 2.0


def test_every_make_is_told_by_its_fingerprint_however_much_it_has_seen(stream: ReadingBatch) -> None:
    run = Run("default")
    before = freeze(run.pipeline).make
    run.feed([stream])
    assert freeze(run.pipeline).make == before
    assert len({freeze(made(name)).make for name in DetectorName}) == len(DetectorName)


def test_the_history_has_a_state_of_its_own(stream: ReadingBatch) -> None:
    run = Run("fleet")
    run.feed(cut(stream, range(0, len(stream), 5_000)))
    past = pack(freeze(run.history))
    assert "_history" not in freeze(run.pipeline).tree.parts
    fresh = MemoryHistory(keep_ms=PLAN.horizon_ms)
    thaw(fresh, unpack(past))
    record = run.pipeline.fleet.records[0]
    ours, theirs = (one.series(0, record, 0, START_MS + 9 * DAY_MS) for one in (run.history, fresh))
    assert len(ours) > 5_000
    for name in ("ts_ms", "local_ms", "code", "count", "usable"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_a_cleared_incident_is_left_out_of_lessons_only_while_they_look_back_that_far() -> None:
    plan = LearningPlan(learning_days=1, refit_days=0.5, horizon_days=1)
    run = Run("levels", plan=plan)
    for day in range(2, 6):
        start_ms = START_MS + day * DAY_MS
        piece = with_power(home(6), 0, start_ms, start_ms + HOUR_MS, 9_000.0)
        run.feed([piece.take((piece.slot == 0) & (piece.ts_ms >= start_ms - DAY_MS) & (piece.ts_ms < start_ms))])
    spans = run.pipeline._spans[0]
    assert all(last_ms >= run.said[-1].clean.readings.ts_ms[0] - 3 * DAY_MS for _, last_ms in spans)
