"""What `bench edge` counts, compares and starts; its figures are for the machine it runs on."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest

from kilowatch.errors import ComponentError
from kilowatch.lab.bench import edge_peers
from kilowatch.lab.bench.edge import latency_rows
from kilowatch.lab.bench.edge_files import without_scaling
from kilowatch.lab.bench.edge_floor import floor_us, operations
from kilowatch.lab.bench.edge_peers import Runtime, python_of
from kilowatch.lab.bench.edge_start import start
from kilowatch.lab.bench.edge_worker import RUNTIMES
from kilowatch.lab.bench.pipeline.goals import GoalRow
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.card import Network
from kilowatch.nets.engines import Engine
from kilowatch.nets.heads import scaled
from kilowatch.nets.runtime import Model
from kilowatch.nets.shapes import EdgeClassifierShape
from nets.made import noise, trained

if TYPE_CHECKING:
    from pathlib import Path


def test_operations_are_counted_by_hand() -> None:
    shape = EdgeClassifierShape(window=8, filters=2, kernel=1, pool=4, units=3)
    convolution = 2 * 8 * 1 * 2
    first, later = 2 * 12 * (2 + 3), 2 * 12 * (3 + 3)
    assert operations(shape) == convolution + 2 * (first + 2 * later) + 2 * 3
    assert 0 < floor_us(shape) < floor_us(EdgeClassifierShape())


def test_the_graph_without_scaling_gives_the_same_scores() -> None:
    artifact, windows = artifact_of(trained(Network.EDGE_CLASSIFIER).data), noise(4)
    bare = without_scaling(artifact.data)
    session = onnxruntime.InferenceSession(bare, providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"power_w": scaled(windows, artifact.card.scaler)})
    np.testing.assert_allclose(scores, Model(artifact, Engine.ONNXRUNTIME).score(windows), atol=1e-6)
    assert len(artifact_of(bare).file.nodes) == len(artifact.file.nodes) - 2


def test_every_row_that_was_asked_for_is_printed() -> None:
    taken = {"kilowatch": [100_000] * 3, "onnxruntime": [95_000] * 3, "keras_jax": [500_000] * 3}
    missing = dict.fromkeys(("openvino", "litert", "keras_tf"), "not installed")
    rows = {row.name: row for row in latency_rows(taken, missing)}
    assert {f"{name}_us_p50" for name in RUNTIMES} <= rows.keys()
    assert rows["kilowatch_us_p50"].value == rows["kilowatch_us_p99"].value == 100
    assert rows["litert_us_p50"].value is None
    goals = {name: row.met for name, row in rows.items() if isinstance(row, GoalRow) and row.goal}
    assert goals == {"kilowatch_over_onnxruntime": True, "keras_jax_over_kilowatch": True}


def test_a_runtime_answers_from_its_own_process(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(trained(Network.EDGE_CLASSIFIER).data)
    np.save(tmp_path / "windows.npy", noise(12))
    with closing(Runtime("kilowatch", tmp_path, None)) as runtime:
        for size, count in ((1, 5), (4, 2)):
            runtime.ask(size, count)
            taken = runtime.answer_ns()
            assert len(taken) == count
            assert min(taken) > 0
    with pytest.raises(ComponentError, match="onnxruntime ended"):
        Runtime("onnxruntime", tmp_path, None)


def test_a_peer_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_peers, "HOME", tmp_path)
    assert python_of("litert") is None
    with pytest.raises(ComponentError, match="litert is not installed") as caught:
        Runtime("litert", tmp_path, None)
    assert "--peers" in caught.value.hint


def test_a_fresh_process_is_timed_and_weighed() -> None:
    light = start([sys.executable, "-c", "pass"], "kilowatch")
    heavy = start([sys.executable, "-c", "x = bytearray(50_000_000)"], "kilowatch")
    assert light.seconds > 0
    assert 40 < heavy.rss_mb - light.rss_mb < 60
    assert np.isnan(start([sys.executable, "-c", "raise SystemExit(3)"], "kilowatch").rss_mb)
