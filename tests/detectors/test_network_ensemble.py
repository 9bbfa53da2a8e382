"""The default with a network beside its members: named, calibrated like any member, and fed with delivered models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.networks import trained
from detectors.samples import Arrivals, Watch, fridge, series_of
from kilowatch.detectors.ensemble import default, fleet
from kilowatch.detectors.network_ensemble import NetworkEnsemble
from kilowatch.detectors.registry import create
from kilowatch.errors import DetectorError, ModelError
from kilowatch.nets.card import Network

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def name(tmp_path: Path) -> str:
    path = tmp_path / "model.onnx"
    path.write_bytes(trained(Network.FORECASTER).data)
    return f"default+forecaster:{path}"


def test_it_is_the_default_and_one_more(name: str) -> None:
    made = create(name)
    assert isinstance(made, NetworkEnsemble)
    assert made.name == "default+forecaster"
    assert made.rules == (*default().rules, "forecaster")
    twin = made.clone()
    assert isinstance(twin, NetworkEnsemble)
    assert twin.network is not made.network
    assert twin.rules == made.rules


def test_the_fleet_takes_one_likewise(name: str) -> None:
    made = create(name.replace("default+", "fleet+"))
    assert isinstance(made, NetworkEnsemble)
    assert made.name == "fleet+forecaster"
    assert made.rules == (*fleet().rules, "forecaster")
    assert made.clone().name == made.name


def test_no_other_ensemble_takes_one(name: str) -> None:
    with pytest.raises(DetectorError):
        create(name.replace("default+", "ewma+"))


def test_it_scores_and_says_which_model_judged(name: str) -> None:
    made = create(name)
    assert isinstance(made, NetworkEnsemble)
    watch = Watch.over(made)
    assert made.model_of(0) == ""
    made.fit(0, series_of(fridge(5)))
    live = {series_of([1.0]).record.kind: made.network._models.loaded[0]}
    made.adopt(live)
    raw = watch.feed(Arrivals.of(fridge(1, seed=9)))
    assert np.isfinite(raw[400:]).all()
    assert made.model_of(0) == made.network.models


def test_another_network_than_its_file_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="not a"):
        create(name.replace("forecaster:", "autoencoder:"))
