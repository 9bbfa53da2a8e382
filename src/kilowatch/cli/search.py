"""`kilowatch search`: sizes and learning rate of a network that suit your own history, by Optuna."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import TimeRemainingColumn

from kilowatch.cli.progress import told_progress
from kilowatch.cli.read_options import reads_files
from kilowatch.cli.train import OVERLAP, epoch_progress, tell, write_all
from kilowatch.cli.train_data import data_table, read_series, windows_of
from kilowatch.errors import ConfigError
from kilowatch.links.files import ReadOptions
from kilowatch.nets.card import Network
from kilowatch.nets.fit import TrainPlan
from kilowatch.nets.windows import Windows, split_by_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kilowatch.core.samples import Series
    from kilowatch.nets.search import TrialReport


@reads_files
def search(
    network: Annotated[Network, typer.Argument(help="Which network.")],
    options: ReadOptions,
    data: Annotated[list[Path], typer.Option(help="File or folder of normal history; may be given again.")],
    out: Annotated[Path, typer.Option(help="The model file to write.")] = Path("model.onnx"),
    abnormal: Annotated[list[Path] | None, typer.Option(help="Abnormal history, for the classifier.")] = None,
    study: Annotated[Path, typer.Option(help="The study; goes on with it where it exists.")] = Path("search.sqlite"),
    trials: Annotated[int, typer.Option(min=1, help="In the study, those of earlier runs included.")] = 30,
    trial_epochs: Annotated[int, typer.Option(min=1, help="At most, in each trial.")] = 30,
    epochs: Annotated[int, typer.Option(min=1, help="At most, when the best is trained.")] = 100,
    batch: Annotated[int, typer.Option(min=1, help="Windows a step.")] = 25,
    window: Annotated[list[int] | None, typer.Option(min=8, help="A window to try; may be given again.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides trials and first weights.")] = 0,
    validation_share: Annotated[float, typer.Option(min=0.05, max=0.9, help="Judges the trials.")] = 0.25,
    test_share: Annotated[float, typer.Option(min=0.0, max=0.5, help="The latest history, seen by no trial.")] = 0.2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Search sizes and learning rate on your own history, then train and save the best."""
    from kilowatch.nets.search import SearchPlan
    from kilowatch.nets.search import search as run
    from kilowatch.nets.train import train

    if (network is Network.EDGE_CLASSIFIER) != bool(abnormal):
        raise ConfigError(f"The {network} takes {'--abnormal' if not abnormal else 'no --abnormal'}.", "See --help.")
    normal = read_series(data, options, quiet=as_json)
    odd = read_series(abnormal, options, quiet=as_json) if abnormal else []

    def cut(length: int) -> tuple[Windows, Windows]:
        # By time: no trial may see hours that lie between those it is judged by.
        known, _ = split_by_time(_windows(normal, odd, length), test_share)
        return split_by_time(known, validation_share)

    sizes = tuple(window) if window else SearchPlan().windows
    settings = SearchPlan(trials=trials, epochs=trial_epochs, batch=batch, seed=seed, windows=sizes)
    with trial_progress(trials, quiet=as_json) as seen:
        found = run(network, cut, settings, study, seen)
    parts = cut(found.shape.window)
    console = Console(stderr=True, quiet=as_json)
    console.print(f"{found.trials} trials, {found.pruned} pruned; best: {found.shape}, rate {found.learning_rate:.2g}.")
    console.print(data_table(*parts))
    plan = TrainPlan(epochs=epochs, batch=batch, learning_rate=found.learning_rate, seed=seed)
    with epoch_progress(epochs, quiet=as_json) as report:
        trained = train(*parts, found.shape, plan, report=report)
    write_all(trained, out)
    tell(trained, out, as_json=as_json)


def _windows(normal: Sequence[Series], abnormal: Sequence[Series], length: int) -> Windows:
    if not abnormal:
        return windows_of(normal, length, max(1, length // OVERLAP))
    return Windows.join(
        [windows_of(normal, length, length), windows_of(abnormal, length, length, abnormal=True)],
    )


@contextmanager
def trial_progress(trials: int, *, quiet: bool) -> Iterator[Callable[[TrialReport], None]]:
    """Show a bar on standard error: trials, the last loss, the best one and the time left."""
    with told_progress("search", trials, TimeRemainingColumn(), quiet=quiet) as show:
        yield lambda report: show(report.number, said(report))


def said(report: TrialReport) -> str:
    """Return a trial in words."""
    loss = "pruned" if report.loss is None else f"loss {report.loss:.4f}"
    return f"{loss}, best {'none yet' if report.best is None else f'{report.best:.4f}'}"
