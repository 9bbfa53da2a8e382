"""Write docs/config.md from the structs of the settings; `--check` only compares."""

from __future__ import annotations

import enum
import sys
import typing

import msgspec
from generated import ROOT, keep

from kilowatch.config.secret import Secret
from kilowatch.config.sections import Config
from kilowatch.config.walk import bare, is_secret, is_section, named_section, struct_fields

PAGE = ROOT / "docs" / "config.md"

INTRO = """# Settings

One TOML file, `./kilowatch.toml` or what `-c` or `KILOWATCH_CONFIG` names. The environment wins over the file, the
file over the default: `KILOWATCH_SOURCES__MQTT__HOME__HOST` is `sources.mqtt.home.host`. `kilowatch config show` prints
every value with where it came from, `config check` whether they make sense, `config init` writes a file to begin with.

- A name that nobody knows is an error, with the nearest known one.
- Secrets stand in the environment or in a file of their own that a `..._file` setting names, never in the TOML.
- Paths are seen from the folder of the file.
- `NAME` stands for a name of your own. Lists in the environment are written with commas, or as JSON.

This page is generated from `kilowatch.config` by `python scripts/make_config_docs.py`.
"""

_WORDS = {int: "integer", float: "number", str: "text", bool: "true or false", Secret: "secret", type(None): ""}


def render() -> str:
    """Return the whole page."""
    return "\n".join([INTRO, *_section(Config, "")])


def _section(struct: type[msgspec.Struct], path: str) -> list[str]:
    title = f"## `[{path}]`" if path else "## At the top"
    fields = struct_fields(struct)
    rows = [_row(field) for field in fields.values() if not is_section(field.type) and not named_section(field.type)]
    lines = [title, "", (struct.__doc__ or "").splitlines()[0], ""]
    if rows:
        lines += ["| setting | type | default | meaning |", "|---|---|---|---|", *rows, ""]
    for name, field in fields.items():
        below = f"{path}.{name}" if path else name
        named = named_section(field.type)
        if named is not None:
            lines += _section(named, f"{below}.NAME")
        elif is_section(field.type):
            lines += _section(bare(field.type), below)
    return lines


def _row(field: msgspec.structs.FieldInfo) -> str:
    meaning = _description(field.type)
    if is_secret(field.type):
        meaning += f"; only by the environment, or `{field.encode_name}_file`"
    return f"| `{field.encode_name}` | {_kind(field.type)} | {_default(field)} | {meaning} |"


def _description(annotation: typing.Any) -> str:
    if typing.get_origin(annotation) is not typing.Annotated:
        return "".join(map(_description, typing.get_args(annotation)))
    inner, *metas = typing.get_args(annotation)
    words = [_description(inner), *(word for meta in metas for word in (meta.description, _limits(meta)))]
    return "; ".join(word for word in words if word)


def _limits(meta: msgspec.Meta) -> str:
    low, high = (meta.ge if meta.ge is not None else meta.gt), meta.le
    if low is None:
        return ""
    above = "above" if meta.gt is not None else "at least"
    return f"{above} {low:,}" if high is None else f"{low:,} to {high:,}"


def _kind(annotation: typing.Any) -> str:
    inner = bare(annotation)
    origin, arguments = typing.get_origin(inner), typing.get_args(inner)
    if origin is list:
        return f"list of {_kind(arguments[0])}"
    if origin is dict:
        return "texts by name"
    if arguments:
        return " or ".join(word for word in map(_kind, arguments) if word)
    if isinstance(inner, type) and issubclass(inner, enum.Enum):
        return " ".join(f"`{member.value}`" for member in inner)
    return _WORDS[inner]


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "needed"
    value = field.default
    if value is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, list):
        return ", ".join(f"`{part}`" for part in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def main() -> int:
    """Write the page, or with --check return 1 where it is stale."""
    return keep({PAGE: render()})


if __name__ == "__main__":
    sys.exit(main())
