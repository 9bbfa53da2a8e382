"""Training of a model over channels on normal windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ConfigError, ReadingError
from kilowatch.nets.build import build, compiled, predict
from kilowatch.nets.channels import ChannelCard, scores_of, to_bytes
from kilowatch.nets.fit import Examples, Fitter
from kilowatch.nets.windows import FEWEST, FEWEST_VALIDATION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.nets.fit import TrainPlan
    from kilowatch.nets.shapes import AutoencoderShape

_RARE = 0.99
_ODD_SAMPLE = 0.95
_LEAST_USUAL = 1e-3
"""Of the scaled range, as for power alone."""


def train_channels(
    training: NDArray[np.float32],
    validation: NDArray[np.float32],
    names: Sequence[str],
    interval_s: float,
    shape: AutoencoderShape,
    plan: TrainPlan,
) -> bytes:
    """Return the model file of an autoencoder trained on windows float32[n, channels, window], all normal.

    `ReadingError` where they are too few or not finite, `ConfigError` where they do not have the shape's sizes.
    """
    _check(training, validation, names, shape)
    low = training.min(axis=(0, 2))
    # A channel that never moved has no span to divide by.
    scale = 1 / np.maximum(training.max(axis=(0, 2)) - low, np.float32(1e-6))
    model = compiled(build(shape, plan.seed), shape, plan.learning_rate)
    x, held_out = (_scaled(part, low, scale) for part in (training, validation))
    Fitter(model, plan, None, "").run(Examples(x, x), Examples(held_out, held_out), lambda _: None)
    # What is usual comes from windows held out: on those it was trained on a network errs less than it will live.
    errors = np.abs(held_out - predict(model, held_out)).transpose(0, 2, 1)
    usual = np.maximum(np.quantile(errors.mean(axis=2), _RARE, axis=0), _LEAST_USUAL).astype(np.float32)
    errors = errors / usual[:, None]
    card = ChannelCard(
        names=list(names),
        window=shape.window,
        interval_s=interval_s,
        level=np.quantile(errors, _ODD_SAMPLE, axis=(0, 2)).tolist(),
        threshold=float(np.quantile(scores_of(errors), _RARE)),
    )
    return to_bytes(model, card, low, np.stack([scale, 1 / usual], axis=1))


def _scaled(windows: NDArray[np.float32], low: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    return ((windows - low[:, None]) * scale[:, None]).transpose(0, 2, 1).astype(np.float32)


def _check(
    training: NDArray[np.float32], validation: NDArray[np.float32], names: Sequence[str], shape: AutoencoderShape
) -> None:
    for part, fewest in ((training, FEWEST), (validation, FEWEST_VALIDATION)):
        if len(part) < fewest:
            raise ReadingError(f"{len(part)} windows are too few; {fewest} are the least.", "Bring a longer history.")
        if not np.isfinite(part).all():
            raise ReadingError("Windows hold NaN or infinite values.", "Leave them out.")
        if part.shape[1:] != (len(names), shape.window) or shape.channels != len(names):
            wanted = f"{shape.channels} channels of {shape.window} samples"
            raise ConfigError(f"The network takes {wanted}; the windows are {part.shape}.", "Cut them so.")
