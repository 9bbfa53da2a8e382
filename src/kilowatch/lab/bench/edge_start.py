"""From nothing to the first verdict, each time in a fresh process: seconds and the most memory it held."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kilowatch.lab.bench.edge_peers import WORKER, environment, python_of
from kilowatch.lab.bench.pipeline.goals import at_most, printed, skipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.core.outputs import BenchRow


# The kernel keeps the peak; looking often only makes sure that the last look comes shortly before the end.
_LOOK_S = 0.002


class Start(NamedTuple):
    """What a fresh process cost."""

    seconds: float
    rss_mb: float


def start_rows(folder: Path, rounds: int) -> list[BenchRow]:
    """Return our start with NumPy (as the command takes it) and ONNX Runtime, and Keras's on the same model."""
    command = [sys.executable, "-m", "kilowatch.nets.runtime", str(folder / "model.onnx"), str(folder / "window.csv")]
    ours, onnx = ([start(words, "kilowatch") for _ in range(rounds)] for words in (command, [*command, "onnxruntime"]))
    return [
        at_most("first_verdict_s", _median(ours, 0), "s", 0.5),
        at_most("edge_rss_mb", _median(ours, 1), "MB", 60),
        printed("first_verdict_onnxruntime_s", _median(onnx, 0), "s"),
        printed("edge_rss_onnxruntime_mb", _median(onnx, 1), "MB"),
        *_keras_rows("keras_jax", folder),
        *_keras_rows("keras_tf", folder),
    ]


def _keras_rows(runtime: str, folder: Path) -> list[BenchRow]:
    python = python_of(runtime)
    if python is None:
        return [skipped(f"first_verdict_{runtime}_s", "not installed: --peers installs it")]
    found = start([str(python), "-P", str(WORKER), runtime, str(folder), "once"], runtime)
    return [
        printed(f"first_verdict_{runtime}_s", found.seconds, "s"),
        printed(f"{runtime}_rss_mb", found.rss_mb, "MB"),
    ]


def start(command: Sequence[str], runtime: str) -> Start:
    """Run a fresh process to its end; its own peak of memory, 10^6 bytes."""
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - fixed words
        command, env=environment(runtime), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak_mb = float("nan")
    while process.poll() is None:
        peak_mb = _peak_mb(process.pid, peak_mb)
        time.sleep(_LOOK_S)
    seconds = time.perf_counter() - began
    return Start(seconds, peak_mb if process.returncode == 0 else float("nan"))


def _peak_mb(pid: int, before: float) -> float:
    """Return the peak so far, 10^6 bytes; what wait4 tells would hold that of the process that started it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return before
    lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM:")]
    # The kernel's kB are 1,024 bytes.
    return int(lines[0][1]) * 1024e-6 if lines else before


def _median(starts: Sequence[Start], column: int) -> float:
    return float(np.median([each[column] for each in starts]))
