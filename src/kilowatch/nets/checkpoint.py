"""What a training run leaves behind after every epoch, so that it can go on after an interruption."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import msgspec
import numpy as np

from kilowatch.errors import StateError
from kilowatch.nets.whole_file import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class EpochReport(msgspec.Struct, frozen=True):
    """One epoch: losses, accuracy of a classifier on validation, seconds it took and what may still come."""

    epoch: int
    epochs: int
    loss: float
    validation_loss: float
    seconds: float
    seconds_left: float
    validation_accuracy: float | None = None


@dataclass(slots=True)
class Progress:
    """A run so far: its epochs, every variable of model and optimiser, and the weights of the best epoch."""

    history: list[EpochReport] = field(default_factory=list)
    best_epoch: int = 0
    variables: list[NDArray[Any]] = field(default_factory=list)
    best: list[NDArray[Any]] = field(default_factory=list)


class _Heading(msgspec.Struct):
    fingerprint: str
    history: list[EpochReport]
    best_epoch: int


def save(path: Path, fingerprint: str, progress: Progress) -> None:
    """Write a checkpoint; the one before stays until this is whole."""
    # Words go in as an array of bytes: arrays alone load without pickle, which would run what a file holds.
    heading = msgspec.json.encode(_Heading(fingerprint, progress.history, progress.best_epoch))
    arrays = {f"variable_{k}": array for k, array in enumerate(progress.variables)}
    arrays |= {f"best_{k}": array for k, array in enumerate(progress.best)}
    with whole_file(path) as file:
        np.savez(file, allow_pickle=False, heading=np.frombuffer(heading, dtype=np.uint8), **arrays)


def load(path: Path, fingerprint: str) -> Progress | None:
    """Return the run at path, None where there is none; `StateError` where it is torn or of other data or settings."""
    if not path.exists():
        return None
    hint = f"Start over with --restart, or move {path.name} away."
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            heading = msgspec.json.decode(file["heading"].tobytes(), type=_Heading)
            groups = {
                name: [file[f"{name}_{k}"] for k in range(sum(key.startswith(f"{name}_") for key in file.files))]
                for name in ("variable", "best")
            }
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, msgspec.MsgspecError) as error:
        raise StateError(f"Checkpoint {path} cannot be read: {error}.", hint) from None
    if heading.fingerprint != fingerprint:
        raise StateError(f"Checkpoint {path} belongs to other data or settings.", hint)
    return Progress(heading.history, heading.best_epoch, groups["variable"], groups["best"])
