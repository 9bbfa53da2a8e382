"""The shape of each network, as settings: what a person may change, and the papers' values as defaults."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from kilowatch.errors import ConfigError
from kilowatch.nets.card import Network

Size = Annotated[int, Meta(ge=1, le=1024)]
Share = Annotated[float, Meta(ge=0, lt=1)]


class EdgeClassifierShape(msgspec.Struct, frozen=True, kw_only=True, tag="edge-classifier"):
    """Utomo & Hsiung, section III: Conv1D, MaxPooling1D, three LSTM layers, a sigmoid; windows of 200 readings.

    The paper leaves filters, kernel, pool and units open. With pool 2 the stack may stay at chance for dozens of
    epochs; pool 4 trains.
    """

    window: Annotated[int, Meta(ge=8, le=10_000)] = 200
    filters: Size = 32
    kernel: Size = 5
    pool: Size = 4
    units: Size = 32

    @property
    def network(self) -> Network:
        """Which network this shapes."""
        return Network.EDGE_CLASSIFIER


class AutoencoderShape(msgspec.Struct, frozen=True, kw_only=True, tag="autoencoder"):
    """Chawla et al., section II-D: Conv1D(32, 15, same), LSTM(120), a bottleneck, and back; MAE by its equation 1.

    Left open there: the window, the pool that makes the sequence smaller, the dropout and the bottleneck's size.
    channels: quantities rebuilt together; 1 is power alone, which is what devices bring (see `channels`).
    """

    window: Annotated[int, Meta(ge=8, le=10_000)] = 120
    filters: Size = 32
    kernel: Size = 15
    pool: Size = 2
    dropout: Share = 0.2
    units: Size = 120
    latent: Size = 32
    channels: Size = 1

    @property
    def network(self) -> Network:
        """Which network this shapes."""
        return Network.AUTOENCODER


class ForecasterShape(msgspec.Struct, frozen=True, kw_only=True, tag="forecaster"):
    """Dilated causal convolutions that expect the next sample as a middle and a spread (Laplace).

    The field, 1 + (kernel - 1) x the sum of the dilations, is 190 samples: 95 min at 30 s, longer than an on-cycle.
    The score is the mean residual of the last `smooth` samples, in units of the spread.
    """

    window: Annotated[int, Meta(ge=8, le=10_000)] = 200
    filters: Size = 16
    kernel: Size = 4
    dilations: tuple[Size, ...] = (1, 2, 4, 8, 16, 32)
    smooth: Size = 10

    @property
    def network(self) -> Network:
        """Which network this shapes."""
        return Network.FORECASTER

    @property
    def field(self) -> int:
        """Samples that one expectation looks at."""
        return 1 + (self.kernel - 1) * sum(self.dilations)


Shape: TypeAlias = EdgeClassifierShape | AutoencoderShape | ForecasterShape

DEFAULTS: dict[Network, Shape] = {
    Network.EDGE_CLASSIFIER: EdgeClassifierShape(),
    Network.AUTOENCODER: AutoencoderShape(),
    Network.FORECASTER: ForecasterShape(),
}


def check_shape(shape: Shape) -> None:
    """Raise `ConfigError` where the sizes do not go together."""
    # Two steps at least, here and below: in one there is no order for an LSTM to learn.
    if isinstance(shape, EdgeClassifierShape) and (shape.window - shape.kernel + 1) // shape.pool < 2:
        raise ConfigError(
            f"Kernel {shape.kernel} and pool {shape.pool} leave nothing of a window of {shape.window}.",
            "Take a longer window, a smaller kernel or a smaller pool.",
        )
    if isinstance(shape, AutoencoderShape) and shape.window // shape.pool < 2:
        raise ConfigError(f"Pool {shape.pool} leaves nothing of a window of {shape.window}.", "Take a smaller pool.")
    if isinstance(shape, ForecasterShape) and shape.window <= shape.smooth + 1:
        raise ConfigError(f"A window of {shape.window} cannot be smoothed over {shape.smooth}.", "Take a longer one.")
