"""Windows that random cuts set apart from all others sooner than they do a normal window.

Isolation forest (Liu, Ting & Zhou, "Isolation Forest", ICDM 2008) with its published size, on windows of the last
64 values. scikit-learn grows the trees; they are kept as arrays over slots, so that many devices are scored at once
and a device is saved like any other. The score is how far a window's mean depth falls short of the deepest normal
one, over what is usual: the published exponential of it lies between 0.3 and 0.8 for everything, which leaves no
room for severities.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import watts
from kilowatch.core.quantise import decode_watts
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.strided import are_due, let_stand
from kilowatch.detectors.training import training_windows
from kilowatch.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

LENGTH = 64
TREES, SAMPLE = 100, 256
DEPTH = 8
"""log2 of the sample: where the published trees end."""
_CUTS, _LEAVES = 2**DEPTH - 1, 2**DEPTH
DEPTH_UNIT = 2048
"""Parts of a step: depths are whole numbers, so that their sums are exact."""
_LEAST_WINDOWS = 800
_MOST_WINDOWS = 4000
_PROBED = 4
"""Every so many windows set the scale."""
_LEAST_SHORT = 0.25
"""Steps by which a usual window falls short at least: a flat past has no spread."""
_CHUNK = 1024
_TREE = np.arange(TREES)[:, None]
_CODES = decode_watts(np.arange(65_536, dtype=np.uint16))


class IsolationForest(PerDevice):
    """Mean shortfall of depth over the usual one; 128 kB a device.

    stride: a device is looked at on every stride-th sample, at its own phase; between, its score stands.
    """

    name = "isolation_forest"
    needs = LENGTH
    columns: ClassVar[Mapping[str, Column]] = {
        "lag": Column(np.uint8, TREES * _CUTS),
        "cut": Column(np.uint16, TREES * _CUTS),
        "depth": Column(np.uint16, TREES * _LEAVES),
        "deepest": Column(np.float32),
        "usual": Column(np.float32),
        "standing": Column(np.float32, fill=np.nan),
    }
    lag: NDArray[np.uint8]
    cut: NDArray[np.uint16]
    depth: NDArray[np.uint16]
    deepest: NDArray[np.float32]
    usual: NDArray[np.float32]
    standing: NDArray[np.float32]

    def __init__(self, stride: int = 4) -> None:
        if find_spec("sklearn") is None:
            raise MissingExtraError("scikit-learn", "lab")
        super().__init__()
        self.stride = stride

    def fit(self, slot: int, history: Series) -> None:
        """Grow one device's trees; too short a past leaves it as it was."""
        windows_w = training_windows(history.part(history.usable), LENGTH, _MOST_WINDOWS)
        if len(windows_w) < _LEAST_WINDOWS:
            return
        for number, tree in enumerate(_grown(windows_w)):
            lag, cut, depth = _as_heap(tree)
            self.lag[slot, number * _CUTS : (number + 1) * _CUTS] = lag
            self.cut[slot, number * _CUTS : (number + 1) * _CUTS] = cut
            self.depth[slot, number * _LEAVES : (number + 1) * _LEAVES] = depth
        probes_w = windows_w[::_PROBED]
        depths = self.mean_depths(np.full(len(probes_w), slot, dtype=np.int32), probes_w)
        self.deepest[slot] = depths.max()
        self.usual[slot] = max(float(depths.max() - np.median(depths)), _LEAST_SHORT)

    def score(self, samples: Samples, view: WindowView) -> Scores:
        """Return how far the window's depth falls short of the deepest, over the usual."""
        due = are_due(samples, self.needs, self.stride) & (self.usual[samples.slot] > 0)
        raw = np.full(len(samples), np.nan, dtype=np.float32)
        rows = np.flatnonzero(due)
        for first in range(0, len(rows), _CHUNK):
            part = rows[first : first + _CHUNK]
            slot = samples.slot[part]
            short = self.deepest[slot] - self.mean_depths(slot, view.matrix(part, LENGTH))
            raw[part] = np.maximum(short, 0) / self.usual[slot]
        return Scores(let_stand(samples, raw, due, self.standing), facts={"power_w": samples.power_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say what it draws."""
        return f"its last half hour stands apart from all it did before, at {watts(facts['power_w'])} now"

    def clone(self) -> IsolationForest:
        """Return the same method without devices."""
        return IsolationForest(self.stride)

    def mean_depths(self, slot: NDArray[np.int32], windows_w: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the mean depth at which windows float32[n, LENGTH] come to rest, float64[n]."""
        columns = np.ascontiguousarray(windows_w.T)
        rows, node = np.arange(len(slot)), np.zeros((TREES, len(slot)), dtype=np.intp)
        first = slot.astype(np.intp) * (TREES * _CUTS) + _TREE * _CUTS
        lag, cut = self.lag.reshape(-1), self.cut.reshape(-1)
        # All windows go down all trees in step: the trees are full heaps, so no path ends before the last row.
        for _ in range(DEPTH):
            at = first + node
            node = 2 * node + 1 + (columns[lag[at], rows] > _CODES[cut[at]])
        leaf = self.depth.reshape(-1)[slot.astype(np.intp) * (TREES * _LEAVES) + _TREE * _LEAVES + node - _CUTS]
        return leaf.sum(axis=0, dtype=np.int64) / (TREES * DEPTH_UNIT)


def _grown(windows_w: NDArray[np.float32]) -> list[Any]:
    """Return scikit-learn's trees."""
    from sklearn.ensemble import IsolationForest as Forest

    forest = Forest(n_estimators=TREES, max_samples=SAMPLE, random_state=0).fit(windows_w)
    return [each.tree_ for each in forest.estimators_]


def _as_heap(tree: Any) -> tuple[NDArray[np.uint8], NDArray[np.uint16], NDArray[np.uint16]]:
    """Return a tree as a full heap: the lag and the cut of each inner node, the depth of each of its last leaves.

    A leaf that ends early is carried down to the last row: which way its windows go makes no difference.
    """
    place = np.zeros(2**DEPTH, dtype=np.intp)
    lag, cut = np.zeros(_CUTS, dtype=np.uint8), np.zeros(_CUTS, dtype=np.uint16)
    levels = [place[:1]]
    ended = np.zeros(1, dtype=np.int64)
    for row in range(DEPTH):
        node = levels[-1]
        inner = tree.children_left[node] >= 0
        here = slice(2**row - 1, 2 ** (row + 1) - 1)
        lag[here] = np.where(inner, tree.feature[node], 0)
        # Windows hold watts of codes alone, so above this code is above the threshold, in two bytes a cut. Nothing is
        # above 65,535: windows of a leaf that ended early all go left.
        cut[here] = np.where(inner, _last_code(tree.threshold[node]), 65_535)
        children = np.column_stack([tree.children_left[node], tree.children_right[node]])
        levels.append(np.where(inner[:, None], children, node[:, None]).ravel())
        ended = np.repeat(ended + inner, 2)
    depth = ended + _mean_search(tree.n_node_samples[levels[-1]])
    return lag, cut, np.rint(depth * DEPTH_UNIT).astype(np.uint16)


def _last_code(threshold_w: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the highest code that still lies at or under each threshold."""
    return np.maximum(np.searchsorted(_CODES, threshold_w, side="right") - 1, 0)


def _mean_search(samples: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean depth that so many samples would still need, c(n) of the paper, equation 1."""
    size = np.maximum(samples, 3).astype(np.float64)
    long = 2 * (np.log(size - 1) + np.euler_gamma) - 2 * (size - 1) / size
    return np.where(samples > 2, long, np.where(samples == 2, 1.0, 0.0))
