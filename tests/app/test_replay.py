"""What a replay counts: every reading once, time that was watched, incidents and how long they stood open."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.homes import DAY_MS, HOUR_MS, START_MS
from core.spies import Plain
from kilowatch.app.advisor import would_be_armed
from kilowatch.app.pipeline import Pipeline, PipelineSettings, StepResult
from kilowatch.app.replay import WEEK_MS, ReplayOutcome, Tally, replay
from kilowatch.core.clean_reasons import Outcome, Reason
from kilowatch.core.device import DeviceRecord, Fleet, Kind
from kilowatch.core.events import EventKind, IncidentEvent
from kilowatch.core.learning import LearningPlan
from kilowatch.core.outputs import ReplayOutput
from kilowatch.core.reading import ReadingBatch
from kilowatch.links.memory import MemoryHistory

STEP_MS = 30_000
PLAN = LearningPlan(learning_days=1.0, refit_days=30.0)
FAULT_MS = START_MS + 2 * DAY_MS


def pipeline(devices: int = 1) -> Pipeline:
    records = [
        DeviceRecord(site="home", device=f"d{number}", kind=Kind.HEATER, interval_s=30.0, protected=False)
        for number in range(devices)
    ]
    return Pipeline(Fleet(records), Plain(), MemoryHistory(), PipelineSettings(plan=PLAN), would_be_armed())


def days_of(days: float, slot: int = 0) -> ReadingBatch:
    """About 100 W, every 30 s."""
    ts_ms = START_MS + STEP_MS * np.arange(round(days * 2880), dtype=np.int64)
    power_w = 100 + np.random.default_rng(slot).normal(0, 1, len(ts_ms))
    return ReadingBatch(np.full(len(ts_ms), slot, dtype=np.int32), ts_ms, power_w)


def faulty(batch: ReadingBatch, from_ms: int, hours: float, power_w: float = 1000.0) -> ReadingBatch:
    within = (batch.ts_ms >= from_ms) & (batch.ts_ms < from_ms + hours * HOUR_MS)
    return ReadingBatch(batch.slot, batch.ts_ms, np.where(within, power_w, batch.power_w))


def run(*batches: ReadingBatch, devices: int = 1) -> ReplayOutcome:
    return replay(pipeline(devices), batches, lambda _batch, _result: None)


def test_the_object_that_scripts_read_keeps_its_keys_and_types() -> None:
    output = msgspec.to_builtins(run(faulty(days_of(3), FAULT_MS, 1)).output())
    assert {name: type(value) for name, value in output.items()} == {
        "schema": str,
        "version": int,
        "readings": int,
        "accepted": int,
        "repaired": int,
        "rejected": int,
        "devices": int,
        "learning_days": float,
        "watched_device_weeks": float,
        "incidents": int,
        "incident_open_share": float,
        "alarms_per_device_week": float,
        "seconds": float,
    }
    assert (output["schema"], output["version"]) == ("kilowatch.replay", 1)
    msgspec.convert(output, ReplayOutput)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(-3, 200), st.sampled_from([0.0, 50.0, -0.2, -50.0, 1e9, np.nan])),
        min_size=1,
        max_size=60,
    ),
    st.integers(1, 60),
)
def test_every_reading_is_counted_once(rows: list[tuple[int, int, float]], size: int) -> None:
    slot, step, power_w = zip(*rows, strict=True)
    ts_ms = START_MS + STEP_MS * np.array(step, dtype=np.int64)
    whole = ReadingBatch(np.array(slot, dtype=np.int32), ts_ms, np.array(power_w, dtype=np.float64))
    outcome = run(*(whole.take(slice(at, at + size)) for at in range(0, len(whole), size)), devices=2)
    output = outcome.output()
    assert output.readings == output.accepted + output.repaired + output.rejected == len(rows)
    assert outcome.tally.by_reason.sum(axis=1).tolist() == np.bincount(slot, minlength=2).tolist()
    bad = sum(not np.isfinite(watts) or watts in {-50.0, 1e9} for watts in power_w)
    assert output.rejected >= bad


def test_readings_are_counted_by_their_reason_and_outcome() -> None:
    batch = faulty(days_of(0.1), START_MS, 0.01, power_w=float("nan"))
    batch = faulty(batch, START_MS + HOUR_MS, 0.01, power_w=-0.1)
    tally = run(batch).tally
    not_numbers, noise = tally.by_reason[0, [Reason.NOT_A_NUMBER, Reason.FLOAT_NOISE]].tolist()
    assert (not_numbers, noise) == (2, 2)
    assert tally.outcomes(Outcome.REJECTED) == 2
    assert tally.outcomes(Outcome.REPAIRED) == 2


def test_learning_is_not_watched_time() -> None:
    assert run(days_of(0.9)).output().watched_device_weeks == 0
    assert run(days_of(3)).tally.watched_ms.tolist() == pytest.approx([2 * DAY_MS], abs=3 * STEP_MS)


def test_a_gap_is_not_watched_time_bridged_or_not() -> None:
    whole = days_of(3)
    long = (whole.ts_ms >= FAULT_MS) & (whole.ts_ms < FAULT_MS + 6 * HOUR_MS)
    polls_missed = np.arange(len(whole)) % 3 == 1
    assert run(whole.take(~long)).tally.watched_ms[0] == pytest.approx(2 * DAY_MS - 6 * HOUR_MS, abs=10 * STEP_MS)
    assert run(whole.take(~polls_missed)).tally.watched_ms[0] == pytest.approx(4 / 3 * DAY_MS, rel=0.01)


def test_device_weeks_add_up_over_devices() -> None:
    both = ReadingBatch.join([days_of(3), days_of(3, slot=1)])
    outcome = run(both.take(np.argsort(both.ts_ms, kind="stable")), devices=3)
    assert outcome.output().devices == 3
    assert outcome.tally.device_weeks == pytest.approx(4 / 7, rel=0.01)
    assert outcome.tally.watched_ms[2] == 0


def test_the_rate_is_incidents_over_device_weeks() -> None:
    output = run(faulty(days_of(3), FAULT_MS, 1)).output()
    assert output.incidents == 1
    assert output.alarms_per_device_week == pytest.approx(7 / 2, rel=0.01)


def test_without_watched_time_there_is_no_rate() -> None:
    output = run(days_of(0.5)).output()
    assert output.alarms_per_device_week is None
    assert output.incident_open_share == 0


def test_the_open_share_is_the_time_that_incidents_stood_open() -> None:
    output = run(faulty(days_of(3), FAULT_MS, 6)).output()
    assert output.incident_open_share == pytest.approx(6 / 48, abs=0.5 / 48)


def test_an_incident_that_never_ends_is_open_until_the_device_s_last_word() -> None:
    silent_after = days_of(2.25)
    other = days_of(3, slot=1)
    both = ReadingBatch.join([faulty(silent_after, FAULT_MS, 24), other])
    outcome = run(both.take(np.argsort(both.ts_ms, kind="stable")), devices=2)
    (entry,) = outcome.alarms
    assert entry.cleared_ms is None
    assert outcome.open_ms == pytest.approx(6 * HOUR_MS, abs=20 * STEP_MS)


def test_silence_is_told_but_is_no_alarm() -> None:
    whole = days_of(3)
    outcome = run(whole.take((whole.ts_ms < FAULT_MS) | (whole.ts_ms >= FAULT_MS + 6 * HOUR_MS)))
    output = outcome.output()
    assert [entry.is_stale for entry in outcome.incidents] == [True]
    assert (output.incidents, output.incident_open_share, output.alarms_per_device_week) == (0, 0, 0)


def test_what_policy_wanted_last_is_kept_for_each_incident() -> None:
    outcome = run(faulty(days_of(3), FAULT_MS, 1))
    assert list(outcome.advice) == [outcome.alarms[0].told.id]


def test_on_step_sees_every_batch_with_what_came_of_it() -> None:
    whole = faulty(days_of(3), FAULT_MS, 1)
    batches = [whole.take(slice(at, at + 1000)) for at in range(0, len(whole), 1000)]
    seen: list[int] = []
    opened: list[IncidentEvent] = []

    def on_step(batch: ReadingBatch, result: StepResult) -> None:
        seen.append(len(batch))
        opened.extend(event for event in result.events if event.kind is EventKind.OPENED)

    outcome = replay(pipeline(), batches, on_step)
    assert seen == [len(batch) for batch in batches]
    assert [event.id for event in opened] == [entry.told.id for entry in outcome.alarms]


def test_nothing_to_replay_is_an_empty_outcome() -> None:
    output = run().output()
    assert (output.readings, output.devices, output.incidents) == (0, 1, 0)


def test_a_tally_grows_with_the_fleet() -> None:
    tally = Tally()
    tally.reserve(2)
    tally.watched_ms[:] = WEEK_MS
    tally.reserve(5)
    assert tally.device_weeks == 2
    assert tally.by_reason.shape == (5, len(Reason))
