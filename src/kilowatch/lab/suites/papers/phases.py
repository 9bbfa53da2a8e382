"""The phases of the edge paper's section IV on this machine: load data, build, load model, first run, later runs."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from kilowatch.core.outputs_papers import Phase
from kilowatch.lab.suites.papers.meters import Split, pairs, readings, trial
from kilowatch.lab.suites.papers.recipes import card_of
from kilowatch.nets.build import build, compiled
from kilowatch.nets.card import Metrics, TrainedOn
from kilowatch.nets.export import export
from kilowatch.nets.runtime import Model
from kilowatch.nets.shapes import EdgeClassifierShape

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.lab.suites.papers.meters import Trial
    from kilowatch.nets.card import ModelCard

T = TypeVar("T")
WINDOWS = 600


def phases(rounds: int) -> list[Phase]:
    """Return each phase once, the later runs as the median of `rounds`; the weights do not change a time."""
    load_s, data, load_cpu = _timed(_load)
    shape = EdgeClassifierShape()
    build_s, keras_model, build_cpu = _timed(lambda: compiled(build(shape, 0), shape, 1e-3))
    windows = np.concatenate([part.power_w for part in (data.train, data.validation)])[:WINDOWS]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(export(keras_model, shape, _card(data), windows))
        size_kb = path.stat().st_size / 1000
        model_s, model, model_cpu = _timed(lambda: Model.load(path))
    first_s, _, first_cpu = _timed(lambda: model.score(windows))
    later = [_timed(lambda: model.score(windows)) for _ in range(rounds)]
    later_us = 1e6 * float(np.median([seconds for seconds, _, _ in later])) / len(windows)
    return [
        Phase(phase="load data, scaled", paper="7.81 s", ours=_s(load_s), unit="s", cpu_share=load_cpu),
        Phase(
            phase="build and compile (training only)", paper="19.69 s", ours=_s(build_s), unit="s", cpu_share=build_cpu
        ),
        Phase(phase="load model", paper="23.40 s", ours=_s(model_s), unit="s", cpu_share=model_cpu),
        Phase(phase="first run, 600 windows", paper="3.78 s", ours=_s(first_s), unit="s", cpu_share=first_cpu),
        Phase(
            phase="later runs of 600, per window",
            paper="935 us",
            ours=round(later_us, 1),
            unit="us",
            cpu_share=round(float(np.median([cpu for _, _, cpu in later])), 2),
        ),
        Phase(phase="model file", paper="not told", ours=round(size_kb, 1), unit="kB"),
    ]


def _load() -> Trial:
    pair = pairs(1)[0]
    return trial(readings(pair.normal), readings(pair.abnormal), Split.PAPER, 0)


def _timed(work: Callable[[], T]) -> tuple[float, T, float]:
    """Return seconds, result, and processor time over wall time."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    seconds = time.perf_counter() - wall
    return seconds, result, round((time.process_time() - cpu) / max(seconds, 1e-9), 2)


def _s(seconds: float) -> float:
    return round(seconds, 4)


def _card(data: Trial) -> ModelCard:
    nothing = TrainedOn([], 0, 0, 0, 0), Metrics(0, 0.0, 0.0), np.zeros(1, dtype=np.float32)
    return card_of(EdgeClassifierShape(), data.scaler, *nothing)
