"""`kilowatch train`: a network of your own from meter history, as one ONNX file."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console

from kilowatch.cli.model_facts import epoch_rows, facts
from kilowatch.cli.progress import told_progress
from kilowatch.cli.read_options import reads_files
from kilowatch.cli.train_data import data_table, read_series, windows_of
from kilowatch.core.outputs_models import TrainOutput
from kilowatch.errors import ConfigError
from kilowatch.links.files import ReadOptions
from kilowatch.nets.artifact import artifact_of, read_artifact
from kilowatch.nets.card import Network
from kilowatch.nets.fit import TrainPlan
from kilowatch.nets.shapes import DEFAULTS, Shape
from kilowatch.nets.windows import Windows, split_by_time, split_shuffled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kilowatch.nets.checkpoint import EpochReport
    from kilowatch.nets.train import Trained

Size = Annotated[int | None, typer.Option(min=1, help="Of the network; its default without.")]
OVERLAP = 4
"""Training windows of a network without labels begin every quarter of a window."""


@reads_files
def train(
    network: Annotated[Network, typer.Argument(help="Which network.")],
    options: ReadOptions,
    data: Annotated[list[Path], typer.Option(help="File or folder of normal history; may be given again.")],
    out: Annotated[Path, typer.Option(help="The model file to write.")] = Path("model.onnx"),
    abnormal: Annotated[list[Path] | None, typer.Option(help="Abnormal history, for the classifier.")] = None,
    validation: Annotated[list[Path] | None, typer.Option(help="Normal history to validate on.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    batch: Annotated[int, typer.Option(min=1, help="Windows a step.")] = 25,
    learning_rate: Annotated[float, typer.Option(min=1e-6, max=1, help="Of Adam.")] = 1e-3,
    patience: Annotated[int, typer.Option(min=0, help="Epochs without progress before it stops; 0: never.")] = 25,
    seed: Annotated[int, typer.Option(min=0, help="Decides first weights and order.")] = 0,
    validation_share: Annotated[float, typer.Option(min=0.05, max=0.9, help="Kept out of training.")] = 0.25,
    shuffled: Annotated[bool, typer.Option("--shuffled", help="Split at random, as the edge paper does.")] = False,
    stride: Annotated[int | None, typer.Option(min=1, help="Samples from window to window.")] = None,
    window: Size = None,
    filters: Size = None,
    kernel_size: Size = None,
    pool: Size = None,
    units: Size = None,
    latent: Size = None,
    dropout: Annotated[float | None, typer.Option(min=0, max=0.9, help="Of the autoencoder.")] = None,
    start: Annotated[Path | None, typer.Option(help="A model to fine-tune on these data.")] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Forget an interrupted run.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Train a network on meter history; goes on where an interrupted run stopped."""
    from kilowatch.nets.train import train as run

    sizes = {"window": window, "filters": filters, "kernel": kernel_size, "pool": pool, "units": units}
    shape = shape_of(network, {**sizes, "latent": latent, "dropout": dropout})
    # Windows that overlap must not lie on both sides of a random split, nor tell one fault many times.
    step = stride or (shape.window if shuffled or abnormal else max(1, shape.window // OVERLAP))
    windows = _read(data, abnormal, options, shape, step, quiet=as_json)
    if validation:
        parts = windows, windows_of(read_series(validation, options, quiet=as_json), shape.window, step)
    else:
        parts = (
            split_shuffled(windows, validation_share, seed) if shuffled else split_by_time(windows, validation_share)
        )
    console = Console(stderr=True, quiet=as_json)
    console.print(data_table(*parts))
    plan = TrainPlan(epochs=epochs, batch=batch, learning_rate=learning_rate, patience=patience, seed=seed)
    checkpoint = out.with_name(out.name + ".checkpoint")
    if restart:
        checkpoint.unlink(missing_ok=True)
    begun = None if start is None else read_artifact(start)
    with epoch_progress(epochs, quiet=as_json) as report:
        trained = run(*parts, shape, plan, checkpoint=checkpoint, start=begun, report=report)
    write_all(trained, out)
    # Only once the model is written: until then an interrupted run goes on from here.
    checkpoint.unlink(missing_ok=True)
    tell(trained, out, as_json=as_json)


def shape_of(network: Network, sizes: dict[str, Any]) -> Shape:
    """Return a network's default shape with the sizes that were given; `ConfigError` for one that it does not have."""
    given = {name: value for name, value in sizes.items() if value is not None}
    default = DEFAULTS[network]
    unknown = given.keys() - set(default.__struct_fields__)
    if unknown:
        known = ", ".join(default.__struct_fields__)
        raise ConfigError(f"The {network} has no {', '.join(sorted(unknown))}.", f"It has: {known}.")
    try:
        return msgspec.convert({**msgspec.to_builtins(default), **given}, type(default))
    except msgspec.ValidationError as error:
        raise ConfigError(f"{error}.", "Give a smaller or larger one.") from None


def _read(
    data: list[Path], abnormal: list[Path] | None, options: ReadOptions, shape: Shape, stride: int, *, quiet: bool
) -> Windows:
    normal = windows_of(read_series(data, options, quiet=quiet), shape.window, stride)
    if shape.network is not Network.EDGE_CLASSIFIER:
        if abnormal:
            raise ConfigError(f"The {shape.network} learns from normal history alone.", "Leave out --abnormal.")
        return normal
    if not abnormal:
        raise ConfigError("The edge classifier learns from both classes.", "Name abnormal history with --abnormal.")
    odd = windows_of(read_series(abnormal, options, quiet=quiet), shape.window, stride, abnormal=True)
    return Windows.join([normal, odd])


@contextmanager
def epoch_progress(epochs: int, *, quiet: bool) -> Iterator[Callable[[EpochReport], None]]:
    """Show a bar on standard error: epoch, losses and the time left."""
    with told_progress("train", epochs, quiet=quiet) as show:
        yield lambda report: show(report.epoch, said(report))


def said(report: EpochReport) -> str:
    """Return an epoch in words."""
    accuracy = "" if report.validation_accuracy is None else f", accuracy {report.validation_accuracy:.3f}"
    losses = f"loss {report.loss:.4f}, validation {report.validation_loss:.4f}{accuracy}"
    return f"{losses}, {report.seconds_left:.0f} s left"


def write_all(trained: Trained, out: Path) -> None:
    """Write the model, its int8 sibling where there is one, and the learning curve beside it."""
    from kilowatch.nets.curve import write_curve

    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(trained.data)
    if trained.int8 is not None:
        out.with_suffix(".int8.onnx").write_bytes(trained.int8)
    write_curve(trained.history, out.with_suffix(".html"), f"{trained.card.kind}, window {trained.card.window}")


def tell(trained: Trained, out: Path, *, as_json: bool) -> None:
    """Print what came of it."""
    if as_json:
        typer.echo(msgspec.json.encode(output_of(trained, out)))
        return
    card = trained.card
    accuracy = card.metrics.validation_accuracy
    known = "" if accuracy is None else f", accuracy {accuracy:.3f}"
    console = Console(soft_wrap=True)
    console.print(
        f"Model: [bold]{out}[/], {len(trained.data) / 1000:.0f} kB, best epoch {card.metrics.epochs} of "
        f"{len(trained.history)}: validation loss {card.metrics.validation_loss:.4g}{known}."
    )
    console.print(f"Differs from Keras by at most {card.equality_max:.1g}. Curve: [bold]{out.with_suffix('.html')}[/]")
    if trained.int8 is None:
        console.print(f"No int8 sibling: {trained.int8_refused}")
    else:
        console.print(f"int8: [bold]{out.with_suffix('.int8.onnx')}[/], {len(trained.int8) / 1000:.0f} kB")


def output_of(trained: Trained, out: Path) -> TrainOutput:
    """Return what --json prints of a run."""
    return TrainOutput(
        file=str(out),
        int8_file=None if trained.int8 is None else str(out.with_suffix(".int8.onnx")),
        int8_refused=trained.int8_refused,
        curve_file=str(out.with_suffix(".html")),
        model=facts(artifact_of(trained.data)),
        history=epoch_rows(trained.history),
    )
