"""The papers' networks as further rows of a table: as they ship, one at a time, kept on disk so that a run goes on.

They are slow and take part only where asked for. Each is one file for all devices, trained on the simulated home.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from kilowatch.core.outputs_evaluate import EvaluateRow
from kilowatch.detectors.registry import WITH_NETWORK
from kilowatch.errors import ModelError
from kilowatch.lab.suites.evaluate import Evaluation, evaluate
from kilowatch.lab.suites.prepare import Suite
from kilowatch.links.journal import replacing
from kilowatch.nets.artifact import read_artifact
from kilowatch.nets.shipped import names, path_of

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.lab.suites.pool import Progress
    from kilowatch.lab.suites.prepare import Options

FORECASTER = "forecaster"
JUDGED_ON = (Suite.FAULTS, Suite.INJECTED)
"""The suites of `evaluate accuracy` whose tables get these rows where asked for: the two with appliances and meters."""
NOTE = (
    "The networks that ship were trained on the simulated home alone; on each device they are calibrated like any "
    "other detector. One that could learn no device of a suite says nothing: no achieved rate, and figures as by "
    "chance."
)


def with_networks(
    evaluation: Evaluation, suite: Suite, options: Options, results: Path, report: Progress
) -> Evaluation:
    """Return a finished suite with a row for each shipped network, and for the default with a forecaster beside it.

    What lies in `results` is not done again. `ModelError` where no network ships with this kilowatch.
    """
    if not names():
        raise ModelError("No network ships with this kilowatch.", "Make them with: python scripts/make_models.py.")
    rows = [_row(name, "", suite, options, results, report) for name in names()]
    rows += [_row(name, WITH_NETWORK, suite, options, results, report) for name in names() if FORECASTER in name]
    known = evaluation.output
    output = msgspec.structs.replace(known, rows=[*known.rows, *rows], notes=[*known.notes, NOTE])
    return Evaluation(output, evaluation.findings)


def _row(name: str, beside: str, suite: Suite, options: Options, results: Path, report: Progress) -> EvaluateRow:
    """Return the row of a shipped network alone, or beside the members of the default."""
    path = path_of(name)
    artifact = read_artifact(path)
    # With the artifact's hash in the name: a network that was trained anew is measured anew.
    kept = results / f"{suite.value}-{'quick' if options.quick else 'full'}-{beside}{name}-{artifact.sha256[:16]}.json"
    if kept.exists():
        return msgspec.json.decode(kept.read_bytes(), type=EvaluateRow)
    detectors = (f"{beside}{artifact.card.kind}:{path}",)
    done = evaluate(suite, replace(options, detectors=detectors), report)
    row = msgspec.structs.replace(done.output.rows[0], detector=beside + name)
    results.mkdir(parents=True, exist_ok=True)
    # A run that is cut off must not leave half a row for the next to find.
    with replacing(kept) as fresh:
        fresh.write_bytes(msgspec.json.encode(row))
    return row
