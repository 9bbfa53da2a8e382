"""`kilowatch serve`: the services that Kafka joins, one each, or all of them on a laptop."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kilowatch.cli.database import ConfigFile
from kilowatch.config import load_config
from kilowatch.observability import set_up_logging

if TYPE_CHECKING:
    from kilowatch.config import Config

app = typer.Typer(
    name="serve", no_args_is_help=True, help="Run a service of the cluster; start as many of each as you like."
)

_log = logging.getLogger("kilowatch.serve")


@app.callback()
def serve() -> None:
    """Run a service of the cluster; start as many of each as you like."""


@app.command()
def registry(config: ConfigFile = None) -> None:
    """Keep devices, incidents and people's words in the database; one process, a second one stands by."""
    from kilowatch.app.registry_serve import serve_registry

    serve_registry(settings_of(config), stopping())


@app.command()
def processor(config: ConfigFile = None) -> None:
    """Take readings in from the sources of the settings; each source belongs to one processor."""
    from kilowatch.app.processor_service import serve_processor
    from kilowatch.cli.simulated import simulated

    serve_processor(settings_of(config), stopping(), simulated)


@app.command()
def detector(
    config: ConfigFile = None,
    snapshot_s: Annotated[float, typer.Option(help="How often each partition's state is saved, s.")] = 120.0,
) -> None:
    """Judge readings and tell incidents; partitions are shared with all other detectors."""
    from kilowatch.app.detector_ports import Tempo
    from kilowatch.app.detector_service import serve_detector

    serve_detector(settings_of(config), stopping(), Tempo(snapshot_s=snapshot_s))


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
    from kilowatch.app.begin_anew import require_topics
    from kilowatch.app.metrics.collector import MetricsOptions
    from kilowatch.app.metrics.run import serve_metrics

    settings = settings_of(config)
    require_topics(settings.kafka)
    serve_metrics(settings, stopping(), MetricsOptions(top, each_device), save_s)


@app.command()
def actor(config: ConfigFile = None) -> None:
    """Switch off what policy allows, once for each incident; homes are shared with others of its kind."""
    from kilowatch.app.actor_serve import serve_actor

    serve_actor(settings_of(config), stopping())


@app.command()
def web(config: ConfigFile = None) -> None:
    """Serve the page and the API of a cluster: from its database, and live from Kafka."""
    from kilowatch.cli.web import serve_web

    serve_web(settings_of(config), stopping())


@app.command("all")
def everything(
    config: ConfigFile = None,
    page: Annotated[
        bool, typer.Option("--web/--no-web", help="Serve the page and the API, as the section `web` says.")
    ] = True,
) -> None:
    """Run all of them on this machine, as processes; topics that are missing are created. One failing ends all."""
    from kilowatch.app.kafka_access import access_of
    from kilowatch.app.together import children_of, run_together
    from kilowatch.links.kafka.admin import Admin

    settings, stop = settings_of(config), stopping()
    Admin(access_of(settings.kafka)).create(settings.kafka.partitions, settings.kafka.replication)
    code = run_together(list(children_of(settings, config, page=page and _can_show(settings))), stop)
    if code:
        raise typer.Exit(code)


def _can_show(config: Config) -> bool:
    """Return whether the settings want a page and it can be had; a machine without the web extra does without."""
    from kilowatch.web.serving import missing_extra

    package = missing_extra() if config.web.enabled else None
    if package is not None:
        _log.warning("There is no page: %s is not installed. It comes with the extra: web.", package)
    return config.web.enabled and package is None


def settings_of(file: Path | None) -> Config:
    """Return the settings, with logging set up as they say and their secrets blotted out of it."""
    loaded = load_config(file)
    set_up_logging(loaded.config.log.level, loaded.config.log.format, loaded.secrets())
    return loaded.config


def stopping() -> threading.Event:
    """Return an event that SIGINT and SIGTERM set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
