"""Whether a model that was read also runs: what `models verify` and a detector's warm-up ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ModelError
from kilowatch.nets.engines import default_engine
from kilowatch.nets.runtime import Model

if TYPE_CHECKING:
    from kilowatch.nets.artifact import Artifact


def try_model(artifact: Artifact) -> Model:
    """Return the model once it has scored a window in both forms; `ModelError` where it does not, or disagrees."""
    model = Model(artifact, default_engine())
    scaler = artifact.card.scaler
    # A ramp over all that it was trained on: one steady value would leave most of the graph unasked.
    window = (scaler.low_w + scaler.span_w * np.linspace(0, 1, model.window)).astype(np.float32)
    scores = np.array([model.score_one(window), model.score(window[None])[0]])
    if not np.isfinite(scores).all() or abs(scores[0] - scores[1]) > 1e-3 * max(1, abs(scores[0])):
        raise ModelError(f"The model scores one window as {scores[0]:g} and {scores[1]:g}.", "Train it again.")
    return model
