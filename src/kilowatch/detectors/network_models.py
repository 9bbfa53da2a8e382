"""Which trained model judges which device: one file for all, or a folder of models with a post for each kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kilowatch.core.window import WINDOW
from kilowatch.errors import ModelError
from kilowatch.nets.artifact import check_fit
from kilowatch.nets.registry import ANY, ModelRegistry
from kilowatch.nets.runtime import Model

if TYPE_CHECKING:
    from kilowatch.core.device import DeviceRecord
    from kilowatch.nets.card import Network

FOLDER_VARIABLE = "KILOWATCH_MODELS"
DEFAULT_FOLDER = "models"


class Models:
    """Loaded models of one network, never changed; numbers begin at 1, in the order of what they are for."""

    __slots__ = ("_numbers", "loaded")

    def __init__(self, places: dict[str, Model]) -> None:
        distinct = {model.sha256: model for _, model in sorted(places.items())}
        order = list(distinct)
        self.loaded = tuple(distinct.values())
        self._numbers = {place: order.index(model.sha256) + 1 for place, model in places.items()}

    def __deepcopy__(self, memo: object) -> Models:
        return self

    @property
    def hashes(self) -> str:
        """What a saved state names them by."""
        return " ".join(model.sha256 for model in self.loaded)

    def number_for(self, record: DeviceRecord) -> int:
        """Return the model of the device itself, else of its kind, else of any; 0 where none fits its grid."""
        for place in (f"{record.site}/{record.device}", record.kind.value, ANY):
            number = self._numbers.get(place, 0)
            if number and abs(self.loaded[number - 1].interval_s - record.grid_s) <= 0.01 * record.grid_s:
                return number
        return 0


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
        check_fit(model.card, kind=network)
        if model.window > WINDOW:
            hint = f"Train it with --window {WINDOW} or less."
            raise ModelError(f"The model looks at {model.window} samples; {WINDOW} are kept of a device.", hint)
    return Models(places)
