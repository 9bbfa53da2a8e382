"""`kilowatch serve`: the services that Kafka joins, one each."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from kilowatch.config import load_config
from kilowatch.observability import set_up_logging

app = typer.Typer(no_args_is_help=True, help="Run a service of the cluster; start as many of each as you like.")

ConfigFile = Annotated[Path | None, typer.Option("--config", help="Settings; ./kilowatch.toml without it.")]


@app.callback()
def serve() -> None:
    """Run a service of the cluster; start as many of each as you like."""


@app.command()
def detector(
    config: ConfigFile = None,
    snapshot_s: Annotated[float, typer.Option(help="How often each partition's state is saved, s.")] = 120.0,
) -> None:
    """Judge readings and tell incidents; partitions are shared with all other detectors."""
    from kilowatch.app.detector import Tempo
    from kilowatch.app.detector_service import serve_detector

    settings = load_config(config).config
    set_up_logging(settings.log.level, settings.log.format)
    serve_detector(settings, stopping(), Tempo(snapshot_s=snapshot_s))


@app.command()
def metrics(
    config: ConfigFile = None,
    each_device: Annotated[
        bool, typer.Option("--each-device", help="Serve series of every device: for homes, not for fleets.")
    ] = False,
    top: Annotated[int, typer.Option(min=0, help="How many devices the top lists name.")] = 20,
    save_s: Annotated[float, typer.Option(help="How often state and offsets are saved, s.")] = 10.0,
) -> None:
    """Add up energy, cost and use, and serve them to Prometheus; partitions are shared with others of its kind."""
    from kilowatch.app.metrics.collector import MetricsOptions
    from kilowatch.app.metrics.run import serve_metrics

    settings = load_config(config).config
    set_up_logging(settings.log.level, settings.log.format)
    serve_metrics(settings, stopping(), MetricsOptions(top, each_device), save_s)


def stopping() -> threading.Event:
    """Return an event that SIGINT and SIGTERM set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
