"""The demo over real HTTP: what is armed is switched off and read back, what is protected is never called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.theatre import calls_of, played
from kilowatch.demo import stage
from kilowatch.demo.learnt import learnt
from kilowatch.demo.live import CUES, Cue, Staging

if TYPE_CHECKING:
    from pathlib import Path

PROTECTED = ("fridge", "freezer", "router")
_EARLY = (Cue(1.0, "kettle", "left-on"), Cue(1.0, "router", "double-draw"))


def test_the_armed_one_is_switched_off_once_and_read_back_and_the_protected_one_is_left_alone(
    tmp_path: Path, state: bytes
) -> None:
    live = played(
        tmp_path / "data", state, Staging(1, cues=_EARLY), 60.0, lambda live: live.output().actions_confirmed > 0
    )
    output, calls = live.output(), calls_of(live)
    assert output.actions == output.actions_confirmed == 1
    assert calls.pop("kettle") == 1
    assert not any(calls.values())
    assert output.protected_switched == 0
    assert output.incidents >= 2
    assert not next(plug.outlet.is_on for plug in live.plugs if plug.outlet.device == "kettle")


def test_a_dry_run_says_what_it_would_do_and_calls_nothing(tmp_path: Path, state: bytes) -> None:
    said: list[str] = []

    def heard(live: object) -> bool:
        said.extend(line.words for line in live.board.fresh())  # type: ignore[attr-defined]
        return any("dry run" in words for words in said)

    live = played(tmp_path / "data", state, Staging(1, dry_run=True, cues=_EARLY[:1]), 60.0, heard)
    assert any("kettle" in words and "this is a dry run" in words for words in said), said
    assert live.output().actions == 0
    assert not any(calls_of(live).values())


@pytest.mark.parametrize("seed", [1, 2])
def test_where_nothing_goes_wrong_nothing_is_done(tmp_path: Path, state: bytes, seed: int) -> None:
    live = played(tmp_path / "data", state, Staging(seed, cues=()), 8.0)
    output = live.output()
    assert output.actions == 0
    assert output.incidents == 0
    assert output.readings > 50
    assert not any(calls_of(live).values())


def test_what_was_learnt_is_there_at_once_the_second_time(cache: Path, state: bytes) -> None:
    learnt_again: list[int] = []
    assert learnt(learnt_again.append, cache) == state
    assert learnt_again == []


def test_everything_on_the_stage_is_as_the_audience_is_told() -> None:
    records = {r.device: r for r in stage.records(stage.home_of(1, stage.LEARNT_FROM_MS))}
    assert len(records) == 12
    assert {device for device, record in records.items() if record.protected} == set(PROTECTED)
    assert not set(PROTECTED) & set(stage.ARMED)
    assert all(cue.device in records for cue in CUES)
