"""Models over channels: evidence names the channel and the part of the window that were changed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.errors import ConfigError, ModelError, ReadingError
from kilowatch.nets.channels import ChannelModel, densest
from kilowatch.nets.fit import TrainPlan
from kilowatch.nets.shapes import AutoencoderShape
from kilowatch.nets.train_channels import train_channels
from nets.made import trained

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW = 24
NAMES = ("power_w", "current_a")
SHAPE = AutoencoderShape(window=WINDOW, filters=6, kernel=5, units=16, latent=6, dropout=0.0, channels=2)


def windows(rows: int, seed: int) -> NDArray[np.float32]:
    """A load that goes up and down, and its current."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 6.3, (rows, 1))
    power_w = 200 + 100 * np.sin(np.arange(WINDOW) / 4 + phase) + rng.normal(0, 1, (rows, WINDOW))
    return np.stack([power_w, power_w / 230], axis=1).astype(np.float32)


@lru_cache
def made() -> bytes:
    plan = TrainPlan(epochs=60, batch=32, learning_rate=1e-2, patience=0)
    return train_channels(windows(400, 0), windows(150, 1), NAMES, 30.0, SHAPE, plan)


def model() -> ChannelModel:
    return ChannelModel.of(made())


@pytest.mark.parametrize("place", [0, 1])
def test_evidence_names_the_channel_and_the_part(place: int) -> None:
    odd = windows(40, 2)
    odd[:, place, 6:15] *= 1.8
    assert (model().score(odd) >= model().card.threshold).mean() > 0.95
    told = [model().evidence(window) for window in odd]
    assert np.mean([one.channel == NAMES[place] for one in told]) > 0.9
    assert abs(np.median([one.first for one in told]) - 6) <= 2
    assert abs(np.median([one.last for one in told]) - 14) <= 2
    assert all(0.5 <= one.share <= 1 for one in told)


def test_normal_windows_stay_below_the_threshold() -> None:
    assert (model().score(windows(200, 3)) < model().card.threshold).mean() > 0.93


def test_a_file_without_channels_or_with_others_is_refused() -> None:
    from kilowatch.nets.card import Network

    with pytest.raises(ModelError, match="no model over channels"):
        ChannelModel.of(trained(Network.AUTOENCODER).data)
    with pytest.raises(ModelError, match="takes windows"):
        model().errors(windows(3, 0)[:, :1])


def test_what_cannot_be_learnt_from_is_refused() -> None:
    plan = TrainPlan(epochs=1)
    with pytest.raises(ReadingError, match="too few"):
        train_channels(windows(3, 0), windows(20, 1), NAMES, 30.0, SHAPE, plan)
    with pytest.raises(ReadingError, match="NaN"):
        train_channels(windows(30, 0) * np.nan, windows(20, 1), NAMES, 30.0, SHAPE, plan)
    with pytest.raises(ConfigError, match="2 channels"):
        train_channels(windows(30, 0)[:, :1], windows(20, 1), ("power_w",), 30.0, SHAPE, plan)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=30))
@settings(deadline=None, max_examples=50)
def test_the_densest_stretch_has_the_largest_sum(values: list[float]) -> None:
    excess = np.array(values)
    first, last = densest(excess)
    sums = [excess[a : b + 1].sum() for a in range(len(values)) for b in range(a, len(values))]
    assert 0 <= first <= last < len(values)
    assert excess[first : last + 1].sum() == pytest.approx(max(sums), abs=1e-9)
