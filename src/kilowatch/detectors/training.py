"""What window methods learn from: the whole windows of a device's usable past, evenly spread over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.playback import as_samples
from kilowatch.core.window import WindowRing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.samples import Series
    from kilowatch.core.window import WindowView


def learnt_view(past: Series) -> WindowView:
    """Return the windows of a past; they restart wherever rows are missing."""
    ring = WindowRing()
    ring.reserve(1)
    return ring.view(as_samples(past))


def training_windows(past: Series, length: int, most: int) -> NDArray[np.float32]:
    """Return watts float32[m, length] of at most so many windows; m is 0 where none is whole."""
    view = learnt_view(past)
    rows = np.flatnonzero(view.samples.count >= length)
    if not len(rows):
        return np.empty((0, length), dtype=np.float32)
    taken = np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.intp)
    return view.matrix(rows[taken], length)
