"""`kilowatch support-bundle`: one file for whoever helps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from kilowatch.cli.config import settings_output
from kilowatch.cli.database import ConfigFile, now_ms
from kilowatch.config import load_config
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from kilowatch.config.load import Loaded

Target = Annotated[Path, typer.Argument(help="The zip to write.")]


def support_bundle(target: Target = Path("kilowatch-support.zip"), config: ConfigFile = None) -> None:
    """Pack versions, settings without secrets, and what `doctor` finds into one file to send to whoever helps."""
    from kilowatch.app.support import machine, write_bundle

    if target.exists():
        raise ConfigError(f"{target} is there already.", "Choose another name, or delete it first.")
    parts: dict[str, Any] = {"machine": machine()}
    try:
        loaded = load_config(config)
    except ConfigError as error:
        parts["settings"] = {"error": str(error), "hint": error.hint}
    else:
        parts |= _installed(loaded, config)
    write_bundle(target, parts)
    Console().print(
        f"Wrote [bold]{escape(str(target))}[/]. It holds no secret and no reading; look into it before you send it."
    )


def _installed(loaded: Loaded, config: Path | None) -> dict[str, Any]:
    from kilowatch.app.doctor import checks
    from kilowatch.app.support import stored

    found = {"settings": settings_output(config), "stored": stored(loaded.config)}
    return found | {"doctor": list(checks(loaded, now_ms()))}
