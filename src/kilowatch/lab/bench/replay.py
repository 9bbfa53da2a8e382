"""The replay of a meter-month from Parquet, and the same job in pandas beside it, in CPU time of one core."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kilowatch.app.pipeline import PipelineSettings
from kilowatch.app.replay import replay
from kilowatch.app.setup import look_back, replay_of
from kilowatch.core.outputs import BenchRow
from kilowatch.detectors.registry import create
from kilowatch.errors import MissingExtraError
from kilowatch.lab.bench.fleet import STEP_MS, meter_course
from kilowatch.links.files import ReadOptions, open_sources

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 86_400
"""Utomo & Hsiung, section IV: one month of 30 s readings."""
_START_MS = 1_767_567_600_000
_RUNS = 5


def rows() -> list[BenchRow]:
    """Return rows a second with four lessons on the way and with none, those of pandas, and the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "meter.parquet"
        write_month(path)
        ours_s, theirs_s = _alternating(lambda: replay_file(path), lambda: replay_in_pandas(path))
        taught_s = float(np.median([taught_replay_s(path) for _ in range(_RUNS)]))
    return [
        BenchRow(name="replay_rows_per_s", value=round(ROWS / ours_s), unit="rows/s"),
        BenchRow(name="replay_month_s", value=round(ours_s, 3), unit="s"),
        BenchRow(name="replay_taught_rows_per_s", value=round(ROWS / taught_s), unit="rows/s"),
        BenchRow(name="pandas_rolling_rows_per_s", value=round(ROWS / theirs_s), unit="rows/s"),
        BenchRow(name="replay_over_pandas", value=round(theirs_s / ours_s, 2), unit="ratio"),
    ]


def write_month(path: Path) -> None:
    """Write a month of a meter."""
    ts_ms = _START_MS + STEP_MS * np.arange(ROWS, dtype=np.int64)
    columns = {"timestamp": ts_ms.astype("datetime64[ms]"), "power_w": meter_course(0, ROWS).astype(np.float32)}
    pq.write_table(pa.table(columns), path)


def replay_file(path: Path) -> None:
    """Replay a file with the cheap tier: clean, learn weekly, score, judge."""
    sources = open_sources([path], ReadOptions()).sources
    run = replay_of(sources, create("fleet"), PipelineSettings())
    replay(run.pipeline, run.batches(), lambda _batch, _result: None)


def taught_replay_s(path: Path) -> float:
    """Return the CPU seconds of the same replay where the meter was learnt before: no lessons on the way."""
    run = replay_of(open_sources([path], ReadOptions()).sources, create("fleet"), PipelineSettings())
    look_back(run)
    started = time.process_time()
    replay(run.pipeline, run.batches(), lambda _batch, _result: None)
    return time.process_time() - started


def replay_in_pandas(path: Path) -> None:
    """Do what the cheap tier does in pandas: rolling mean, hour-of-week z, run lengths, flatness, CUSUM, 2 of 3."""
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("pandas", "dev") from error
    frame = pd.read_parquet(path).set_index("timestamp")
    power = frame["power_w"].astype("float64").clip(lower=0)
    mean = power.rolling("5min").mean()
    hour = power.index.dayofweek * 24 + power.index.hour
    learnt = mean.iloc[: 7 * 2880].groupby(hour[: 7 * 2880])
    median = learnt.median().reindex(range(168)).to_numpy()[hour]
    spread = (learnt.quantile(0.84) - learnt.quantile(0.16)).reindex(range(168)).to_numpy()[hour] / 2 + 1.0
    z = ((mean - median) / spread).abs()
    on = power > power.iloc[: 7 * 2880].median()
    run = on.groupby((on != on.shift()).cumsum()).cumcount()
    flat = power.groupby((power.diff() != 0).cumsum()).cumcount()
    day = power.rolling("24h").sum()
    drift = (mean - median).ewm(span=2880).mean() / spread
    score = pd.concat([z, run / 2880, flat / 2880, day / day.iloc[7 * 2880], drift.abs()], axis=1).max(axis=1)
    confirmed = score.rolling(3).apply(lambda last: np.sort(last)[1], raw=True)
    blocks = confirmed.iloc[2880 : 7 * 2880].resample("1h").max()
    (confirmed > blocks.quantile(1 - 1 / 168)).astype("int8").diff().gt(0).sum()


def _alternating(ours: Callable[[], None], theirs: Callable[[], None]) -> tuple[float, float]:
    """Return the median seconds of each, run in turn so that the machine's moods fall on both alike."""
    # Once untimed: imports and the first read of the file are neither's cost.
    ours()
    theirs()
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(_RUNS):
        for which, job in enumerate((ours, theirs)):
            started = time.process_time()
            job()
            spent[which].append(time.process_time() - started)
    return float(np.median(spent[0])), float(np.median(spent[1]))
