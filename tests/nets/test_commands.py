"""`kilowatch train` and `kilowatch models`: what they print, write and refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from cli.homes import Said, called
from kilowatch.core.outputs_models import ModelOutput, ModelsOutput, TrainOutput, VerifyOutput
from kilowatch.errors import ConfigError, ModelError
from kilowatch.nets.artifact import artifact_of, read_artifact
from kilowatch.nets.card import Network
from kilowatch.nets.export import restamped
from kilowatch.nets.shipped import names
from links.tables import START_MS, write
from nets.made import cycles, trained

if TYPE_CHECKING:
    from pathlib import Path

SMALL = ("--window=40", "--filters=4", "--kernel-size=3", "--epochs=1")


def history(path: Path, on: int, seed: int = 0) -> Path:
    """A device every 30 s that runs `on` of 23 samples."""
    ts_s = START_MS // 1000 + 30 * np.arange(2400)
    rows = (f"{ts},{watts:.2f}" for ts, watts in zip(ts_s.tolist(), cycles(2400, on, 23, seed).tolist(), strict=True))
    return write(path, ["timestamp,power_w", *rows])


def train(folder: Path, network: str, *words: object) -> Said:
    return called("train", network, f"--out={folder / 'model.onnx'}", *SMALL, *words, width=200)


def model_file(path: Path, created: str = "a") -> Path:
    data = trained(Network.FORECASTER).data
    path.write_bytes(restamped(data, msgspec.structs.replace(artifact_of(data).card, created=created)))
    return path


def test_train_writes_model_and_curve_and_prints_one_object(tmp_path: Path) -> None:
    said = train(tmp_path, "forecaster", "--data", history(tmp_path / "fridge.csv", 8), "--json")
    output = msgspec.convert(said.json, TrainOutput)
    artifact = read_artifact(tmp_path / "model.onnx", output.model.sha256)
    assert (artifact.card.window, output.model.network) == (40, "forecaster")
    assert [row.epoch for row in output.history] == [1]
    assert "validation" in (tmp_path / "model.html").read_text(encoding="utf-8")
    assert not (tmp_path / "model.onnx.checkpoint").exists()


def test_people_see_the_data_the_file_and_the_curve(tmp_path: Path) -> None:
    start = model_file(tmp_path / "start.onnx")
    words = ("--data", history(tmp_path / "fridge.csv", 8), "--start", start)
    with pytest.raises(ModelError, match="does not fit"):
        train(tmp_path, "forecaster", *words)
    said = train(tmp_path, "autoencoder", *words[:2], "--units=4", "--latent=2")
    assert "fridge" in said.err
    assert "model.onnx" in said.out
    assert "Curve" in said.out


@pytest.mark.parametrize(
    ("network", "words", "match"),
    [
        ("edge-classifier", (), "both classes"),
        ("autoencoder", ("--abnormal", "DATA"), "normal history alone"),
        ("edge-classifier", ("--abnormal", "DATA", "--latent=4"), "has no latent"),
        ("edge-classifier", ("--abnormal", "DATA", "--pool=30"), "leave nothing"),
    ],
)
def test_train_refuses_what_cannot_be(tmp_path: Path, network: str, words: tuple[str, ...], match: str) -> None:
    data = str(history(tmp_path / "fridge.csv", 8))
    with pytest.raises(ConfigError, match=match):
        train(tmp_path, network, "--data", data, *(data if word == "DATA" else word for word in words))


def test_models_are_promoted_listed_and_rolled_back(tmp_path: Path) -> None:
    folder = f"--registry={tmp_path / 'models'}"
    first, second = model_file(tmp_path / "a.onnx", "a"), model_file(tmp_path / "b.onnx", "b")
    hashes = [read_artifact(path).sha256 for path in (first, second)]
    assert f"live {hashes[0][:12]}" in called("models", "promote", first, folder).out
    assert f"in shadow {hashes[1][:12]}" in called("models", "promote", second, folder, "--shadow").out
    assert "1 before it" in called("models", "promote", hashes[1][:8], folder).out
    listed = msgspec.convert(called("models", "list", folder, "--json").json, ModelsOutput)
    assert {row.model.sha256: row.serves for row in listed.models} == {
        hashes[0]: ["past: any"],
        hashes[1]: ["live: any"],
    }
    assert f"live {hashes[0][:12]}" in called("models", "rollback", "forecaster", folder).out
    assert hashes[0][:12] in called("models", "list", folder, width=200).out
    with pytest.raises(ConfigError, match="was live before"):
        called("models", "rollback", "forecaster", folder)


def test_a_model_is_shown(tmp_path: Path) -> None:
    path = model_file(tmp_path / "a.onnx")
    output = msgspec.convert(called("models", "show", path, "--json").json, ModelOutput)
    assert output.model.sha256 == read_artifact(path).sha256
    assert output.model.devices == ["home/fridge"]
    assert output.model.sha256 in called("models", "show", path, width=200).out


def test_verify_says_which_is_wrong(tmp_path: Path) -> None:
    good, bad = model_file(tmp_path / "a.onnx"), tmp_path / "b.onnx"
    bad.write_bytes(good.read_bytes()[:-40])
    said = called("models", "verify", good, bad)
    assert said.code == 1
    assert "whole" in said.out
    assert "wrong" in said.out
    listed = msgspec.convert(called("models", "verify", good, bad, "--json").json, VerifyOutput).models
    assert [one.whole for one in listed] == [True, False]
    assert (listed[0].sha256, listed[1].sha256) == (read_artifact(good).sha256, None)
    assert listed[1].why
    assert called("models", "verify", good, f"--sha256={'0' * 64}").code == 1
    with pytest.raises(ConfigError, match="no models"):
        called("models", "verify", f"--registry={tmp_path / 'none'}")


@pytest.mark.parametrize("name", names())
def test_shipped_models_run_and_go_by_name(name: str) -> None:
    said = called("models", "verify", name)
    assert said.code == 0
    assert "whole" in said.out
