"""The page and the API of commands that serve them: what they ask of the process, and who carries out what is asked."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from kilowatch.core.jobs import JobKind
from kilowatch.errors import ComponentError, MissingExtraError
from kilowatch.web.serving import Served, page_on, require_extra

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from kilowatch.app.edge.build import BuiltEdge
    from kilowatch.app.plug_book import PlugBook
    from kilowatch.app.words import PeoplesWords
    from kilowatch.config import Config
    from kilowatch.core.outputs_models import ModelFacts
    from kilowatch.core.ports import History
    from kilowatch.links.database import Database
    from kilowatch.observability import Metrics
    from kilowatch.observability.health import Health
    from kilowatch.web.live import LiveBook
    from kilowatch.web.ports import Usage

_DONE_IN_A_CLUSTER = (JobKind.CHOOSE_MODEL, JobKind.SWITCH)
"""The registry does the one, the actor the other."""
_log = logging.getLogger("kilowatch.web")


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the page of a process stands on."""

    live: LiveBook
    database: Database
    history: History
    words: PeoplesWords
    usage: Usage | None = None


@contextmanager
def page_of_edge(
    config: Config, detector: str, built: BuiltEdge, plugs: PlugBook, live: LiveBook, metrics: Metrics
) -> Iterator[str | None]:
    """Serve the page of an edge while the block runs, and give its address; None where it cannot be had.

    An edge watches on without its page: a port that is taken is no reason to be blind.
    """
    from kilowatch.app.edge.asked import Rehearsed, asked
    from kilowatch.app.stores import data_folder
    from kilowatch.links.wall import wall_ms

    parts = built.parts
    rehearsed = Rehearsed(data_folder(config).snapshots, detector, config.detector.learning_days)
    with asked(parts, plugs, wall_ms, rehearsed) as words:
        rooms = Rooms(live, parts.database, parts.history, words, _usage(built))
        with _or_without(config, rooms, metrics) as address:
            yield address


@contextmanager
def served_page(config: Config, rooms: Rooms, metrics: Metrics, health: Health | None = None) -> Iterator[str]:
    """Serve page and API while the block runs, and give their address, with a token in it that was made just now.

    `MissingExtraError` where the web extra is not installed, `ComponentError` where the address cannot be had.
    """
    # Before anything of it is loaded.
    require_extra()
    from kilowatch.app.stores import data_folder
    from kilowatch.links.wall import wall_ms
    from kilowatch.web.house import House, HouseSettings
    from kilowatch.web.keys import entrance_of

    entrance = entrance_of(config.web, data_folder(config).root)
    settings = HouseSettings(config.site.time_zone, config.tariff.currency, config.policy.dry_run)
    models = ModelFolder(Path(config.models.folder))
    house = House(rooms.live, rooms.database, rooms.history, rooms.words, wall_ms, rooms.usage, settings, models)
    what = Served(house, rooms.words, entrance.keys, metrics.exposition, health)
    with page_on(config.web.bind, config.web.port, what) as port:
        address = f"http://{_named(config.web.bind)}:{port}/"
        yield address if entrance.fresh is None else f"{address}?token={entrance.fresh}"


def serve_web(config: Config, stop: threading.Event) -> None:
    """Serve the page of a cluster until told to stop; its probes answer at once, also while it waits to begin."""
    from kilowatch.app.begin_anew import endpoint
    from kilowatch.app.registry import Registry
    from kilowatch.app.web_service import cluster_database, listening
    from kilowatch.app.words import PeoplesWords
    from kilowatch.core.device import ActsBy, Fleet
    from kilowatch.links.history.postgres import DatabaseHistory
    from kilowatch.links.wall import wall_ms
    from kilowatch.observability import Metrics
    from kilowatch.observability.health import Health
    from kilowatch.web.live import LiveBook

    live, fleet, metrics, health = LiveBook(), Fleet(), Metrics(), Health()
    live.watch(fleet)
    with ExitStack() as stack:
        stack.enter_context(endpoint(metrics, config.metrics, health))
        database = stack.enter_context(cluster_database(config, stop))
        words = PeoplesWords(database, Registry(database), wall_ms, _DONE_IN_A_CLUSTER, ActsBy.CLOUD)
        rooms = Rooms(live, database, DatabaseHistory(database), words)
        greet(stack.enter_context(served_page(config, rooms, metrics, health)), config)
        # Last of all: who is ready serves, and hears.
        stack.enter_context(listening(config, fleet, live, metrics, health))
        stop.wait()


def greet(address: str | None, config: Config) -> None:
    """Say where the page is, and how to get in; nothing where there is none."""
    if address is None:
        return
    from kilowatch.app.stores import data_folder
    from kilowatch.web.keys import TOKEN_FILE

    console = Console(stderr=True, soft_wrap=True)
    console.print(f"Open the page: [bold]{escape(address)}[/]", highlight=False)
    if "?token=" in address:
        console.print(f"This address is shown once; its token lies in {data_folder(config).root / TOKEN_FILE}.")


class ModelFolder:
    """What the models of a folder say of themselves; each whole file is read once, for it never changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, ModelFacts] = {}
        self._left_out: dict[str, tuple[int, int] | None] = {}

    def __call__(self) -> list[ModelFacts]:
        """Return the models that are there now and whole."""
        from kilowatch.cli.model_facts import facts
        from kilowatch.errors import ModelError
        from kilowatch.nets.registry import ModelRegistry

        registry = ModelRegistry(self._folder)
        hashes = registry.hashes()
        for digest in hashes:
            written = _written(registry.path(digest))
            # A page asks every second; a file that could not be read may be a copy that is not whole yet.
            if digest in self._known or (digest in self._left_out and self._left_out[digest] == written):
                continue
            try:
                self._known[digest] = facts(registry.read(digest))
            except ModelError as error:
                self._left_out[digest] = written
                _log.warning("A model is left out: %s %s", error, error.hint)
        return [self._known[digest] for digest in hashes if digest in self._known]


def _written(file: Path) -> tuple[int, int] | None:
    """Return when a file was written, ns, and its bytes; None where it cannot be asked."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


@contextmanager
def _or_without(config: Config, rooms: Rooms, metrics: Metrics) -> Iterator[str | None]:
    # Entered by hand: an error of the block itself must not be taken for a page that cannot be had.
    page = served_page(config, rooms, metrics)
    try:
        address = page.__enter__()
    except (ComponentError, MissingExtraError) as error:
        _log.warning("There is no page: %s %s", error, error.hint)
        yield None
        return
    try:
        yield address
    finally:
        page.__exit__(None, None, None)


def _usage(built: BuiltEdge) -> Usage | None:
    from kilowatch.app.edge.usage import EdgeUsage
    from kilowatch.app.metrics.today import TodaysUsage

    return next((TodaysUsage(tap.service) for tap in built.parts.taps if isinstance(tap, EdgeUsage)), None)


def _named(bind: str) -> str:
    """Return an address that a browser on this machine reaches."""
    if bind in ("0.0.0.0", "::"):  # nosec B104 # noqa: S104 - what a person chose
        return "localhost"
    return f"[{bind}]" if ":" in bind else bind
