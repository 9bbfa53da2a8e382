"""Ten homes: quiet where nothing goes wrong, and every fault that the demo promises is found in time.

Quiet is watched live, over HTTP. Faults go through the same pipeline and state without plugs, since a random time of
the home's day would be most of an hour of ours to wait for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.seeds import QUIET_S, SEEDS, delay_min, performed, random_minute
from kilowatch.demo.catalogue import QUICK
from kilowatch.demo.live import Staging

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.sim.faults import Fault


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_ten_quiet_homes_bring_one_incident_at_most_and_no_action(tmp_path: Path, state: bytes) -> None:
    quiet = [performed(tmp_path / str(seed), state, Staging(seed, cues=()), QUIET_S) for seed in SEEDS]
    assert [one.output.actions for one in quiet] == [0] * len(SEEDS)
    assert [one.called for one in quiet] == [{}] * len(SEEDS)
    assert sum(one.output.incidents for one in quiet) <= 1


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("device", "fault"), sorted(QUICK))
def test_what_the_demo_promises_is_found_in_time(tmp_path: Path, state: bytes, device: str, fault: Fault) -> None:
    promised = QUICK[device, fault]
    delays = [
        delay_min(tmp_path / str(seed), state, (device, fault), seed, random_minute(seed), promised) for seed in SEEDS
    ]
    print(f"{device} {fault}: found after {delays} min, promised {promised}")  # noqa: T201 - what a soak run is for
    assert None not in delays, delays
