"""Ten demos over real HTTP, faults at random times on random devices: found, and nothing that must not be is called.

What is armed is called once, what is protected or dry is never: each plug's own log of requests is the witness. One
seed is played in every test run, ten in a soak.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.seeds import PROTECTED, SEEDS, SOON_MIN, cues, named, performed
from kilowatch.demo import stage
from kilowatch.demo.catalogue import QUICK, dashed
from kilowatch.demo.live import Staging

if TYPE_CHECKING:
    from pathlib import Path


def soak(number: int) -> object:
    marks = () if number == 1 else (pytest.mark.soak, pytest.mark.timeout(600))
    return pytest.param(number, marks=marks, id=f"seed-{number}")


@pytest.mark.parametrize("seed", [soak(number) for number in SEEDS])
def test_faults_at_random_times_are_found_and_only_what_is_armed_is_called(
    tmp_path: Path, state: bytes, seed: int
) -> None:
    staging = Staging(seed, cues=cues(seed, 4))
    seen = performed(tmp_path / "data", state, staging)
    print(f"seed {seed}: {named(staging.cues)}: found after {seen.delays_s} s")  # noqa: T201 - what a soak run is for
    assert None not in seen.delays_s.values()
    assert set(seen.called) <= {cue.device for cue in staging.cues} & set(stage.ARMED)
    assert not set(seen.called) & PROTECTED
    assert all(count <= 3 for count in seen.calls.values())
    assert seen.output.actions == len(seen.called)
    assert seen.output.protected_switched == 0


@pytest.mark.parametrize("seed", [soak(number) for number in SEEDS])
def test_a_dry_run_calls_nothing_whatever_goes_wrong(tmp_path: Path, state: bytes, seed: int) -> None:
    seen = performed(tmp_path / "data", state, Staging(seed, dry_run=True, cues=cues(seed, 2)))
    assert None not in seen.delays_s.values()
    assert not seen.called
    assert seen.output.actions == 0


def test_at_least_eight_faults_are_played_over_the_seeds() -> None:
    played_ones = {(cue.device, cue.fault) for seed in SEEDS for cue in cues(seed, 4)}
    soon = {(device, dashed(fault)) for (device, fault), minutes in QUICK.items() if minutes <= SOON_MIN}
    assert len(QUICK) >= 8
    assert played_ones == soon
