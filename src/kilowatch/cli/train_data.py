"""Files of meter history as pasts of devices on their grids, for training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table

from kilowatch.app.pipeline import PipelineSettings
from kilowatch.app.setup import replay_of
from kilowatch.cli.progress import reading_progress
from kilowatch.cli.replay import show_failures, show_problems
from kilowatch.detectors.registry import create
from kilowatch.links.files import open_sources
from kilowatch.links.memory import MemoryHistory
from kilowatch.nets.windows import Windows, cut

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kilowatch.core.samples import Series
    from kilowatch.links.files import ReadOptions

_LATEST_MS = np.iinfo(np.int64).max


def read_series(paths: Sequence[Path], options: ReadOptions, *, quiet: bool) -> list[Series]:
    """Return every device's past, cleaned and on its grid as the pipeline would have it."""
    opened = open_sources(paths, options)
    show_failures(opened)
    # The cheapest detector: only what the pipeline does before judging is wanted.
    run, history = replay_of(opened.sources, create("constant"), PipelineSettings()), MemoryHistory()
    total = sum(source.estimated_rows() for source in run.sources)
    with reading_progress("read", total, quiet=quiet) as count:
        for batch in run.batches():
            run.pipeline.survey(batch, history)
            count(len(batch))
    show_problems(opened)
    records = enumerate(run.pipeline.fleet.records)
    return [history.series(slot, record, 0, _LATEST_MS) for slot, record in records]


def windows_of(series: Sequence[Series], window: int, stride: int, *, abnormal: bool = False) -> Windows:
    """Return the windows of all devices."""
    return Windows.join([cut(each, window, stride, abnormal=abnormal) for each in series])


def data_table(training: Windows, validation: Windows) -> Table:
    """Return what a network is trained on, a row a device."""
    table = Table("device", "class", "training", "validation", "W least", "W median", "W most", title="windows")
    for name in training.names:
        parts = [part.take(part.source == part.names.index(name)) for part in (training, validation)]
        power_w = np.concatenate([part.power_w for part in parts])
        levels = [f"{level:,.1f}" for level in np.quantile(power_w, (0, 0.5, 1))] if power_w.size else ["–"] * 3
        label = np.concatenate([part.label for part in parts])
        kind = "both" if 0 < label.mean() < 1 else "abnormal" if label.any() else "normal"
        table.add_row(name, kind, *(f"{len(part):,}" for part in parts), *levels)
    return table
