"""Settings from environment variables: KILOWATCH_SOURCES__MQTT__HOME__PASSWORD is sources.mqtt.home.password."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kilowatch.config.sections import Config
from kilowatch.config.tree import Given, Tree
from kilowatch.config.unknown import unknown
from kilowatch.config.walk import bare, is_section, named_section, struct_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX = "KILOWATCH_"
_BETWEEN = "__"


def from_environment(variables: Mapping[str, str], tree: Tree) -> None:
    """Lay the variables over a tree; `ConfigError` for one that names no setting."""
    # In order of names: which of two spellings wins must not hang on the environment's own order.
    for variable in sorted(variables):
        words = variable.removeprefix(PREFIX)
        # KILOWATCH_CONFIG, _CACHE and _MODELS are no settings: those have a section before two underscores.
        if variable.startswith(PREFIX) and _BETWEEN in words:
            _lay(variable, words.split(_BETWEEN), variables[variable], tree)


def _lay(variable: str, words: list[str], text: str, tree: Tree) -> None:
    kind: Any = Config
    for place, word in enumerate(words):
        names, is_last = _names(kind, tree), place == len(words) - 1
        name = _like(word, names)
        fields = struct_fields(kind) if is_section(kind) else None
        if fields is not None and name not in fields:
            raise unknown(word.lower(), fields, f"Variable {variable}")
        kind = fields[name].type if fields is not None else _under(kind)
        if is_last or not (is_section(kind) or named_section(kind)):
            if not is_last:
                raise unknown(words[place + 1].lower(), (), f"Variable {variable}")
            tree[name] = Given(text, f"environment {variable}", is_text=True)
            return
        below = tree.setdefault(name, {})
        # Something gave a value where a section belongs: the builder refuses it by name.
        tree = below if isinstance(below, dict) else {}


def _names(kind: Any, tree: Tree) -> Iterable[str]:
    return struct_fields(kind) if is_section(kind) else tree


def _under(kind: Any) -> Any:
    section = named_section(kind)
    return bare(kind) if section is None else section


def _like(word: str, names: Iterable[str]) -> str:
    """Return the known name that a variable's word stands for, else the word itself in small letters."""
    plain = _plain(word)
    return next((name for name in names if _plain(name) == plain), word.lower())


# Names of variables hold letters, digits and _ alone, devices are called living-room.tv.
def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", name.lower())
