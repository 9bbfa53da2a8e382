"""A process that dies before or after any write of any action, and one that goes on from its book."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.actor.stage import HEATER, NOW_MS, ODD, DiedError, Staging
from kilowatch.core.acting import FINAL, MAX_ATTEMPTS
from kilowatch.core.device import Stage
from kilowatch.core.events import ActionState


def live_and_die(on_stage: Staging, dies_at: int, *, before: bool) -> None:
    """Let one actor hear of the incident and die at a write."""
    on_stage.book.dies_at, on_stage.book.dies_before, on_stage.book.writes = dies_at, before, 0
    with contextlib.suppress(DiedError):
        on_stage.hear()
    on_stage.book.dies_at = None


def resume(on_stage: Staging) -> None:
    actor = on_stage.actor()
    actor.resume()
    actor.wait()
    on_stage.hear(actor=actor)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_a_death_at_any_write_ends_with_one_call_or_with_a_person_asked(dies_at: int, before: bool) -> None:
    on_stage = Staging()
    live_and_die(on_stage, dies_at, before=before)
    resume(on_stage)
    told_off = on_stage.plug.told == 1
    gave_up = on_stage.book.states()[-1] is ActionState.UNCONFIRMED
    assert told_off or (gave_up and on_stage.plug.told == 0)
    assert on_stage.book.states()[-1] in FINAL
    assert on_stage.book.states().count(ActionState.CLAIMED) == 1


def test_sent_is_written_before_the_call_so_nobody_knows_and_a_person_is_asked() -> None:
    on_stage = Staging()
    live_and_die(on_stage, 2, before=False)
    assert on_stage.book.states() == [ActionState.CLAIMED, ActionState.SENT]
    assert on_stage.plug.told == 0
    resume(on_stage)
    assert on_stage.plug.told == 0
    assert on_stage.told.escalated[-1].state is ActionState.UNCONFIRMED


def test_a_plug_that_proves_that_nobody_touched_it_is_told_again() -> None:
    on_stage = Staging()
    on_stage.plug.changed_ms = NOW_MS - 5000
    live_and_die(on_stage, 2, before=False)
    resume(on_stage)
    assert on_stage.plug.told == 1
    assert on_stage.book.states()[-1] is ActionState.CONFIRMED


def test_a_claim_that_lay_for_an_hour_is_not_sent() -> None:
    on_stage = Staging()
    live_and_die(on_stage, 1, before=False)
    on_stage.clock.ms += 3_600_000
    on_stage.world.site_ms += 3_600_000
    resume(on_stage)
    assert on_stage.book.states() == [ActionState.CLAIMED, ActionState.REFUSED]
    assert on_stage.plug.told == 0


def test_a_claim_whose_intent_still_holds_is_sent_after_the_restart() -> None:
    on_stage = Staging()
    live_and_die(on_stage, 1, before=False)
    on_stage.clock.ms += 90_000
    on_stage.world.site_ms += 90_000
    resume(on_stage)
    assert on_stage.book.states()[-1] is ActionState.CONFIRMED
    assert on_stage.plug.told == 1


def test_a_device_that_is_gone_is_left_alone() -> None:
    on_stage = Staging()
    live_and_die(on_stage, 1, before=False)
    on_stage.world.records.clear()
    resume(on_stage)
    assert on_stage.book.states() == [ActionState.CLAIMED, ActionState.REFUSED]


@dataclass(frozen=True)
class Life:
    """One life of the actor: what changes before it, and where it dies."""

    dies_at: int
    before: bool
    wait_ms: int
    plug_on: bool
    stuck: bool
    deaf: int
    leaks: bool
    armed: bool
    protected: bool
    changed_ago_ms: int | None
    incident: int


LIVES = st.builds(
    Life,
    dies_at=st.integers(1, 6),
    before=st.booleans(),
    wait_ms=st.sampled_from([0, 1000, 30_000, 130_000, 4_000_000]),
    plug_on=st.booleans(),
    stuck=st.booleans(),
    deaf=st.sampled_from([0, 1, 5, 200]),
    leaks=st.booleans(),
    armed=st.booleans(),
    protected=st.booleans(),
    changed_ago_ms=st.sampled_from([None, 0, 10_000_000]),
    incident=st.integers(1, 3),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(LIVES, max_size=8))
def test_over_any_lives_and_deaths_nothing_happens_that_must_never_happen(lives: list[Life]) -> None:
    on_stage = Staging()
    for life in lives:
        _prepare(on_stage, life)
        told_before = on_stage.plug.told
        _live(on_stage, life)
        if not life.armed or life.protected:
            assert on_stage.plug.told == told_before
    for incident in ("odd-1", "odd-2", "odd-3"):
        steps = on_stage.book.steps(incident)
        assert [step.version for step in steps] == list(range(1, len(steps) + 1))
        assert sum(step.state is ActionState.CLAIMED for step in steps) <= 1
        assert sum(step.state is ActionState.SENT for step in steps) <= MAX_ATTEMPTS
        assert sum(step.state in FINAL for step in steps) <= 1


def _prepare(on_stage: Staging, life: Life) -> None:
    on_stage.clock.ms += life.wait_ms
    on_stage.world.site_ms = on_stage.clock.ms
    on_stage.world.records["home", "heater"] = msgspec.structs.replace(
        HEATER, protected=life.protected, stage=Stage.ARMED if life.armed else Stage.WATCHING
    )
    plug = on_stage.plug
    plug.on, plug.stuck, plug.deaf, plug.leaks = life.plug_on, life.stuck, life.deaf, life.leaks
    plug.changed_ms = None if life.changed_ago_ms is None else on_stage.clock.ms - life.changed_ago_ms


def _live(on_stage: Staging, life: Life) -> None:
    book = on_stage.book
    book.dies_at, book.dies_before, book.writes = life.dies_at, life.before, 0
    actor = on_stage.actor()
    event = msgspec.structs.replace(ODD, id=f"odd-{life.incident}", last_ms=on_stage.world.site_ms)
    with contextlib.suppress(DiedError):
        actor.resume()
        actor.wait()
        on_stage.hear(event, actor)
    actor.close()
    book.dies_at = None
    confirmed = [step for step in book.lasts() if step.state is ActionState.CONFIRMED and step.wall_ms > NOW_MS]
    assert all(step.power_w is None or step.power_w < HEATER.off_below_w for step in confirmed)


def test_an_action_that_could_not_be_written_down_is_not_passed_over() -> None:
    """The edge hears of an incident again and again, and never asks how an action has ended."""
    on_stage = Staging()
    on_stage.book.dies_at, on_stage.book.dies_before = 3, True
    actor = on_stage.actor()
    with contextlib.suppress(DiedError):
        on_stage.hear(actor=actor)
    with pytest.raises(DiedError):
        actor.hear(ODD)
    assert on_stage.book.states() == [ActionState.CLAIMED, ActionState.SENT]


def test_an_incident_that_is_over_takes_no_failure_with_it() -> None:
    on_stage = Staging()
    on_stage.book.dies_at, on_stage.book.dies_before = 3, True
    actor = on_stage.actor()
    with contextlib.suppress(DiedError):
        on_stage.hear(actor=actor)
    actor.forget(ODD.id)
    with pytest.raises(DiedError):
        actor.sweep()
