"""The make of a saved state, pinned: who changes it unknowingly would make every running detector learn anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.core.device import Fleet
from kilowatch.core.state import STATE_V, freeze
from kilowatch.core.state_nodes import structure
from kilowatch.detectors.registry import create
from kilowatch.links.memory import MemoryHistory

GOLDEN = Path(__file__).parents[1] / "core" / "golden"


def make_of(detector: str) -> str:
    """What a fresh pipeline's state is made of: a line for each part."""
    pipeline = Pipeline(Fleet(), create(detector), MemoryHistory(), PipelineSettings())
    frozen = freeze(pipeline)
    parts = sorted(f"{path} {kind}" for path, kind in structure(frozen.tree).items())
    return "\n".join([f"format {STATE_V}, make {frozen.make}", *parts, ""])


@pytest.mark.parametrize("detector", ["fleet", "default"])
def test_the_make_of_a_saved_state_is_as_it_was(detector: str) -> None:
    """Where a change is meant: let `thaw` read the format before, raise STATE_V, and write the file with
    KILOWATCH_WRITE_GOLDEN=1."""
    golden = GOLDEN / f"state-{detector}.txt"
    if os.environ.get("KILOWATCH_WRITE_GOLDEN"):
        golden.write_text(make_of(detector), encoding="utf-8")
    assert make_of(detector) == golden.read_text(encoding="utf-8"), "detectors will not read the snapshots that exist"
