"""Which trained model judges which device: one file for all, or a folder of models with a post for each kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import Kind
from kilowatch.core.window import WINDOW
from kilowatch.errors import ModelError
from kilowatch.nets.artifact import check_fit
from kilowatch.nets.registry import ANY, ModelRegistry
from kilowatch.nets.runtime import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.device import DeviceRecord
    from kilowatch.nets.card import Network

FOLDER_VARIABLE = "KILOWATCH_MODELS"
DEFAULT_FOLDER = "models"
KINDS = tuple(Kind)
_GRID_WITHIN = 0.01


class Models:
    """Loaded models of one network, never changed; numbers begin at 1, in the order of what they are for."""

    __slots__ = ("_numbers", "_places", "keys", "loaded", "of_kind")

    def __init__(self, places: Mapping[str, Model]) -> None:
        # In the same order in every process: a saved state is compared by the hashes in a row.
        distinct = {model.sha256: model for _, model in sorted(places.items())}
        order = list(distinct)
        self._places = places
        self._numbers = {place: order.index(model.sha256) + 1 for place, model in places.items()}
        self.loaded = tuple(distinct.values())
        # Devices keep keys, not numbers: a delivery or a restart numbers the models anew.
        self.keys = np.array([0, *map(key_of, order)], dtype=np.uint64)
        """By number, what a device keeps of the model that judges it; number 0 is none."""
        self.of_kind = np.array(
            [self._numbers.get(kind.value, self._numbers.get(ANY, 0)) for kind in KINDS], dtype=np.intp
        )
        """By place in `KINDS`, the number of the model for a kind."""

    def __deepcopy__(self, memo: object) -> Models:
        return self

    @property
    def hashes(self) -> str:
        """What a saved state names them by."""
        return " ".join(model.sha256 for model in self.loaded)

    def with_live(self, network: Network, live: Mapping[Kind, Model]) -> Models:
        """Return these with others for some kinds; `ModelError` where one is of another network or looks too far."""
        for model in live.values():
            check_usable(model, network)
        return Models({**self._places, **{kind.value: model for kind, model in live.items()}})

    def numbers_of(self, keys: NDArray[np.uint64]) -> NDArray[np.intp]:
        """Return the numbers of the models that devices keep the keys of, 0 where such a model is not loaded."""
        order = np.argsort(self.keys)
        place = np.minimum(np.searchsorted(self.keys[order], keys), len(order) - 1)
        found = order[place]
        return np.where(self.keys[found] == keys, found, 0)

    def number_for(self, record: DeviceRecord) -> int:
        """Return the model of the device itself, else of its kind, else of any; 0 where none fits its grid."""
        for place in (own_place(record), record.kind.value, ANY):
            number = self._numbers.get(place, 0)
            if number and self.fit_grid(np.array([number]), np.array([record.grid_s * 1000])).all():
                return number
        return 0

    def has_own(self, record: DeviceRecord) -> bool:
        """Whether a model was trained for the device alone."""
        return own_place(record) in self._numbers

    def fit_grid(self, numbers: NDArray[np.intp], grid_ms: NDArray[np.integer | np.floating]) -> NDArray[np.bool_]:
        """Return which models were trained on the grids of devices, bool[n]; none is number 0."""
        interval_ms = np.array([np.inf, *(1000 * model.interval_s for model in self.loaded)])[numbers]
        return np.asarray(np.abs(interval_ms - grid_ms) <= _GRID_WITHIN * grid_ms)


def key_of(sha256: str) -> int:
    """Return the first 8 bytes of a hash as a number, by which a device keeps its model."""
    return int(sha256[:16], 16)


def own_place(record: DeviceRecord) -> str:
    """Return the post of a model for one device alone."""
    return f"{record.site}/{record.device}"


def check_usable(model: Model, network: Network) -> None:
    """Raise `ModelError` where a model is of another network, or its window is longer than what is kept."""
    check_fit(model.card, kind=network)
    if len(model.card.channels) != 1:
        seen = ", ".join(model.card.channels)
        raise ModelError(f"The model takes {seen}; devices bring power alone.", "Train it on power.")
    if model.window > WINDOW:
        hint = f"Train it with --window {WINDOW} or less."
        raise ModelError(f"The model looks at {model.window} samples; {WINDOW} are kept of a device.", hint)


def open_models(network: Network, source: str) -> Models:
    """Return the model in a file, or all that are live in a folder of `kilowatch models`.

    Without a source it is the folder that KILOWATCH_MODELS names, or `models`. `ModelError` where there is none, one
    is of another network, or its window is longer than what is kept of a device.
    """
    path = Path(source or os.environ.get(FOLDER_VARIABLE, DEFAULT_FOLDER))
    if path.is_dir() or not source:
        models = ModelRegistry(path)
        live = {post.device_kind: post.live for post in models.index().posts if post.network is network and post.live}
        places = {place: Model.load(models.path(digest), sha256=digest) for place, digest in live.items()}
    else:
        places = {ANY: Model.load(path)}
    if not places:
        hint = f"Train one with: kilowatch train {network}; then promote it, or name its file: {network}:model.onnx."
        raise ModelError(f"No {network} is live in {path}.", hint)
    for model in places.values():
        check_usable(model, network)
    return Models(places)
