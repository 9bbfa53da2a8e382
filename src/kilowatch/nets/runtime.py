"""Models at work: raw watts in, scores out, one thread a process.

The import path is that of a small board: NumPy, msgspec and ONNX Runtime; no training library, no page.
`python -m kilowatch.nets.runtime MODEL WINDOW.csv` prints the verdict on one window. For one window it takes NumPy,
which starts in half the time and memory of ONNX Runtime; name another engine after the window.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kilowatch.errors import KilowatchError, ModelError, ReadingError
from kilowatch.nets.artifact import EXPECTED, check_fit, read_artifact
from kilowatch.nets.card import Precision
from kilowatch.nets.engines import Engine, default_engine, quickest_to_start, runner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.nets.artifact import Artifact
    from kilowatch.nets.card import ModelCard, Network

MICRO_BATCH = 32
"""Windows a run: weights and activations of a batch stay in the second-level cache (measured, ml.md section 4)."""


class Verdict(NamedTuple):
    """A window's raw score, and whether it reaches the model's threshold."""

    score: float
    odd: bool


class Model:
    """A loaded model. A window with NaN or infinite watts scores NaN: it cannot be judged.

    It belongs to one thread: each call uses the buffers of the last one.
    """

    def __init__(self, artifact: Artifact, engine: Engine) -> None:
        self.card: ModelCard = artifact.card
        self.sha256 = artifact.sha256
        self.engine = engine
        self.window = artifact.card.window
        self.interval_s = artifact.card.interval_s
        self.kind: Network = artifact.card.kind
        self.threshold = artifact.card.threshold
        self._outputs = artifact.file.outputs
        self._shape = (self.window,)
        # int8 takes one range for a whole batch: together with others a window would be rounded by them.
        self._rows = 1 if artifact.card.precision is Precision.INT8 else MICRO_BATCH
        self._runner = runner(artifact, engine, self._rows)
        self._score_one = self._runner.score_one

    @classmethod
    def load(cls, path: str | Path, *, sha256: str | None = None, engine: Engine | None = None) -> Model:
        """Return the model in a file; `ModelError` where it is corrupt, newer, or not the one of that hash.

        Without an engine ONNX Runtime runs it, or NumPy where that is not installed.
        """
        return cls(read_artifact(Path(path), sha256), engine or default_engine())

    def check(self, *, window: int | None = None, interval_s: float | None = None) -> None:
        """Raise `ModelError` where the model was trained on another window or interval."""
        check_fit(self.card, window=window, interval_s=interval_s)

    def score(self, windows_w: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return raw scores float32[n] of watts float32[n, window], oldest first.

        Runs in batches of one size, so that a score does not depend on how many came with it.
        """
        windows = self._checked(windows_w)
        whole: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(windows), axis=1)
        if not whole.all():
            windows = np.where(whole[:, None], windows, np.float32(0))
        scores = np.empty(len(windows), dtype=np.float32)
        for start in range(0, len(windows), self._rows):
            part = windows[start : start + self._rows]
            scores[start : start + len(part)] = self._runner.score(part)
        scores[~whole] = np.nan
        return scores

    def score_one(self, window_w: NDArray[np.float32]) -> float:
        """Return the raw score of one window, watts float32[window]."""
        if window_w.shape != self._shape:
            self._checked(window_w[None])
        # One sum of squares is finite exactly where every value is: watts squared are far from float32's end.
        if not math.isfinite(window_w.dot(window_w)):
            return math.nan
        return self._score_one(window_w)

    def verdict(self, window_w: NDArray[np.float32]) -> Verdict:
        """Judge one window by the model's own threshold; a score that is NaN is not odd."""
        score = self.score_one(window_w)
        return Verdict(score, score >= self.threshold)

    def expect(self, windows_w: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the watts that the network expects: float32[n, window], or the last window - 1 of a forecaster.

        `ModelError` for a classifier, which expects none.
        """
        if EXPECTED not in self._outputs:
            raise ModelError(f"The {self.kind} has no expectation in watts.", "Use an autoencoder or a forecaster.")
        windows = self._checked(windows_w)
        starts = range(0, len(windows), self._rows)
        found = [self._runner.expect(windows[start : start + self._rows]) for start in starts]
        return np.concatenate(found) if found else np.empty((0, self.window), dtype=np.float32)

    def _checked(self, windows_w: NDArray[np.float32]) -> NDArray[np.float32]:
        if windows_w.ndim != 2 or windows_w.shape[1] != self.window:
            shape = " x ".join(map(str, windows_w.shape))
            hint = f"Hand over float32[n, {self.window}], one row a window."
            raise ModelError(f"The model takes windows of {self.window} samples, got an array of {shape}.", hint)
        return np.ascontiguousarray(windows_w, dtype=np.float32)


def read_window(path: Path) -> NDArray[np.float32]:
    """Return the watts in a text file, float32[n]: the last column of each row, a header is skipped."""
    try:
        rows = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ReadingError(f"{path} cannot be read: {error}.", "Name a CSV file with a power column.") from None
    cells = [row.replace(";", ",").rpartition(",")[2].strip() for row in rows if row.strip()]
    watts = []
    for line, cell in enumerate(cells, start=1):
        try:
            watts.append(float(cell or "nan"))
        except ValueError:
            if line > 1:
                raise ReadingError(
                    f"{path}, line {line}: {cell!r} is no power.", "Leave missing values empty."
                ) from None
    return np.array(watts, dtype=np.float32)


def main(arguments: list[str]) -> int:
    """Print the verdict of a model on the window in a file; return the exit code."""
    if len(arguments) not in (2, 3) or not set(arguments[2:]) <= set(Engine):
        sys.stderr.write(f"usage: python -m kilowatch.nets.runtime MODEL WINDOW.csv [{'|'.join(Engine)}]\n")
        return 2
    try:
        artifact = read_artifact(Path(arguments[0]))
        model = Model(artifact, Engine(arguments[2]) if arguments[2:] else quickest_to_start(artifact))
        verdict = model.verdict(read_window(Path(arguments[1])))
    except KilowatchError as error:
        sys.stderr.write(f"error {error}\n      {error.hint}\n")
        return error.exit_code
    word = "unknown" if np.isnan(verdict.score) else "odd" if verdict.odd else "normal"
    sys.stdout.write(f"{word} score={verdict.score:.4f} threshold={model.threshold:.4f} model={model.sha256[:12]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
