"""Seconds an epoch in a process of its own: `python -P training_worker.py LIBRARY NETWORK EPOCHS`.

It runs in a peer's environment, which has no kilowatch. Prints one JSON object: seconds and loss of each epoch. All
libraries see the same examples in the same order, from weights of their own.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from typing import Any

import numpy as np

CLASSIFIER = {"window": 200, "windows": 600, "batch": 25, "filters": 32, "kernel": 5, "pool": 4, "units": 32}
AUTOENCODER = {"window": 120, "windows": 2000, "batch": 64, "filters": 32, "kernel": 15, "pool": 2, "units": 120}
LATENT = 32


def examples(sizes: dict[str, int]) -> tuple[Any, Any]:
    """Return scaled windows float32[n, window, 1] and labels float32[n, 1]: cycles, half of them with a longer on."""
    rng = np.random.default_rng(0)
    label = (np.arange(sizes["windows"]) % 2).astype(np.float32)
    phase = rng.integers(0, 40, (sizes["windows"], 1))
    on = (np.arange(sizes["window"]) + phase) % 40 < np.where(label[:, None], 26, 14)
    x = on * 0.6 + rng.normal(0.1, 0.03, on.shape)
    return x[:, :, None].astype(np.float32), label[:, None]


def keras(network: str, epochs: int) -> list[tuple[float, float]]:
    """Return seconds and loss of each epoch of Keras, on the backend that KERAS_BACKEND names."""
    import keras as library

    sizes = CLASSIFIER if network == "classifier" else AUTOENCODER
    x, label = examples(sizes)
    model = (_classifier if network == "classifier" else _autoencoder)(library.layers, library.Sequential, sizes)
    loss, y = ("binary_crossentropy", label) if network == "classifier" else ("mean_absolute_error", x)
    model.compile(library.optimizers.Adam(1e-3), loss=loss)
    found = []
    for _ in range(epochs):
        started = time.perf_counter()
        history = model.fit(x, y, batch_size=sizes["batch"], shuffle=False, verbose=0).history
        found.append((time.perf_counter() - started, float(history["loss"][0])))
    return found


def _classifier(layers: Any, sequential: Any, sizes: dict[str, int]) -> Any:
    units = sizes["units"]
    return sequential(
        [
            layers.Input((sizes["window"], 1)),
            layers.Conv1D(sizes["filters"], sizes["kernel"], activation="relu"),
            layers.MaxPooling1D(sizes["pool"]),
            layers.LSTM(units, return_sequences=True),
            layers.LSTM(units, return_sequences=True),
            layers.LSTM(units),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def _autoencoder(layers: Any, sequential: Any, sizes: dict[str, int]) -> Any:
    return sequential(
        [
            layers.Input((sizes["window"], 1)),
            layers.Conv1D(sizes["filters"], sizes["kernel"], padding="same", activation="relu"),
            layers.MaxPooling1D(sizes["pool"]),
            layers.Dropout(0.2),
            layers.LSTM(sizes["units"]),
            layers.Dense(LATENT),
            layers.RepeatVector(sizes["window"]),
            layers.LSTM(sizes["units"], return_sequences=True),
            layers.Dense(1),
        ]
    )


def torch(network: str, epochs: int) -> list[tuple[float, float]]:
    """Return seconds and loss of each epoch of PyTorch, on one thread."""
    library = import_module("torch")
    library.set_num_threads(1)
    library.manual_seed(0)
    sizes = CLASSIFIER if network == "classifier" else AUTOENCODER
    x, label = (library.from_numpy(array) for array in examples(sizes))
    layers = _torch_layers(library.nn, network, sizes)
    optimiser = library.optim.Adam([p for layer in layers.values() for p in layer.parameters()], 1e-3)
    # The network ends without the sigmoid that Keras's has: this loss holds it.
    judge = library.nn.BCEWithLogitsLoss() if network == "classifier" else library.nn.L1Loss()
    found = []
    for _ in range(epochs):
        started, losses = time.perf_counter(), []
        for start in range(0, len(x), sizes["batch"]):
            part = x[start : start + sizes["batch"]]
            wanted = label[start : start + sizes["batch"]] if network == "classifier" else part
            optimiser.zero_grad()
            loss = judge(_torch_forward(layers, part, network), wanted)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        found.append((time.perf_counter() - started, float(np.mean(losses))))
    return found


def _torch_layers(nn: Any, network: str, sizes: dict[str, int]) -> dict[str, Any]:
    filters, kernel, units = sizes["filters"], sizes["kernel"], sizes["units"]
    if network == "classifier":
        lstm = nn.LSTM(filters, units, num_layers=3, batch_first=True)
        return {
            "conv": nn.Conv1d(1, filters, kernel),
            "pool": nn.MaxPool1d(sizes["pool"]),
            "in": lstm,
            "out": nn.Linear(units, 1),
        }
    return {
        "conv": nn.Conv1d(1, filters, kernel, padding="same"),
        "pool": nn.MaxPool1d(sizes["pool"]),
        "drop": nn.Dropout(0.2),
        "in": nn.LSTM(filters, units, batch_first=True),
        "latent": nn.Linear(units, LATENT),
        "back": nn.LSTM(LATENT, units, batch_first=True),
        "out": nn.Linear(units, 1),
    }


def _torch_forward(layers: dict[str, Any], x: Any, network: str) -> Any:
    y = layers["pool"](layers["conv"](x.transpose(1, 2)).relu()).transpose(1, 2)
    if network == "classifier":
        return layers["out"](layers["in"](y)[0][:, -1])
    latent = layers["latent"](layers["in"](layers["drop"](y))[0][:, -1])
    return layers["out"](layers["back"](latent[:, None].expand(-1, x.shape[1], -1))[0])


if __name__ == "__main__":
    run = torch if sys.argv[1] == "torch" else keras
    sys.stdout.write(json.dumps(run(sys.argv[2], int(sys.argv[3]))) + "\n")
