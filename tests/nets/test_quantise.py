"""int8 of the networks that ship: really trained, so that what it changes says something."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.samples import fridge
from kilowatch.nets.artifact import artifact_of, read_artifact
from kilowatch.nets.card import Precision
from kilowatch.nets.engines import Engine
from kilowatch.nets.quantise import MOST_CHANGED, changed_verdicts, to_int8
from kilowatch.nets.runtime import Model
from kilowatch.nets.shipped import path_of


@pytest.mark.parametrize("name", ["fridge-classifier", "fridge-autoencoder"])
def test_int8_decides_as_float_and_its_card_says_how_often_not(name: str) -> None:
    artifact = read_artifact(path_of(name))
    window = artifact.card.window
    watts = np.concatenate([fridge(10, seed=1), np.full(5 * 2880, 90.0), np.zeros(5 * 2880)]).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(watts, window)[:: window // 4]
    assert len(windows) > 1000
    data = to_int8(artifact.data, windows)
    sibling = artifact_of(data)
    assert len(data) < 0.6 * len(artifact.data)
    assert sibling.card.precision is Precision.INT8
    assert sibling.card.changed_verdicts == changed_verdicts(artifact.data, data, windows)
    assert 0 <= sibling.card.changed_verdicts <= MOST_CHANGED
    scores = [Model(each, Engine.ONNXRUNTIME).score(windows) for each in (artifact, sibling)]
    assert 0 < (scores[0] >= artifact.card.threshold).mean() < 1
    assert np.abs(scores[0] - scores[1]).max() > 0


def test_what_comes_with_a_window_does_not_change_its_score() -> None:
    artifact = read_artifact(path_of("fridge-autoencoder"))
    watts = fridge(12, seed=1).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(watts, artifact.card.window)[:: artifact.card.window]
    model = Model(artifact_of(to_int8(artifact.data, windows)), Engine.ONNXRUNTIME)
    loud = np.concatenate([windows[:40], windows[:1] * 20])
    np.testing.assert_array_equal(model.score(loud)[:40], model.score(windows[:40]))
    np.testing.assert_array_equal(model.score(windows[:40]), [model.score_one(window) for window in windows[:40]])
