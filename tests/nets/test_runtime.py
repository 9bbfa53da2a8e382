from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.errors import ModelError, ReadingError
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.card import Network
from kilowatch.nets.check import try_model
from kilowatch.nets.engines import Engine, quickest_to_start
from kilowatch.nets.runtime import Model, main, read_window
from nets.made import WINDOW, int8_of, noise, trained

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = (
    "typer",
    "rich",
    "pyarrow",
    "kilowatch.core",
    "keras",
    "jax",
    "jaxlib",
    "tensorflow",
    "torch",
    "onnx",
    "sklearn",
    "pandas",
    "plotly",
    "scipy",
    "optuna",
)


def model(network: Network, engine: Engine = Engine.ONNXRUNTIME) -> Model:
    return Model(artifact_of(trained(network).data), engine)


@pytest.mark.parametrize("network", Network)
def test_numpy_and_onnxruntime_agree(network: Network) -> None:
    windows = noise(70)
    scores = model(network).score(windows)
    assert scores.dtype == np.float32
    assert scores.std() > 0
    np.testing.assert_allclose(scores, model(network, Engine.NUMPY).score(windows), rtol=1e-5, atol=1e-6)


@given(cuts=st.lists(st.integers(1, 99), max_size=4))
@settings(deadline=None, max_examples=30)
def test_a_score_does_not_depend_on_its_batch(cuts: list[int]) -> None:
    windows, net = noise(100), model(Network.EDGE_CLASSIFIER)
    pieces = np.split(windows, sorted(cuts))
    together = net.score(windows)
    apart = np.concatenate([net.score(piece) for piece in pieces])
    np.testing.assert_array_equal(np.round(together, 4), np.round(apart, 4))
    np.testing.assert_allclose(together, apart, atol=1e-6)


@pytest.mark.parametrize("network", Network)
def test_single_and_batch_forms_agree(network: Network) -> None:
    windows, net = noise(5), model(network)
    singles = [net.score_one(window) for window in windows]
    np.testing.assert_allclose(net.score(windows), singles, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", [Engine.ONNXRUNTIME, Engine.NUMPY])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_window_with_a_hole_scores_nan_and_is_not_odd(bad: float, engine: Engine) -> None:
    net, windows = model(Network.EDGE_CLASSIFIER, engine), noise(3)
    windows[1, 7] = bad
    scores = net.score(windows)
    assert np.isnan(scores).tolist() == [False, True, False]
    assert np.isnan(net.score_one(windows[1]))
    assert net.verdict(windows[1]).odd is False


def test_a_constant_window_is_scored() -> None:
    for network in Network:
        assert np.isfinite(model(network).score_one(np.zeros(WINDOW, dtype=np.float32)))


def test_no_windows_give_no_scores() -> None:
    assert model(Network.AUTOENCODER).score(noise(0)).shape == (0,)
    assert model(Network.AUTOENCODER).expect(noise(0)).shape == (0, WINDOW)


@pytest.mark.parametrize("shape", [(3, WINDOW - 1), (WINDOW,), (2, WINDOW, 1)])
def test_a_wrong_window_is_said(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="windows of 40 samples") as caught:
        model(Network.EDGE_CLASSIFIER).score(np.zeros(shape, dtype=np.float32))
    assert "float32[n, 40]" in caught.value.hint
    with pytest.raises(ModelError, match="windows of 40"):
        model(Network.EDGE_CLASSIFIER).score_one(np.zeros(3, dtype=np.float32))


def test_other_dtypes_are_taken() -> None:
    net, windows = model(Network.EDGE_CLASSIFIER), noise(2)
    assert net.score_one(windows[0].astype(np.float64)) == net.score_one(windows[0])
    np.testing.assert_array_equal(net.score(windows.astype(np.float64)), net.score(windows))


def test_expected_watts_explain_the_score() -> None:
    windows, net = noise(40), model(Network.AUTOENCODER)
    error = np.abs(net.expect(windows) - windows).mean(axis=1) / net.card.scaler.span_w
    np.testing.assert_allclose(error, net.score(windows), rtol=1e-4)
    assert model(Network.FORECASTER).expect(windows).shape == (40, WINDOW - 1)
    with pytest.raises(ModelError, match="no expectation"):
        model(Network.EDGE_CLASSIFIER).expect(windows)


def test_a_forecaster_never_looks_ahead() -> None:
    net, windows = model(Network.FORECASTER), noise(1)
    before = net.expect(windows)
    windows[0, 30] += 50
    after = net.expect(windows)
    np.testing.assert_array_equal(before[0, :30], after[0, :30])  # column k expects sample k + 1
    assert (before[0, 30:] != after[0, 30:]).any()


def test_load_checks_hash_window_and_interval(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(trained(Network.EDGE_CLASSIFIER).data)
    net = Model.load(path)
    assert (net.kind, net.window, net.interval_s) == (Network.EDGE_CLASSIFIER, WINDOW, 30.0)
    net.check(window=WINDOW, interval_s=30.0)
    with pytest.raises(ModelError):
        net.check(interval_s=5.0)
    with pytest.raises(ModelError, match="SHA-256"):
        Model.load(path, sha256="0" * 64)


def test_a_model_that_runs_is_tried() -> None:
    assert try_model(artifact_of(trained(Network.FORECASTER).data)).kind is Network.FORECASTER


def test_the_edge_loads_no_training_library(tmp_path: Path) -> None:
    path, window = tmp_path / "model.onnx", tmp_path / "window.csv"
    path.write_bytes(trained(Network.EDGE_CLASSIFIER).data)
    window.write_text("power_w\n" + "\n".join(["4.5"] * WINDOW))
    code = (
        "import sys; from kilowatch.nets.runtime import main; "
        f"code = main([{str(path)!r}, {str(window)!r}, 'onnxruntime']); "
        f"print(*[name for name in {HEAVY!r} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    verdict, loaded = done.stdout.split("\n")[:2]
    assert verdict.startswith(("odd", "normal"))
    assert loaded == ""


def test_one_window_needs_no_runtime_unless_the_graph_does() -> None:
    data = trained(Network.EDGE_CLASSIFIER).data
    assert quickest_to_start(artifact_of(data)) is Engine.NUMPY
    assert quickest_to_start(artifact_of(int8_of(data))) is Engine.ONNXRUNTIME


def test_the_engine_can_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, window = tmp_path / "model.onnx", tmp_path / "window.csv"
    path.write_bytes(trained(Network.EDGE_CLASSIFIER).data)
    window.write_text("power_w\n" + "\n".join(["4.5"] * WINDOW))
    assert [main([str(path), str(window), *engine]) for engine in ([], ["numpy"], ["onnxruntime"])] == [0, 0, 0]
    assert len(set(capsys.readouterr().out.splitlines())) == 1
    assert main([str(path), str(window), "abacus"]) == 2
    assert "numpy" in capsys.readouterr().err


def test_a_call_leaves_the_scores_of_the_last_one_alone() -> None:
    net, windows = model(Network.AUTOENCODER), noise(80)
    first = net.score(windows[:40])
    kept = first.copy()
    expected = net.expect(windows[:2])
    seen = expected.copy()
    net.score(windows[40:])
    net.expect(windows[40:42])
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(expected, seen)


def test_a_window_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "window.csv"
    path.write_text("time;power\n2026-01-01;4.5\n\n2026-01-02;\n")
    np.testing.assert_array_equal(read_window(path), np.array([4.5, np.nan], dtype=np.float32))
    path.write_text("1\ntwo\n")
    with pytest.raises(ReadingError, match="line 2"):
        read_window(path)


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main([str(tmp_path / "none.onnx"), "w.csv"]) == 3
    assert "cannot be read" in capsys.readouterr().err
