"""Small homes in files, and the command line over them, for the tests of cli."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from typer.testing import CliRunner

from kilowatch.cli.main import app
from links.tables import START_MS, write

if TYPE_CHECKING:
    from pathlib import Path

DAYS = 5
LEARNING = "--learning-days=3"
SIMPLE = "--detector=hour_of_week"
FAULT_HOUR = 90


def meter(path: Path, days: float = DAYS, *, fault: bool = True, seed: int = 0) -> Path:
    """A meter every 60 s that follows the hour of the day; on the fourth day it draws four times as much for 3 h."""
    ts_s = START_MS // 1000 + 60 * np.arange(round(days * 1440))
    hour = (ts_s - START_MS // 1000) / 3600
    power_w = 400 + 200 * np.sin(hour * np.pi / 12) + np.random.default_rng(seed).normal(0, 10, len(ts_s))
    if fault:
        power_w[(hour >= FAULT_HOUR) & (hour < FAULT_HOUR + 3)] *= 4
    rows = (f"{ts},{watts:.1f}" for ts, watts in zip(ts_s.tolist(), power_w.tolist(), strict=True))
    return write(path, ["timestamp,power_w", *rows])


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output."""
        assert self.out.count("\n") == 1
        found: dict[str, Any] = json.loads(self.out)
        return found


def called(*words: object, width: int = 100) -> Said:
    """Run a command in this process; an error that only `main.run` turns into words is raised."""
    result = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": str(width), "NO_COLOR": "1"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def run(*words: object, cwd: Path | None = None) -> Said:
    """Run a command as a person would."""
    done = subprocess.run(
        [sys.executable, "-m", "kilowatch", *map(str, words)], capture_output=True, text=True, check=False, cwd=cwd
    )
    return Said(done.returncode, done.stdout, done.stderr)
