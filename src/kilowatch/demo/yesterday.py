"""The day before the curtain rises, of what was learnt from, so that the page has a past to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.history import DAY_MS, HistoryRows

if TYPE_CHECKING:
    from kilowatch.app.subject import Subject


def yesterday_of(subject: Subject, until_ms: int) -> HistoryRows:
    """Return every device's samples of the last day before a time; scores and bands of then nobody kept."""
    fleet, history = subject.pipeline.fleet, subject.history
    assert history is not None  # noqa: S101 - the demo's edge learns where it judges
    series = [history.series(slot, record, until_ms - DAY_MS, until_ms) for slot, record in enumerate(fleet.records)]
    device = np.repeat(np.arange(len(series), dtype=np.int32), [len(one) for one in series])
    unknown = np.full(len(device), np.nan, dtype=np.float32)
    return HistoryRows(
        names=tuple((one.record.site, one.record.device) for one in series),
        device=device,
        ts_ms=np.concatenate([one.ts_ms for one in series]),
        power_w=np.concatenate([one.power_w for one in series]),
        score=unknown,
        low_w=unknown,
        high_w=unknown,
        keep=np.zeros(len(device), dtype=np.bool_),
    )
