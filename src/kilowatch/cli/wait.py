"""What a container waits for before its service starts: `python -m kilowatch.cli.wait --kafka --topics ...`.

It waits as long as it takes and says what for; so a cluster that starts in any order comes up without crashes.

Formats are read one version back, never forward. So a service that writes waits until nobody who reads is older, and
one that reads waits, on a way back, until nobody who writes is newer: `--none-older`, `--none-newer`.
"""

from __future__ import annotations

import logging
import socket
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from kilowatch.app.begin_anew import require_topics
from kilowatch.app.kafka_access import access_of
from kilowatch.app.stores import database_settings
from kilowatch.config import load_config
from kilowatch.errors import ComponentError, KilowatchError, StateError
from kilowatch.links.database import Database
from kilowatch.links.kafka.admin import Admin
from kilowatch.observability import set_up_logging
from kilowatch.observability.health import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kilowatch.config import Config

# A cluster takes minutes to come up: asking oftener would bring nothing but load.
_PAUSE_S = 2.0
_ANSWER_S = 3.0
_MAY_PASS = (StateError.exit_code, ComponentError.exit_code)
"""A schema that is still to be brought up to date, and what is not there yet."""
_log = logging.getLogger("kilowatch.wait")


def wait(
    config: Annotated[Path | None, typer.Option("--config", "-c")] = None,
    *,
    kafka: Annotated[bool, typer.Option("--kafka", help="A broker answers.")] = False,
    topics: Annotated[bool, typer.Option("--topics", help="The topics are there.")] = False,
    database: Annotated[bool, typer.Option("--database", help="The database answers.")] = False,
    none_older: Annotated[list[str] | None, typer.Option(help="HOST:PORT where nobody is older than we.")] = None,
    none_newer: Annotated[list[str] | None, typer.Option(help="HOST:PORT where nobody is newer than we.")] = None,
) -> None:
    """Wait until all that is asked for holds."""
    loaded = load_config(config)
    settings = loaded.config
    set_up_logging(settings.log.level, settings.log.format, loaded.secrets())
    if kafka:
        _until("Kafka", Admin(access_of(settings.kafka)).partitions)
    if topics:
        _until("the topics", lambda: require_topics(settings.kafka))
    if database:
        _until("the database", lambda: _ask(settings))
    ours = version("kilowatch")
    for place in none_older or ():
        _until(place, lambda place=place: _others(place, lambda theirs: numbers(theirs) < numbers(ours)))  # type: ignore[misc]
    for place in none_newer or ():
        _until(place, lambda place=place: _others(place, lambda theirs: numbers(theirs) > numbers(ours)))  # type: ignore[misc]


def numbers(text: str) -> tuple[int, ...]:
    """Return a version so that it can be compared; what follows the numbers is left out."""
    found = []
    for part in text.split(".")[:3]:
        digits = part[: next((place for place, letter in enumerate(part) if not letter.isdigit()), len(part))]
        found.append(int(digits or 0))
    return tuple(found)


def versions(place: str) -> Iterator[str]:
    """Yield what the processes behind HOST:PORT are; one that does not answer is left out, for it writes nothing."""
    host, _, port = place.rpartition(":")
    try:
        # A headless service has one name for all its pods: each of them is asked.
        found = {one[4][0] for one in socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)}
    except OSError:
        return
    for address in sorted(map(str, found)):
        bracketed = f"[{address}]" if ":" in address else address
        try:
            with urllib.request.urlopen(f"http://{bracketed}:{port}/healthz", timeout=_ANSWER_S) as answer:  # nosec B310 # of http:// alone
                yield msgspec.json.decode(answer.read(), type=Told).version
        except (OSError, msgspec.DecodeError):
            continue


def _others(place: str, is_wrong: Callable[[str], bool]) -> str:
    found = sorted({theirs for theirs in versions(place) if is_wrong(theirs)})
    return f"{', '.join(found)} still runs there, this is {version('kilowatch')}" if found else ""


def _ask(config: Config) -> None:
    database = Database(database_settings(config))
    try:
        database.check()
    finally:
        database.close()


def _until(what: str, ask: Callable[[], object]) -> None:
    """Ask until it returns no reason why not; each new reason is told once."""
    said = None
    while True:
        try:
            found = ask()
            why = found if isinstance(found, str) else ""
        except KilowatchError as error:
            if error.exit_code not in _MAY_PASS:
                raise
            why = f"{error} {error.hint}"
        if not why:
            return
        if why != said:
            _log.info("It waits for %s: %s", what, why)
        said = why
        time.sleep(_PAUSE_S)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False)
    app.command()(wait)
    try:
        app()
    except KilowatchError as error:
        print(f"{error} {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
