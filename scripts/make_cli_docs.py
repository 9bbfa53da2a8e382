"""Write docs/cli.md and docs/errors.md from the code; `--check` only compares."""

from __future__ import annotations

import re
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

import typer
from error_page import errors_page
from generated import ROOT, keep

from kilowatch.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator

CLI_PAGE, ERRORS_PAGE = ROOT / "docs" / "cli.md", ROOT / "docs" / "errors.md"

CLI_INTRO = """# Commands

Every command with its options, generated from the code by `python scripts/make_cli_docs.py`. `--json` prints one JSON
object on standard output and nothing else; what is meant for eyes goes to standard error then. `--debug` after
`kilowatch` shows the traceback of an error. `kilowatch --install-completion` teaches your shell to complete commands.
[Exit codes](errors.md) are the same everywhere.
"""


def cli_page() -> str:
    """Return the page of all commands."""
    root = typer.main.get_command(app)
    return CLI_INTRO + "".join(_command(path, command) for path, command in _walk("kilowatch", root))


def _walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    if path.count(" ") and not command.hidden:
        yield path, command
    for name, child in sorted(getattr(command, "commands", {}).items()):
        if not child.hidden:
            yield from _walk(f"{path} {name}", child)


def _command(path: str, command: Any) -> str:
    level = "##" if path.count(" ") == 1 else "###"
    about = _plain(command.help)
    if getattr(command, "commands", None) and not getattr(command, "invoke_without_command", False):
        return f"\n{level} `{path}`\n\n{about}\n"
    taken = [one for one in command.params if one.name != "help" and not getattr(one, "hidden", False)]
    words = "".join(f" {_argument(one)}" for one in taken if one.param_type_name == "argument")
    parts = [f"\n{level} `{path}{words}`\n\n{about}\n"]
    rows = [_option(one) for one in taken]
    if rows:
        parts += ["\n| option | meaning | default |\n|---|---|---|\n", *rows]
    return "".join(parts)


def _argument(argument: Any) -> str:
    name = argument.name.upper() + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _option(option: Any) -> str:
    if option.param_type_name == "argument":
        name = f"`{_argument(option)}`"
    else:
        names = [*option.opts, *option.secondary_opts]
        metavar = "" if option.is_flag else f" {_type(option)}"
        name = f"`{', '.join(names)}{metavar}`"
    many = " May be given again." if option.multiple and "again" not in (option.help or "") else ""
    return f"| {name.replace('|', chr(92) + '|')} | {_plain(option.help)}{many} | {_default(option)} |\n"


def _type(option: Any) -> str:
    wanted = option.type_descriptor.annotation
    wanted = get_args(wanted)[0] if get_origin(wanted) is list else wanted
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return "|".join(str(one.value) for one in wanted)
    return {str: "TEXT", int: "INTEGER", float: "NUMBER", Path: "PATH"}.get(wanted, "TEXT")


def _default(option: Any) -> str:
    value = option.default
    if (
        getattr(option, "is_flag", False)
        or option.required
        or value is None
        or callable(value)
        or value in ([], (), "")
        or str(value).startswith("Sentinel")
    ):
        return ""
    return f"`{getattr(value, 'value', value)}`"


def _plain(text: str | None) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\[/?(?:bold|dim|red)\]", "", text or "")).strip().replace("|", "\\|")


def main() -> int:
    """Write both pages, or with --check return 1 where one is stale."""
    return keep({CLI_PAGE: cli_page(), ERRORS_PAGE: errors_page()})


if __name__ == "__main__":
    sys.exit(main())
