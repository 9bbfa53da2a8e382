"""A pipeline with a network goes on from its saved state as any other, and says so where the model is another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from app.handover import Run, assert_same, cut
from app.test_pipeline_state import faulty_home
from detectors.networks import trained
from kilowatch.app.pipeline import Pipeline
from kilowatch.core.device import Fleet
from kilowatch.core.state import freeze, thaw
from kilowatch.detectors.registry import create
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.card import Network
from kilowatch.nets.export import restamped

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("network", Network)
def test_a_network_goes_on_as_if_nothing_had_happened(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(trained(network).data)
    stream = faulty_home()
    pieces = list(cut(stream, np.random.default_rng(0).integers(0, len(stream), 5).tolist()))
    through, handed = (Run(f"{network}:{path}") for _ in range(2))
    through.feed(pieces)
    for piece in pieces:
        handed.feed([piece])
        assert handed.hand_over() == []
    assert_same(handed, through)
    assert any(np.isfinite(judged.score[judged.watching]).any() for result in through.said for judged in result.judged)


def test_another_model_is_named_as_a_change(tmp_path: Path) -> None:
    path, other = tmp_path / "model.onnx", tmp_path / "other.onnx"
    data = trained(Network.AUTOENCODER).data
    path.write_bytes(data)
    other.write_bytes(restamped(data, msgspec.structs.replace(artifact_of(data).card, created="later")))
    pipelines = [Pipeline(Fleet(), create(f"autoencoder:{each}")) for each in (path, other)]
    (changed,) = thaw(pipelines[1], freeze(pipelines[0]))
    assert changed.startswith("scorer.detector.models: ")
