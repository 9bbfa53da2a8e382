"""kill -9 of the edge process in each state of an action and between them: at most one off, by the plug's own log."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.actor.stage import ODD
from app.edge.doomed import built
from kilowatch.core.acting import FINAL
from kilowatch.core.events import ActionState
from kilowatch.sim.plugs import Make
from sim.plugs.hosted import host_of, plug_of

_TESTS = Path(__file__).parents[2]


def lived(folder: Path, write: int = 0, moment: str = "never") -> int:
    """Let an edge process live, killed at a write of its actor where that is not 0; return its exit status."""
    environment = {**os.environ, "PYTHONPATH": str(_TESTS)}
    words = [sys.executable, str(Path(__file__).parent / "doomed.py"), str(folder), str(write), moment]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert write or done.returncode == 0, done.stderr
    return done.returncode


@pytest.mark.parametrize(
    ("write", "moment", "calls", "end"),
    [
        (1, "before", 1, ActionState.CONFIRMED),
        (1, "after", 1, ActionState.CONFIRMED),
        (2, "before", 1, ActionState.CONFIRMED),
        (2, "after", 0, ActionState.UNCONFIRMED),
        (3, "before", 1, ActionState.CONFIRMED),
        (3, "after", 1, ActionState.CONFIRMED),
    ],
)
@pytest.mark.parametrize("make", [Make.SHELLY2])
def test_a_killed_edge_never_switches_twice(
    tmp_path: Path, make: Make, write: int, moment: str, calls: int, end: ActionState
) -> None:
    plug = plug_of(make)
    with host_of(plug):
        built(tmp_path / "data", plug.address).close()
        assert lived(tmp_path / "data", write, moment) == -9
        lived(tmp_path / "data")
        lived(tmp_path / "data")
    told = [seen.switched for seen in plug.seen if seen.switched is not None]
    assert told == [False] * calls
    after = built(tmp_path / "data")
    with after.parts.database.read() as transaction:
        steps = transaction.actions.steps(ODD.id)
    after.close()
    assert steps[-1].state is end
    assert steps[-1].state in FINAL
    assert plug.outlet.is_on is (calls == 0)
    assert [step.state for step in steps].count(ActionState.CLAIMED) == 1
