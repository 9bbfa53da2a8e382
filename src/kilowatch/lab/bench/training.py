"""`kilowatch bench train`: seconds an epoch of both papers' networks, ours and the peers' in processes of their own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ComponentError
from kilowatch.lab.bench import training_worker
from kilowatch.lab.bench.edge_peers import HOME, environment, install, python_of
from kilowatch.lab.bench.pipeline.goals import printed, skipped

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.core.outputs import BenchRow

LIBRARIES = ("keras_jax", "keras_tf", "torch")
"""The first is what `kilowatch train` trains with."""
NETWORKS = ("classifier", "autoencoder")
_EPOCHS = 6
_WORKER = Path(training_worker.__file__)


def rows(say: Callable[[str], None], *, quick: bool, peers: bool) -> list[BenchRow]:
    """Return seconds an epoch after the first, which compiles, and how far the losses of the last one lie apart."""
    if peers:
        install(say)
    found: list[BenchRow] = []
    for network in NETWORKS:
        runs: dict[str, list[tuple[float, float]]] = {}
        for library in LIBRARIES:
            python = python_of(library)
            if python is None:
                found.append(skipped(f"{network}_{library}_epoch_s", _how_to_get(library)))
                continue
            say(f"{network} with {library}")
            runs[library] = _epochs(python, library, network, 2 if quick else _EPOCHS)
            found += _epoch_rows(network, library, runs[library])
        found += _loss_rows(network, runs)
    return found


def _how_to_get(library: str) -> str:
    if library == "torch":
        return f"no environment {HOME / 'torch'} with a file named ready in it"
    return "not installed: --peers installs it"


def _epochs(python: Path, library: str, network: str, epochs: int) -> list[tuple[float, float]]:
    command = [str(python), "-P", str(_WORKER), library, network, str(epochs)]
    done = subprocess.run(  # noqa: S603 - fixed words
        command, env=environment(library), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ComponentError(f"{library} failed: {done.stderr.strip()[-300:]}", "See that its environment is whole.")
    # The last line alone: libraries print greetings of their own before it.
    return [(seconds, loss) for seconds, loss in json.loads(done.stdout.splitlines()[-1])]


def _epoch_rows(network: str, library: str, run: list[tuple[float, float]]) -> list[BenchRow]:
    seconds = [taken for taken, _ in run]
    return [
        printed(f"{network}_{library}_epoch_s", float(np.median(seconds[1:])), "s"),
        printed(f"{network}_{library}_first_epoch_s", seconds[0], "s", "compiles"),
        printed(f"{network}_{library}_loss", run[-1][1], ""),
    ]


def _loss_rows(network: str, runs: dict[str, list[tuple[float, float]]]) -> list[BenchRow]:
    losses = [run[-1][1] for run in runs.values()]
    if len(losses) < 2:
        return []
    note = "largest difference of the last epoch's losses; first weights differ"
    return [printed(f"{network}_loss_spread", max(losses) - min(losses), "", note)]
