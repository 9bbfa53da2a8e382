"""The options of every command that reads files of meter history."""

from __future__ import annotations

import inspect
from dataclasses import fields
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kilowatch.core.device import Kind
from kilowatch.links.files import ColumnNames, Format, PowerUnit, ReadOptions

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS: dict[str, Any] = {
    "format": Annotated[Format | None, typer.Option(help="Layout of the files; guessed without it.")],
    "time_zone": Annotated[str | None, typer.Option(help="Zone of times that carry none, like Europe/Berlin.")],
    "unit": Annotated[PowerUnit | None, typer.Option(help="Unit of the power column.")],
    "interval_s": Annotated[float | None, typer.Option("--interval", help="Seconds between readings.", min=0.001)],
    "site": Annotated[str | None, typer.Option(help="Name of the site.")],
    "device": Annotated[str | None, typer.Option(help="Name of the device.")],
    "kind": Annotated[Kind | None, typer.Option(help="Kind of the device.")],
    "day_first": Annotated[bool | None, typer.Option("--day-first/--month-first", help="How 03/04/2024 is read.")],
} | {
    f"{field.name}_column": Annotated[str | None, typer.Option(help=f"Column of {field.name}: header or number.")]
    for field in fields(ColumnNames)
}  # fmt: skip


def reads_files(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `ReadOptions` and hand them over as `options`."""

    @wraps(command)
    def run(**given: Any) -> None:
        said = {name: given.pop(name) for name in _OPTIONS}
        columns = ColumnNames(**{field.name: said.pop(f"{field.name}_column") for field in fields(ColumnNames)})
        command(options=ReadOptions(columns=columns, **said), **given)

    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "options"]
    added = [
        inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=a) for n, a in _OPTIONS.items()
    ]
    signature = inspect.Signature([p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + added)
    # Typer asks for both, and has to see the options that were added.
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    return run
