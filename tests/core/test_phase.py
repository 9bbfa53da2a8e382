"""Phases: a device's own, the same in every process, and spread so that no step of a fleet costs more than another."""

from __future__ import annotations

import numpy as np
import pytest

from kilowatch.core.device import Fleet, first_seen
from kilowatch.core.phase import phase_of
from kilowatch.core.state import freeze, thaw


def test_it_hangs_on_the_name_alone() -> None:
    assert phase_of("home", "fridge") == 0xEE85F41F
    fleet = Fleet([first_seen("home", "tv"), first_seen("home", "fridge"), first_seen("Mühle", "Büro")])
    assert fleet.phase[:3].tolist() == [
        phase_of(*name) for name in (("home", "tv"), ("home", "fridge"), ("Mühle", "Büro"))
    ]


@pytest.mark.parametrize("stride", [2, 3, 4, 5, 10, 20])
def test_neighbours_in_name_take_turns(stride: int) -> None:
    phases = np.array([phase_of(f"house{number:05d}", "meter") for number in range(20_000)])
    share = np.bincount(phases % stride, minlength=stride) * stride / len(phases)
    assert share.min() > 0.9
    assert share.max() < 1.1


def test_a_fleet_that_was_saved_knows_them_again() -> None:
    fleet, again = Fleet([first_seen("home", str(number)) for number in range(20)]), Fleet()
    thaw(again, freeze(fleet))
    np.testing.assert_array_equal(again.phase[:20], fleet.phase[:20])
    again.extend([first_seen("home", "late")])
    assert again.phase[20] == phase_of("home", "late")
