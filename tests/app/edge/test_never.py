"""DESIGN's five "never"s over random histories of readings, faults, commands, crashes, bad input and cut links.

The world keeps its own log (`app.edge.house`): the plug notes how all stood when it was told, the source what was
acknowledged, upstream what it got. What the fifth says of labels and of measures is the lab's: here nothing has labels.
"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.edge.house import LIMITS, NOW_MS, OWN, House, armed
from app.messages import as_json, plain
from kilowatch.core.acting import FINAL, MAX_ATTEMPTS
from kilowatch.core.device import ActsBy, Stage
from kilowatch.core.events import ActionState, EventKind, Rejected, Severity
from kilowatch.core.policy import EXPIRES_MS

READING = plain(device="wild", ts_ms=NOW_MS)
NONSENSE = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"",
            b"{}",
            b'{"v":1',
            as_json(READING)[:-9],
            as_json(READING | {"v": 99}),
            as_json(READING | {"power_w": "much"}),
            as_json(READING | {"device": ""}),
            as_json({"v": 1, "control": "tick", "received_ms": NOW_MS + 10**12}),
            b"[" * 5000,
        ]
    ),
)
"""What the gate refuses."""
WILD = st.builds(
    lambda power_w, ago_ms: as_json(READING | {"power_w": power_w, "ts_ms": NOW_MS - ago_ms}),
    st.sampled_from([0.0, -5.0, 1e9, 4000.0]),
    st.sampled_from([0, 86_400_000, -60_000, 400 * 86_400_000]),
)
"""What only its past tells from a reading, of a device that nobody knows."""


INCIDENT_BYTES = 2000
"""More than an incident takes in the outbox."""
WORDS = ({"stage": Stage.ARMED}, {"stage": Stage.WATCHING}, {"protected": True}, {"protected": False})


class Nevers(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.house = armed(House())
        self.garbage: list[bytes] = []

    @rule(minutes=st.sampled_from([2, 10, 30]), turns=st.booleans())
    def time_passes(self, minutes: int, turns: bool) -> None:
        self.house.pass_time(minutes, turns=turns)

    @rule()
    def the_edge_turns(self) -> None:
        self.house.turn()

    @rule(stuck=st.booleans())
    def the_thermostat_sticks(self, stuck: bool) -> None:
        self.house.is_stuck = stuck
        self.house.pass_time(10)

    @rule(message=NONSENSE)
    def nonsense_comes(self, message: bytes) -> None:
        self.garbage.append(message)
        self.house.offer(message)

    @rule(message=WILD)
    def a_wild_device_speaks(self, message: bytes) -> None:
        self.house.offer(message)

    @rule()
    def an_acknowledgement_gets_lost(self) -> None:
        self.house.repeat()

    @rule(word=st.sampled_from(WORDS))
    def a_person_says(self, word: dict[str, object]) -> None:
        self.house.say(**word)

    @rule()
    def a_person_switches_on(self) -> None:
        self.house.plug.on = True

    @rule(deaf=st.sampled_from([0, 2, 100]))
    def the_plug_is_deaf(self, deaf: int) -> None:
        self.house.plug.deaf = deaf

    @rule(at=st.sampled_from(["stepped", "happened"]))
    def it_will_die(self, at: str) -> None:
        self.house.doom.at = at

    @rule()
    def it_will_die_when_the_plug_is_told(self) -> None:
        self.house.dies_when_told = True

    @rule()
    def it_dies(self) -> None:
        self.house.die()

    @rule()
    def it_saves(self) -> None:
        self.house.turn()
        self.house.built.edge.save()

    @rule()
    def offsets_are_reset(self) -> None:
        self.house.lose_snapshots()

    @rule(is_away=st.booleans())
    def the_link_changes(self, is_away: bool) -> None:
        self.house.there.is_away = is_away

    @initialize(stuck=st.booleans())
    def it_begins(self, stuck: bool) -> None:
        self.the_thermostat_sticks(stuck)

    @invariant()
    def one_nobody_is_switched_off_who_may_not_be(self) -> None:
        for call in self.house.calls:
            assert call.record.stage is Stage.ARMED
            assert not call.record.protected
            assert call.record.acts_by is ActsBy.EDGE
            assert call.incident.severity is Severity.CRITICAL
            assert call.incident.evidence.windows >= 2
            assert call.incident.kind is not EventKind.CLEARED
            assert not call.incident.historical
            assert abs(call.site_ms - call.incident.last_ms) <= EXPIRES_MS

    @invariant()
    def four_what_waits_for_upstream_is_bounded(self) -> None:
        state = self.house.waiting
        # The limit is of readings, which are let go of after a batch is safe; incidents are kept whatever comes.
        assert state.size <= LIMITS.max_bytes + LIMITS.file_bytes + INCIDENT_BYTES * state.incidents

    def teardown(self) -> None:
        try:
            self.house.end()
            self.one_action_for_one_incident()
            self.two_nothing_accepted_is_lost_or_judged_twice()
            self.three_bad_input_is_kept_with_its_reason()
            self.four_all_loss_is_counted()
        finally:
            self.house.close()

    def one_action_for_one_incident(self) -> None:
        with self.house.built.parts.database.read() as transaction:
            actions = [transaction.actions.steps(one.id) for one in transaction.actions.of_site("home", 0)]
        for steps in actions:
            states = [step.state for step in steps]
            told = sum(call.incident.id == steps[0].id for call in self.house.calls)
            assert states.count(ActionState.CLAIMED) == 1
            assert states[-1] in FINAL, "an action was forgotten"
            assert told <= states.count(ActionState.SENT) <= MAX_ATTEMPTS

    def two_nothing_accepted_is_lost_or_judged_twice(self) -> None:
        """And five: what is judged a turn at a time is what is judged all at once, so nothing has looked ahead."""
        house = self.house
        acknowledged = [one for one in house.acknowledged if one not in self.garbage]
        rows = {row for row in house.passed_on() if row[0] in OWN}
        sent = {(name, ts_ms) for one in acknowledged for name, ts_ms in _rows(one) if name in OWN}
        assert sent <= rows
        events, kept = house.in_one_piece()
        assert kept == len(rows)
        assert house.told() == events

    def three_bad_input_is_kept_with_its_reason(self) -> None:
        kept = [msgspec.json.decode(one, type=Rejected) for one in self.house.rejected()]
        assert {bytes(one.raw) for one in kept} == {one for one in self.house.acknowledged if one in self.garbage}
        assert all(one.reason for one in kept)

    def four_all_loss_is_counted(self) -> None:
        rows, arrived = set(self.house.passed_on()), set(self.house.there.rows())
        assert arrived <= rows
        assert len(rows) - len(arrived) <= self.house.waiting.dropped


def _rows(message: bytes) -> list[tuple[str, int]]:
    fields = msgspec.json.decode(message)
    if isinstance(fields["device"], list):
        return list(zip(fields["device"], fields["ts_ms"], strict=True))
    return [(fields["device"], fields["ts_ms"])]


def bounded(examples: int, steps: int) -> settings:
    return settings(max_examples=examples, stateful_step_count=steps, deadline=None)


def test_what_must_never_happen_never_happens() -> None:
    run_state_machine_as_test(Nevers, settings=bounded(10, 10))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_it_never_happens_in_long_histories_either() -> None:
    run_state_machine_as_test(Nevers, settings=bounded(150, 40))


def test_the_witnesses_see_what_they_must() -> None:
    house = armed(House())
    house.is_stuck = True
    house.pass_time(10)
    assert [call.incident.device for call in house.calls] == ["heater"]
    house.dies_when_told = house.plug.on = True
    house.there.is_away = True
    house.offer(b"{}")
    house.pass_time(2)
    house.lose_snapshots()
    house.end()
    events, kept = house.in_one_piece()
    assert [event.device for event in events] == ["heater"]
    assert events == house.told()
    assert kept == len({row for row in house.passed_on() if row[0] in OWN}) > 90
    assert len(house.there.rows()) >= len(house.passed_on())
    assert len(house.rejected()) == 1
    house.close()
