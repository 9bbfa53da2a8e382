"""The worst misses and the worst false alarms of a finished suite, as pictures in a folder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kilowatch.detectors.registry import DetectorName
from kilowatch.lab.suites.exhibits import What
from kilowatch.lab.suites.svg import picture

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.lab.suites.evaluate import Evaluation
    from kilowatch.lab.suites.exhibits import Exhibit

SHOWN = 3


def hang(evaluation: Evaluation, folder: Path) -> list[tuple[Exhibit, Path]]:
    """Write the pictures of the default's worst, at most three of each sort, one a device; return them with paths."""
    folder.mkdir(parents=True, exist_ok=True)
    suite = evaluation.output.suite
    # A run with fewer pictures must not leave those of the run before beside them.
    for old in folder.glob(f"{suite}-*.svg"):
        old.unlink()
    hung = []
    for what in What:
        for rank, exhibit in enumerate(_worst(evaluation, what), 1):
            path = folder / f"{suite}-{re.sub(r'[^a-z]+', '-', what.value)}-{rank}.svg"
            path.write_text(picture(exhibit), encoding="utf-8")
            hung.append((exhibit, path))
    return hung


def _worst(evaluation: Evaluation, what: What) -> list[Exhibit]:
    """Return the worst of one sort, one for each device."""
    worst = []
    for one in evaluation.findings.get(DetectorName.DEFAULT, ()):
        of_device = [exhibit for exhibit in one.exhibits if exhibit.what is what]
        if of_device:
            worst.append(max(of_device, key=lambda exhibit: exhibit.weight))
    return sorted(worst, key=lambda exhibit: -exhibit.weight)[:SHOWN]
