#!/usr/bin/env python3
"""Makes the chart's README.md and values.schema.json from values.yaml, and copies rules and dashboards into it.

A comment above a key describes it. `@schema {...}` at its end is laid over the type of the key's default; `@schema
config` stands for the settings of kilowatch itself, `@schema resources` for requests and limits.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import yaml

from kilowatch.config.secret import Secret
from kilowatch.config.sections import Config

ROOT = Path(__file__).parents[1]
CHART = ROOT / "deploy" / "helm" / "kilowatch"
COPIES = {"prometheus": "deploy/prometheus/rules/*.yml", "grafana": "deploy/grafana/*.json"}
BY_THE_CHART = ("version", "data", "database", "kafka", "metrics")
"""Sections of the settings that the chart sets itself."""
_KEY = re.compile(r"^( *)([\w-]+):(?: |$)")
_BETWEEN = re.compile(r"\s*@schema\s+")
Schema: TypeAlias = dict[str, Any]
_QUANTITY: Schema = {"type": ["string", "number"]}
_AMOUNTS: Schema = {"type": "object", "additionalProperties": _QUANTITY}
RESOURCES: Schema = {
    "type": "object",
    "properties": {"requests": _AMOUNTS, "limits": _AMOUNTS | {"required": ["memory"]}},
    "required": ["limits"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of values.yaml: its path, what is said of it, and what is laid over its type."""

    path: tuple[str, ...]
    text: str
    overlay: str


def entries(text: str) -> list[Entry]:
    """Return every key of values.yaml that a comment describes, in order."""
    found: list[Entry] = []
    above: list[str] = []
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        key = _KEY.match(line)
        if line.lstrip().startswith("#"):
            above.append(line.lstrip(" #"))
            continue
        if key is not None:
            depth = len(key[1])
            path = [*(place for place in path if place[0] < depth), (depth, key[2])]
            if above:
                said, _, overlay = _split(" ".join(above))
                found.append(Entry(tuple(name for _, name in path), said, overlay))
        above = []
    return found


def _split(text: str) -> tuple[str, str, str]:
    parts = _BETWEEN.split(text, maxsplit=1)
    return parts[0], "", parts[1] if len(parts) > 1 else ""


def schema(values: dict[str, Any], told: list[Entry]) -> Schema:
    """Return the schema that the values have to keep to; a key that it does not know is refused."""
    by_path = {entry.path: entry for entry in told}
    made = _object(values, (), by_path)
    return {"$schema": "http://json-schema.org/draft-07/schema#", "$defs": _settings(), **made}


def _object(values: dict[str, Any], path: tuple[str, ...], told: dict[tuple[str, ...], Entry]) -> Schema:
    properties = {name: _property(value, (*path, name), told) for name, value in values.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _property(value: Any, path: tuple[str, ...], told: dict[tuple[str, ...], Entry]) -> Schema:
    entry = told[path]
    if entry.overlay in ("config", "resources"):
        shape: Schema = {"$ref": "#/$defs/Settings"} if entry.overlay == "config" else RESOURCES
        return shape | {"description": entry.text}
    overlay = json.loads(entry.overlay or "{}")
    if isinstance(value, dict):
        is_free = not value or "additionalProperties" in overlay
        made = {"type": "object"} if is_free else _object(value, path, told)
    else:
        made = {"type": _TYPES[type(value)]}
    return {**made, **overlay, "description": entry.text}


_TYPES: dict[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array"}


def _settings() -> Schema:
    """Return the settings of kilowatch without secrets, which are given by reference, and what the chart sets."""

    def shape(kind: type) -> Schema:
        if kind is Secret:
            return {"title": "Secret"}
        raise NotImplementedError

    (_,), parts = msgspec.json.schema_components([Config], schema_hook=shape, ref_template="#/$defs/{name}")
    for part in parts.values():
        for name, one in list(part.get("properties", {}).items()):
            if "Secret" in json.dumps(one):
                del part["properties"][name]
            else:
                one.pop("default", None)
    parts["Settings"] = parts.pop("Config")
    for name in BY_THE_CHART:
        del parts["Settings"]["properties"][name]
    return parts


def readme(values: dict[str, Any], told: list[Entry]) -> str:
    """Return the README."""
    rows = "\n".join(_row(values, entry) for entry in told)
    return (CHART / "README.head.md").read_text().rstrip() + "\n\n" + _TABLE + rows + "\n"


_TABLE = """## Values

| value | default | meaning |
|---|---|---|
"""


def _row(values: dict[str, Any], entry: Entry) -> str:
    default: Any = values
    for name in entry.path:
        default = default[name]
    is_section = isinstance(default, dict) and default and entry.overlay not in ("config", "resources")
    shown = "" if is_section else f"`{json.dumps(default)}`"
    name = ".".join(entry.path)
    return f"| **`{name}`** | | {entry.text} |" if is_section else f"| `{name}` | {shown} | {entry.text} |"


def made() -> dict[Path, str]:
    """Return every file that is made, with what has to stand in it."""
    text = (CHART / "values.yaml").read_text()
    values, told = yaml.safe_load(text), entries(text)
    files = {
        CHART / "README.md": readme(values, told),
        CHART / "values.schema.json": json.dumps(schema(values, told), indent=1) + "\n",
    }
    for folder, pattern in COPIES.items():
        files |= {CHART / "files" / folder / path.name: path.read_text() for path in sorted(ROOT.glob(pattern))}
    return files


def main() -> int:
    """Write the files, or with --check say which are not as they should be."""
    files = made()
    there = [path for path in sorted((CHART / "files").rglob("*")) if path.is_file()]
    stray = [path for path in there if path not in files]
    wrong = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in [*wrong, *stray]:
            print(f"{path.relative_to(ROOT)} is not as made: run python scripts/make_chart_docs.py")
        return int(bool(wrong or stray))
    for path in wrong:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path])
    for path in stray:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
