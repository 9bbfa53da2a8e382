from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from kilowatch.errors import ModelError
from kilowatch.nets.artifact import artifact_of, check_fit, read_artifact
from kilowatch.nets.card import Network, ScoreRule, from_metadata, to_metadata
from nets.made import WINDOW, trained

if TYPE_CHECKING:
    from pathlib import Path

REQUIRED = [
    "format",
    "kind",
    "window",
    "interval_s",
    "channels",
    "scaler",
    "score",
    "threshold",
    "normaliser",
    "trained_on",
    "fingerprint",
    "created",
    "opset",
    "equality_max",
]
"""Of CONTRACTS, model artifact."""


def changed(**properties: str | None) -> bytes:
    proto = onnx.load_model_from_string(trained(Network.AUTOENCODER).data)
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    for name, value in properties.items():
        if value is None:
            del metadata[f"kw.{name}"]
        else:
            metadata[f"kw.{name}"] = value
    del proto.metadata_props[:]
    helper.set_model_props(proto, metadata)
    return bytes(proto.SerializeToString())


def test_the_card_says_what_the_contract_asks_for() -> None:
    artifact = artifact_of(trained(Network.AUTOENCODER).data)
    assert {f"kw.{name}" for name in REQUIRED} <= artifact.file.metadata.keys()
    assert artifact.card.kind is Network.AUTOENCODER
    assert artifact.card.score is ScoreRule.MEAN_ABSOLUTE_ERROR
    assert artifact.card.window == WINDOW
    assert artifact.card.trained_on.devices == ["home/fridge"]
    assert from_metadata(to_metadata(artifact.card)) == artifact.card


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_field_is_named(name: str) -> None:
    with pytest.raises(ModelError, match=f"kw.{name}") as caught:
        artifact_of(changed(**{name: None}))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [("kind", "oracle"), ("window", '"wide"'), ("window", "0"), ("interval_s", "-1"), ("scaler", "{"), ("score", "?")],
)
def test_a_wrong_field_is_refused(name: str, value: str) -> None:
    with pytest.raises(ModelError, match="metadata is wrong"):
        artifact_of(changed(**{name: value}))


def test_a_newer_format_asks_for_an_upgrade() -> None:
    with pytest.raises(ModelError, match="format 2") as caught:
        artifact_of(changed(format="2"))
    assert "Upgrade" in caught.value.hint


def test_a_window_that_is_not_the_graphs_is_refused() -> None:
    with pytest.raises(ModelError, match="does not take"):
        artifact_of(changed(window=str(WINDOW + 1)))


def test_an_onnx_file_of_others_is_refused() -> None:
    proto = onnx.load_model_from_string(trained(Network.AUTOENCODER).data)
    del proto.metadata_props[:]
    with pytest.raises(ModelError, match="not a kilowatch model"):
        artifact_of(proto.SerializeToString())


def test_a_file_of_another_hash_is_refused(tmp_path: Path) -> None:
    data = trained(Network.AUTOENCODER).data
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    digest = sha256(data).hexdigest()
    assert read_artifact(path, digest).sha256 == digest
    path.write_bytes(data[:-1] + b"x")
    with pytest.raises(ModelError, match="SHA-256"):
        read_artifact(path, digest)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_artifact(tmp_path / "none.onnx")


def test_foreign_operators_are_refused() -> None:
    proto = onnx.load_model_from_string(trained(Network.AUTOENCODER).data)
    proto.graph.node.append(helper.make_node("RandomNormal", [], ["r"], shape=[1 << 30]))
    with pytest.raises(ModelError, match="RandomNormal"):
        artifact_of(proto.SerializeToString())


def test_a_size_that_would_claim_all_memory_is_refused() -> None:
    proto = onnx.load_model_from_string(trained(Network.AUTOENCODER).data)
    (place,) = (k for k, w in enumerate(proto.graph.initializer) if numpy_helper.to_array(w).tolist() == [40, 1, 1])
    name = proto.graph.initializer[place].name
    bomb = np.array([1 << 40, 1, 1], dtype=np.int64)
    proto.graph.initializer[place].CopyFrom(numpy_helper.from_array(bomb, name))
    with pytest.raises(ModelError, match="size"):
        artifact_of(proto.SerializeToString())


def test_fit_is_checked() -> None:
    card = artifact_of(trained(Network.AUTOENCODER).data).card
    check_fit(card, kind=Network.AUTOENCODER, window=WINDOW, interval_s=30.0)
    with pytest.raises(ModelError, match="windows of 40 samples, not 200"):
        check_fit(card, window=200)
    with pytest.raises(ModelError, match="30 s grid, not 60 s"):
        check_fit(card, interval_s=60.0)
    with pytest.raises(ModelError, match="autoencoder, not a forecaster"):
        check_fit(card, kind=Network.FORECASTER)
