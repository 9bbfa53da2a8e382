"""Models of other libraries behind one face: learn from normal windows once, then score windows without learning."""

from __future__ import annotations

import inspect
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from kilowatch.core.window import WINDOW
from kilowatch.detectors.compare_libraries import Library, find
from kilowatch.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SHAPE = 64
"""Values in the windows of libraries that know points, not time."""
AXES = 16
"""Such a window as a point: means of four values each, which most of these methods need to end in time."""
_REFERENCE = 1000
"""Past values before the live ones, for methods that learn nothing and compare a series with itself."""
_SETTINGS = {"random_state": 0, "seed": 0}
_AEON_SETTINGS = {**_SETTINGS, "window_size": SHAPE}


_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Model(Protocol):
    """One device's model."""

    length: int
    """Values in a window."""

    def fit(self, past: NDArray[np.float64], windows: NDArray[np.float64]) -> None:
        """Learn from the values of a past float64[m] and from windows of it float64[n, length]."""

    def scores(self, windows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a score for each window float64[n, length], higher is odder."""


class PointModel:
    """A PyOD detector: a window is a point."""

    length = SHAPE

    def __init__(self, made: Any) -> None:
        self._made = made

    def fit(self, past: NDArray[np.float64], windows: NDArray[np.float64]) -> None:  # noqa: ARG002 - the protocol's
        """Learn from the windows."""
        self._made.fit(_points(windows))

    def scores(self, windows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the decision function."""
        return np.asarray(self._made.decision_function(_points(windows)), dtype=np.float64).reshape(-1)


class OnlineModel:
    """A river detector: it learns the windows one after the other, and then no more."""

    length = SHAPE

    def __init__(self, made: Any) -> None:
        self._made = made
        self._by_target = "y" in inspect.signature(made.score_one).parameters

    def fit(self, past: NDArray[np.float64], windows: NDArray[np.float64]) -> None:  # noqa: ARG002 - the protocol's
        """Learn from the windows in order."""
        for point in _points(windows):
            self._made.learn_one(*self._arguments(point))

    def scores(self, windows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the score of each window."""
        return np.array([float(self._made.score_one(*self._arguments(point))) for point in _points(windows)])

    def _arguments(self, point: NDArray[np.float64]) -> tuple[Any, ...]:
        """Return a point as features; those that judge a target get its last value for it."""
        values = dict(enumerate(point.tolist()))
        # The same dict in both places: taking the target out leaves the features without it.
        return (values, values.pop(AXES - 1)) if self._by_target else (values,)


class SeriesModel:
    """A detector of aeon, or one of PyOD's for time series: it gets all values it may know, and the last score counts.

    What is fitted gets the live window; what compares a series with itself gets the past before it.
    """

    length = WINDOW

    def __init__(self, made: Any, ask: str, *, compares_itself: bool) -> None:
        self._made = made
        self._ask = ask
        self._compares_itself = compares_itself
        self._reference = np.zeros(0)

    def fit(self, past: NDArray[np.float64], windows: NDArray[np.float64]) -> None:  # noqa: ARG002 - the protocol's
        """Learn from the past, or keep its end."""
        if self._compares_itself:
            self._reference = past[-_REFERENCE:]
        else:
            self._made.fit(past)

    def scores(self, windows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the score of the last value of each window."""
        ask = getattr(self._made, self._ask)
        series = (np.concatenate([self._reference, window]) for window in windows)
        return np.array([float(np.asarray(ask(each)).reshape(-1)[-1]) for each in series])


def made(name: str) -> Model:
    """Return an unfitted model by `library:Class`; errors as in `find`."""
    library, module, found = find(name)
    taken = inspect.signature(found).parameters
    if needed := [key for key, each in taken.items() if each.default is each.empty and each.kind in _NAMED]:
        raise DetectorError(f"{name} cannot be made by its name alone: it needs {', '.join(needed)}.", "Name another.")
    settings = _AEON_SETTINGS if library is Library.AEON else _SETTINGS
    with quiet():
        one = found(**{key: value for key, value in settings.items() if key in taken})
    if library is Library.RIVER:
        return OnlineModel(one)
    if library is Library.AEON:
        return SeriesModel(one, "predict", compares_itself=one.get_tag("fit_is_empty"))
    if module.rpartition(".")[2].startswith("ts_"):
        return SeriesModel(one, "decision_function", compares_itself=False)
    return PointModel(one)


def _points(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    return windows.reshape(len(windows), AXES, -1).mean(axis=2)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings of other libraries from our output."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
