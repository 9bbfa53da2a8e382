"""The networks as Keras 3 models: scaled windows float32[n, steps, 1] in; what they give is said at each.

Keras takes its backend from KERAS_BACKEND; JAX where nothing is said.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from kilowatch.errors import MissingExtraError
from kilowatch.nets.shapes import AutoencoderShape, EdgeClassifierShape, ForecasterShape, Shape, check_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_PREDICT_BATCH = 64
LOWEST_LOG_SPREAD = -5.0
"""Of scaled watts: keeps the spread of a device that hardly moves above 0.7 % of its range."""


def keras() -> Any:
    """Return the Keras module, on JAX unless KERAS_BACKEND says otherwise; `MissingExtraError` without the extra."""
    # Keras reads it once, while it is imported.
    os.environ.setdefault("KERAS_BACKEND", "jax")
    try:
        import keras as module
    except ImportError:
        raise MissingExtraError("keras", "train") from None
    return module


def build(shape: Shape, seed: int) -> Any:
    """Return an untrained model of a shape; the seed decides its first weights and its dropout."""
    check_shape(shape)
    keras().utils.set_random_seed(seed)
    if isinstance(shape, EdgeClassifierShape):
        return _edge_classifier(shape)
    if isinstance(shape, AutoencoderShape):
        return _autoencoder(shape)
    return _forecaster(shape)


def _edge_classifier(shape: EdgeClassifierShape) -> Any:
    """Probability that a window is abnormal, [n, 1]."""
    layers = keras().layers
    return keras().Sequential(
        [
            layers.Input((shape.window, 1)),
            layers.Conv1D(shape.filters, shape.kernel, activation="relu"),
            layers.MaxPooling1D(shape.pool),
            layers.LSTM(shape.units, return_sequences=True),
            layers.LSTM(shape.units, return_sequences=True),
            layers.LSTM(shape.units),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="edge_classifier",
    )


def _autoencoder(shape: AutoencoderShape) -> Any:
    """The window again, [n, window, channels]."""
    layers = keras().layers
    return keras().Sequential(
        [
            layers.Input((shape.window, shape.channels)),
            layers.Conv1D(shape.filters, shape.kernel, padding="same", activation="relu"),
            layers.MaxPooling1D(shape.pool),
            layers.Dropout(shape.dropout),
            layers.LSTM(shape.units),
            layers.Dense(shape.latent),
            layers.RepeatVector(shape.window),
            layers.LSTM(shape.units, return_sequences=True),
            # Dense works on each step; TimeDistributed around it is the same arithmetic, and export does not know it.
            layers.Dense(shape.channels),
        ],
        name="autoencoder",
    )


def _forecaster(shape: ForecasterShape) -> Any:
    """Middle and logarithm of the spread of each next sample, [n, window - 1, 2]."""
    layers = keras().layers
    inputs = layers.Input((shape.window - 1, 1))
    x = layers.Conv1D(shape.filters, 1)(inputs)
    for dilation in shape.dilations:
        step = layers.Conv1D(shape.filters, shape.kernel, padding="causal", dilation_rate=dilation, activation="relu")(
            x
        )
        x = layers.Add()([x, step])
    return keras().Model(inputs, layers.Dense(2)(x), name="forecaster")


def compiled(model: Any, shape: Shape, learning_rate: float) -> Any:
    """Compile a model with the loss of its kind."""
    adam = keras().optimizers.Adam(learning_rate)
    if isinstance(shape, EdgeClassifierShape):
        model.compile(adam, loss="binary_crossentropy", metrics=["accuracy"])
    elif isinstance(shape, AutoencoderShape):
        model.compile(adam, loss="mean_absolute_error")
    else:
        model.compile(adam, loss=laplace_loss)
    return model


def arrays(variables: Sequence[Any]) -> list[NDArray[Any]]:
    """Return the values of Keras variables."""
    with warnings.catch_warnings():
        # Keras 3.15 answers NumPy 2's copy keyword in a way that NumPy warns of.
        warnings.simplefilter("ignore", DeprecationWarning)
        return [keras().ops.convert_to_numpy(variable) for variable in variables]


def predict(model: Any, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a model makes of x, in batches of one size: every new size would be compiled anew."""
    missing = -len(x) % _PREDICT_BATCH
    padded = np.concatenate([x, np.zeros((missing, *x.shape[1:]), dtype=x.dtype)])
    return np.asarray(model.predict(padded, batch_size=_PREDICT_BATCH, verbose=0))[: len(x)]


def laplace_loss(truth: Any, expected: Any) -> Any:
    """Negative log likelihood of a Laplace distribution: robust, and its spread is learnt beside its middle."""
    ops = keras().ops
    log_spread = ops.maximum(expected[..., 1:], LOWEST_LOG_SPREAD)
    return ops.mean(ops.abs(truth - expected[..., :1]) * ops.exp(-log_spread) + log_spread)
