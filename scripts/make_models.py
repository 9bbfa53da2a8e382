"""Train the models that ship, on simulated homes alone, and write docs/models.md; `--docs` only writes the page.

Seeds, dates and thus the files are fixed: the same machine makes the same bytes. Names after the options choose.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from models.cards import page
from models.homes import faulty, normal

from kilowatch.nets.card import Network
from kilowatch.nets.export import restamped
from kilowatch.nets.fit import TrainPlan
from kilowatch.nets.shapes import AutoencoderShape, EdgeClassifierShape, ForecasterShape, Shape
from kilowatch.nets.shipped import path_of
from kilowatch.nets.train import train
from kilowatch.nets.windows import Windows, split_by_time

if TYPE_CHECKING:
    from kilowatch.nets.checkpoint import EpochReport

ROOT = Path(__file__).resolve().parent.parent
CREATED = "2026-01-01T00:00:00+00:00"
TRAINING_SEEDS = (101, 102, 103)

SHAPES: dict[str, Shape] = {
    "fridge-autoencoder": AutoencoderShape(filters=16, units=40, latent=12),
    "fridge-classifier": EdgeClassifierShape(filters=16, units=24),
    "fridge-forecaster": ForecasterShape(filters=12),
}
PLANS = {
    "fridge-autoencoder": TrainPlan(epochs=40, batch=32, learning_rate=3e-3, patience=10),
    "fridge-classifier": TrainPlan(epochs=60, learning_rate=2e-3, patience=20),
    "fridge-forecaster": TrainPlan(epochs=40, batch=32, learning_rate=3e-3, patience=10),
}


def windows_for(shape: Shape) -> Windows:
    """Return normal windows of several homes; for a classifier as many of faulty fridges again."""
    if shape.network is not Network.EDGE_CLASSIFIER:
        return normal(TRAINING_SEEDS, shape.window, stride=shape.window // 2)
    odd = faulty(TRAINING_SEEDS, shape.window)
    return Windows.join([normal(TRAINING_SEEDS, shape.window, stride=shape.window), *odd.values()])


def make(name: str) -> None:
    """Train a model and put it where it ships from."""
    shape = SHAPES[name]
    parts = split_by_time(windows_for(shape), 0.25)
    trained = train(*parts, shape, PLANS[name], report=lambda epoch: print(name, *said(epoch)))
    card = msgspec.structs.replace(trained.card, created=CREATED)
    path_of(name).write_bytes(restamped(trained.data, card))


def said(report: EpochReport) -> tuple[str, ...]:
    """Return an epoch in words."""
    return f"epoch {report.epoch}", f"loss {report.loss:.4f}", f"validation {report.validation_loss:.4f}"


def main(arguments: list[str]) -> None:
    """Train what is named, or all, and write the page."""
    chosen = [name for name in arguments if name in SHAPES] or list(SHAPES)
    if "--docs" not in arguments:
        for name in chosen:
            make(name)
    if all(path_of(name).exists() for name in SHAPES):
        (ROOT / "docs" / "models.md").write_text(page(list(SHAPES)), encoding="utf-8")
        print("wrote docs/models.md")


if __name__ == "__main__":
    main(sys.argv[1:])
