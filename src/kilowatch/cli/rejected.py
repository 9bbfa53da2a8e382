"""`kilowatch rejected`: messages that could not be read, and sending them through again."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from kilowatch.app.kafka_access import access_of
from kilowatch.app.redrive import Kept, RejectedMessages
from kilowatch.app.rejudge import judge_of
from kilowatch.cli.database import ConfigFile
from kilowatch.config import load_config
from kilowatch.core.events import RejectReason
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kilowatch.core.events import Rejected

_SHOWN_LETTERS = 60

app = typer.Typer(name="rejected", help="Look at what could not be read, and send it again.", no_args_is_help=True)

Source = Annotated[str | None, typer.Option("--source", help="Only from this source.")]
Reason = Annotated[RejectReason | None, typer.Option("--reason", help="Only for this reason.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


class KeptView(msgspec.Struct, frozen=True):
    """A rejected message as it is printed; raw: base64."""

    name: str
    source: str
    reason: RejectReason
    received_ms: int
    raw: bytes
    topic: str | None = None
    why: str | None = None

    @classmethod
    def of(cls, kept: Kept) -> KeptView:
        """Return a message as it is printed."""
        found = kept.rejected
        return cls(kept.name, found.source, found.reason, found.received_ms, found.raw, found.topic, found.why)


class RejectedOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch rejected list --json` prints, and `rejected show --json` of one."""

    schema: str = "kilowatch.rejected"
    version: int = 1
    messages: list[KeptView]


class RedriveOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch rejected redrive --json` prints."""

    schema: str = "kilowatch.redrive"
    version: int = 1
    mended: int
    readings: int
    still_rejected: int


@app.callback()
def rejected() -> None:
    """Look at what could not be read, and send it again."""


@app.command("list")
def list_(
    config: ConfigFile = None,
    source: Source = None,
    reason: Reason = None,
    most: Annotated[int, typer.Option("--most", min=1, help="Messages to show.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the messages that are still to be mended, oldest first."""
    wanted = _wanted(source, reason)
    with closing(_messages(config)) as messages:
        found = [
            KeptView.of(kept)
            for kept in islice(filter(lambda kept: wanted(kept.rejected), messages.outstanding()), most)
        ]
    if as_json:
        typer.echo(msgspec.json.encode(RejectedOutput(messages=found)))
        return
    table = Table("name", "received (UTC)", "source", "reason", "message")
    for one in found:
        text = one.raw[:_SHOWN_LETTERS].decode(errors="replace")
        place = one.source if one.topic is None else f"{one.source} {one.topic}"
        table.add_row(one.name, _time(one.received_ms), place, one.reason, text)
    Console().print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="As `list` names it: 0-17.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Print one message in whole: why it was rejected on standard error, its bytes on standard output."""
    partition, offset = _place(name)
    with closing(_messages(config)) as messages:
        kept = messages.find(partition, offset)
    if kept is None:
        raise ConfigError(f"There is no rejected message {name}.", "See: kilowatch rejected list")
    if as_json:
        typer.echo(msgspec.json.encode(RejectedOutput(messages=[KeptView.of(kept)])))
        return
    found = kept.rejected
    place = found.source if found.topic is None else f"{found.source} {found.topic}"
    why = "" if found.why is None else f" ({found.why})"
    typer.echo(f"{found.reason}{why}, from {place} at {_time(found.received_ms)} UTC", err=True)
    typer.echo(found.raw)


@app.command()
def redrive(config: ConfigFile = None, source: Source = None, reason: Reason = None, as_json: AsJson = False) -> None:
    """Send messages through again after an upgrade or a mended mapping; those that still cannot be read stay."""
    settings = load_config(config).config
    with closing(RejectedMessages(access_of(settings.kafka), judge_of(settings))) as messages:
        counts = messages.redrive(_wanted(source, reason))
    if as_json:
        typer.echo(
            msgspec.json.encode(
                RedriveOutput(mended=counts.mended, readings=counts.readings, still_rejected=counts.still_rejected)
            )
        )
        return
    typer.echo(
        f"{counts.mended} messages with {counts.readings} readings mended, {counts.still_rejected} stay rejected."
    )


def _messages(config: Path | None) -> RejectedMessages:
    return RejectedMessages(access_of(load_config(config).config.kafka))


def _wanted(source: str | None, reason: RejectReason | None) -> Callable[[Rejected], bool]:
    def is_wanted(one: Rejected) -> bool:
        return (source is None or one.source == source) and (reason is None or one.reason is reason)

    return is_wanted


def _place(name: str) -> tuple[int, int]:
    partition, _, offset = name.partition("-")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise ConfigError(f"{name!r} is no name of a rejected message.", "See: kilowatch rejected list")
    return int(partition), int(offset)


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
