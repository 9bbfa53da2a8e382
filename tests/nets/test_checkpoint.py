from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from kilowatch.errors import StateError
from kilowatch.nets.checkpoint import EpochReport, Progress, load, save

if TYPE_CHECKING:
    from pathlib import Path

MADE = Progress(
    history=[EpochReport(1, 5, 0.5, 0.6, 1.0, 4.0, 0.7)],
    best_epoch=0,
    variables=[np.array(k, dtype=np.float32) for k in range(12)],
    best=[np.eye(2, dtype=np.float32)],
)


def test_a_checkpoint_comes_back_in_order(tmp_path: Path) -> None:
    save(tmp_path / "c", "print", MADE)
    found = load(tmp_path / "c", "print")
    assert found is not None
    assert found.history == MADE.history
    assert [float(array) for array in found.variables] == list(range(12))
    np.testing.assert_array_equal(found.best[0], np.eye(2))
    assert load(tmp_path / "none", "print") is None


def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "c", "print", MADE)
    with pytest.raises(StateError, match="other data") as caught:
        load(tmp_path / "c", "other")
    assert "--restart" in caught.value.hint


@pytest.mark.parametrize("size", [0, 1, 100, 1000])
def test_a_torn_checkpoint_is_said(tmp_path: Path, size: int) -> None:
    save(tmp_path / "c", "print", MADE)
    (tmp_path / "c").write_bytes((tmp_path / "c").read_bytes()[:size])
    with pytest.raises(StateError, match="cannot be read"):
        load(tmp_path / "c", "print")
