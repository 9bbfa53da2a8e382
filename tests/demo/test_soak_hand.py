"""Ten demos over real HTTP, faults at random times on random devices: found, and nothing that must not be is called.

What is armed is called once, what is protected or dry is never: each plug's own log of requests is the witness. One
seed is played in every test run, ten in a soak.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from demo.theatre import calls_of, played
from kilowatch.demo import stage
from kilowatch.demo.catalogue import QUICK, dashed
from kilowatch.demo.live import Cue, LiveDemo, Staging

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROTECTED = frozenset({"fridge", "freezer", "router"})
SOON_MIN = 15
"""Faults that are promised within half a minute of ours: the others are found by `test_soak` without plugs."""


def soak(number: int) -> object:
    marks = () if number == 1 else (pytest.mark.soak, pytest.mark.timeout(600))
    return pytest.param(number, marks=marks, id=f"seed-{number}")


SEEDS = [soak(number) for number in range(1, 11)]


def cues(seed: int, count: int) -> tuple[Cue, ...]:
    """Named faults, each of another device, at random moments of the first seconds."""
    rng = np.random.default_rng(seed)
    fitting = sorted((device, dashed(fault)) for (device, fault), minutes in QUICK.items() if minutes <= SOON_MIN)
    order = rng.permutation(len(fitting)).tolist()
    chosen: dict[str, str] = {}
    for place in order:
        chosen.setdefault(*fitting[place])
    return tuple(Cue(float(rng.uniform(1.0, 10.0)), device, fault) for device, fault in list(chosen.items())[:count])


def found(live: LiveDemo) -> dict[str, float]:
    """Seconds of ours from the start until each device's incident was told."""
    with live.built.parts.database.read() as transaction:
        known = transaction.incidents.between(stage.LIVE_FROM_MS - stage.DAY_MS, 2**60)
    return {one.event.device: (one.opened_ms - stage.LIVE_FROM_MS) / 1000 / stage.SPEED for one in known}


def watched(folder: Path, state: bytes, staging: Staging, seconds: float) -> tuple[LiveDemo, dict[str, float]]:
    """Play until everything that goes wrong has been told, and a little longer."""
    told: dict[str, float] = {}
    last = [seconds]

    def is_over(live: LiveDemo) -> bool:
        told.update({device: at_s for device, at_s in found(live).items() if device not in told})
        if {cue.device for cue in staging.cues} <= set(told):
            last[0] = min(last[0], live.elapsed_s() + 5.0)
        return live.elapsed_s() > last[0]

    return played(folder, state, staging, seconds, is_over), told


@pytest.mark.parametrize("seed", SEEDS)
def test_faults_at_random_times_are_found_and_only_what_is_armed_is_called(
    tmp_path: Path, state: bytes, seed: int
) -> None:
    staging = Staging(seed, cues=cues(seed, 4))
    live, told = watched(tmp_path / "data", state, staging, 60.0)
    delays = {cue.device: round(told[cue.device] - cue.at_s, 1) for cue in staging.cues if cue.device in told}
    print(f"seed {seed}: {named(staging.cues)}: found after {delays} s")  # noqa: T201 - what a soak run is for
    assert set(delays) == {cue.device for cue in staging.cues}
    calls = calls_of(live)
    called = {device for device, count in calls.items() if count}
    assert called <= {cue.device for cue in staging.cues} & set(stage.ARMED)
    assert not called & PROTECTED
    assert all(count <= 3 for count in calls.values())
    assert live.output().actions == len(called)
    assert live.output().protected_switched == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_dry_run_calls_nothing_whatever_goes_wrong(tmp_path: Path, state: bytes, seed: int) -> None:
    staging = Staging(seed, dry_run=True, cues=cues(seed, 2))
    live, told = watched(tmp_path / "data", state, staging, 60.0)
    assert set(told) >= {cue.device for cue in staging.cues}
    assert not any(calls_of(live).values())
    assert live.output().actions == 0


def test_at_least_eight_faults_are_played_over_the_seeds() -> None:
    played_ones = {(cue.device, cue.fault) for seed in range(1, 11) for cue in cues(seed, 4)}
    promised = {(device, dashed(fault)) for device, fault in QUICK}
    assert len(promised) >= 8
    assert played_ones == {(d, dashed(f)) for (d, f), minutes in QUICK.items() if minutes <= SOON_MIN}


def named(all_of_them: Sequence[Cue]) -> str:
    return ", ".join(f"{cue.device} {cue.fault} at {cue.at_s:.1f} s" for cue in all_of_them)
