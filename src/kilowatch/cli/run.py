"""`kilowatch run`: edge mode, everything in one process."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from kilowatch.config import load_config
from kilowatch.observability import Metrics, set_up_logging

if TYPE_CHECKING:
    from kilowatch.app.edge.build import BuiltEdge, EdgeSettings, Ground
    from kilowatch.app.models.delivery import Delivery
    from kilowatch.app.plug_book import PlugBook
    from kilowatch.config import Config
    from kilowatch.core.detector import Detector
    from kilowatch.core.device import DeviceRecord
    from kilowatch.links.source import Source
    from kilowatch.observability.health import Health
    from kilowatch.web.live import LiveBook


def run(
    file: Annotated[
        Path | None, typer.Option("--config", "-c", help="The settings; default: ./kilowatch.toml.")
    ] = None,
    detector: Annotated[str | None, typer.Option(help="Another detector than the settings name.")] = None,
    seconds: Annotated[float | None, typer.Option("--for", help="Stop after so many seconds.")] = None,
    web: Annotated[bool, typer.Option(help="Serve the page and the API, as the section `web` says.")] = True,
) -> None:
    """Watch the devices that the settings name, in one process, until Ctrl-C."""
    loaded = load_config(file)
    config = loaded.config if web else _without_page(loaded.config)
    set_up_logging(config.log.level, config.log.format, loaded.secrets())
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if seconds is not None:
        timer = threading.Timer(seconds, stop.set)
        # A run that ends before its time must not wait for the rest of it.
        timer.daemon = True
        timer.start()
    with ExitStack() as stack:
        _live(config, detector or config.detector.name, stop, stack)


def _without_page(config: Config) -> Config:
    return msgspec.structs.replace(config, web=msgspec.structs.replace(config.web, enabled=False))


def _live(config: Config, detector: str, stop: threading.Event, stack: ExitStack) -> None:
    from kilowatch.app.plug_book import PlugBook
    from kilowatch.config.devices import device_records
    from kilowatch.detectors.registry import create
    from kilowatch.links.wall import wall_ms
    from kilowatch.observability.health import Health

    metrics, health, live = Metrics(), Health(), _live_book(config)
    plugs = PlugBook(config, metrics)
    # Closed in reverse order: after the edge, whose actor may be speaking to a plug.
    stack.callback(plugs.close)
    built = _built(config, create(detector), plugs, live, metrics, stack)
    if built.models is not None:
        built.models.start()
    built.parts.registry.discover(device_records(config), wall_ms())
    if live is not None:
        pipeline = built.parts.subject.pipeline
        live.watch(pipeline.fleet, pipeline.curriculum, pipeline.judge.thresholds, pipeline.staleness)
    built.edge.open()
    health.ready()
    sources = _sources(config, built, plugs, metrics)
    _expose(config, metrics, health, stack)
    _greet(config, sources, built)
    if live is not None:
        from kilowatch.cli.web import greet, page_of_edge

        greet(stack.enter_context(page_of_edge(config, detector, built, plugs, live, metrics)), config)
    _work(built, sources, stop, metrics, health)


def _built(
    config: Config, judging: Detector, plugs: PlugBook, live: LiveBook | None, metrics: Metrics, stack: ExitStack
) -> BuiltEdge:
    """Return the edge with all that listens to it; the stack closes it."""
    from kilowatch.app.edge.build import Hand, build_edge
    from kilowatch.app.edge.intents import AnsweringTell, intents_of, post_of
    from kilowatch.app.edge.metrics import EdgeMetrics
    from kilowatch.app.edge.onlookers import onlookers_of
    from kilowatch.app.edge.taps import taps_of
    from kilowatch.app.edge.tell import TellLog
    from kilowatch.app.edge.usage import HeardActions
    from kilowatch.app.models.delivery import Modelled
    from kilowatch.app.stores import data_folder
    from kilowatch.links.wall import WallClock, wall_ms

    tell, onlookers, post = TellLog(), onlookers_of(config), post_of(config)
    told = HeardActions(tell if post is None else AnsweringTell(tell, post))
    watch = EdgeMetrics(metrics)
    built = build_edge(
        data_folder(config),
        judging,
        wall_ms,
        _settings(config),
        Hand(plugs, told, WallClock()),
        (tell, watch, onlookers) if live is None else (tell, watch, onlookers, live),
        partial(taps_of, config, metrics, told),
        partial(_models, config, metrics) if isinstance(judging, Modelled) else None,
        None if post is None else partial(intents_of, config, post),
    )
    stack.callback(built.close)
    watch.watch(built)
    stack.callback(onlookers.close)
    onlookers.watch(built)
    return built


def _live_book(config: Config) -> LiveBook | None:
    """Return what the page looks at, None where there is none; what only the page needs is loaded for it alone."""
    if not config.web.enabled:
        return None
    from kilowatch.web.live import LiveBook

    return LiveBook()


def _models(config: Config, metrics: Metrics, ground: Ground) -> Delivery:
    from kilowatch.app.models.choices import chosen_in, delivery_of

    return delivery_of(config, chosen_in(ground.database), metrics)


def _settings(config: Config) -> EdgeSettings:
    from kilowatch.app.actor.rules import rules_of
    from kilowatch.app.edge.build import EdgeSettings
    from kilowatch.app.pipeline import PipelineSettings
    from kilowatch.app.stores import database_settings
    from kilowatch.core.device import ActsBy
    from kilowatch.core.learning import LearningPlan

    plan = LearningPlan(learning_days=config.detector.learning_days)
    return EdgeSettings(
        pipeline=PipelineSettings(plan=plan),
        policy=rules_of(config.policy, ActsBy.EDGE),
        database=database_settings(config),
        # Closing a day loads Arrow, which would stay in the memory of a process that runs for months.
        closes_apart=True,
    )


def _sources(config: Config, built: BuiltEdge, plugs: PlugBook, metrics: Metrics) -> list[Source]:
    from kilowatch.app.sources import sources_of
    from kilowatch.cli.simulated import simulated
    from kilowatch.links.wall import wall_ms

    registry = built.parts.registry

    def discover(records: list[DeviceRecord]) -> None:
        registry.discover(records, wall_ms())

    return sources_of(config, registry.records(), plugs, discover, metrics, wall_ms, simulated)


def _greet(config: Config, sources: list[Source], built: BuiltEdge) -> None:
    devices = built.parts.registry.records()
    names = ", ".join(source.name for source in sources)
    typer.echo(f"Watching {config.site.name}: {len(devices)} devices known, readings from {names}.", err=True)
    armed = [record.device for record in devices if record.stage == "armed" and not record.protected]
    if config.policy.dry_run or not armed:
        why = "this is a dry run" if config.policy.dry_run else "no device is armed"
        typer.echo(f"Nothing is switched off: {why}.", err=True)
    else:
        typer.echo(f"{typer.style('May be switched off:', bold=True)} {', '.join(armed)}.", err=True)


def _expose(config: Config, metrics: Metrics, health: Health, stack: ExitStack) -> None:
    from kilowatch.observability.endpoint import exposed

    if config.metrics.enabled:
        token = None if config.metrics.token is None else config.metrics.token.reveal()
        stack.enter_context(exposed(metrics, config.metrics.bind, config.metrics.port, token, health))


def _work(built: BuiltEdge, sources: list[Source], stop: threading.Event, metrics: Metrics, health: Health) -> None:
    from kilowatch.app.processor import Processor
    from kilowatch.links.wall import wall_ms
    from kilowatch.observability.health import Pulse
    from kilowatch.observability.systemd import Systemd

    processor = Processor(sources, built.parts.log, 1, wall_ms, metrics)
    manager, ended = Systemd(), threading.Event()
    failed: list[BaseException] = []

    def process() -> None:
        try:
            processor.run(stop)
        except BaseException as error:
            failed.append(error)
            stop.set()
        finally:
            manager.ends()
            ended.set()

    def turned() -> None:
        health.turned()
        manager.turned()

    thread = threading.Thread(target=process, name="processor")
    thread.start()
    # The edge ends after the processor: what sources handed over before is judged, and then saved.
    try:
        built.edge.run(Pulse(ended, turned))
    finally:
        # An edge that failed takes nothing more: sources that went on would keep the process alive and blind.
        stop.set()
        thread.join()
    if failed:
        raise failed[0]
