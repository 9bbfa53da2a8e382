"""From a tree of given values to typed sections, one setting at a time so that each error names its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from kilowatch.config.secret import Secret, read_secret
from kilowatch.config.sections import Config
from kilowatch.config.tree import Given, Tree
from kilowatch.config.unknown import unknown
from kilowatch.config.walk import bare, is_names, is_secret, is_section, named_section, struct_fields
from kilowatch.errors import ConfigError

_Section = TypeVar("_Section", bound=msgspec.Struct)
Path_ = tuple[str, ...]
_FILE = "_file"
_PATHS = frozenset({"path", "folder"})


class Builder:
    """Builds the settings and remembers where each came from."""

    def __init__(self) -> None:
        self.origins: dict[Path_, str] = {}

    def config(self, tree: Tree) -> Config:
        """Return the settings of a tree; `ConfigError` for the first that is unknown or makes no sense."""
        return self._section(Config, tree, ())

    def _section(self, struct: type[_Section], tree: Tree, path: Path_) -> _Section:
        fields = struct_fields(struct)
        for name in tree:
            if name not in fields:
                raise unknown(name, fields, _where((*path, name), tree[name]))
        values = {name: self._field(fields[name].type, tree[name], (*path, name)) for name in tree}
        values |= self._secrets_in_files(struct, tree, path)
        missing = [name for name, field in fields.items() if field.required and name not in values]
        if missing:
            raise ConfigError(f"{_dotted(path)} has no {missing[0]}.", f"Give it a {missing[0]}; see docs/config.md.")
        # A struct's constructor checks nothing: each value was converted by itself, so that an error names one setting.
        return struct(**values)

    def _field(self, kind: Any, given: Given | Tree, path: Path_) -> Any:
        section = named_section(kind)
        if is_section(kind):
            return self._section(bare(kind), _tree(given, path), path)
        if section is not None:
            parts = _tree(given, path)
            return {name: self._section(section, _tree(parts[name], (*path, name)), (*path, name)) for name in parts}
        if is_names(kind) and isinstance(given, dict):
            given = Given({name: _value(part, (*path, name)) for name, part in given.items()}, _origin(given))
        if isinstance(given, dict):
            raise ConfigError(f"{_dotted(path)} is a value, not a section.", "See docs/config.md.")
        return self._leaf(kind, given, path)

    def _leaf(self, kind: Any, given: Given, path: Path_) -> Any:
        self.origins[path] = given.origin
        if is_secret(kind):
            return _secret(given, path)
        try:
            value = msgspec.convert(_untangled(kind, given), kind, strict=not given.is_text)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise ConfigError(
                f"{_dotted(path)} makes no sense: {error}.", f"It came from: {given.origin}. See docs/config.md."
            ) from error
        return _from_folder(value, given, path[-1])

    def _secrets_in_files(self, struct: type[msgspec.Struct], tree: Tree, path: Path_) -> dict[str, Secret]:
        found: dict[str, Secret] = {}
        for name, field in struct_fields(struct).items():
            given = tree.get(name + _FILE)
            # The secret itself, from the environment, goes before a file that is named.
            if is_secret(field.type) and name not in tree and isinstance(given, Given):
                file = Path(_from_folder(str(given.value), given, name + _FILE))
                self.origins[*path, name] = f"file {file}"
                found[name] = read_secret(file)
        return found


def _secret(given: Given, path: Path_) -> Secret:
    if not given.is_text:
        raise ConfigError(
            f"{_dotted(path)} is a secret and stands in the {given.origin}.",
            f"Put it into a file of its own and name that as {path[-1]}_file, or into the environment.",
        )
    return Secret(given.value)


def _untangled(kind: Any, given: Given) -> Any:
    """Return the value; of a text that stands for a list, its parts."""
    value = given.value
    # By its text, for a list may stand inside Annotated and beside None.
    if not given.is_text or ("list[" not in str(kind) and not is_names(kind)):
        return value
    if value.lstrip().startswith(("[", "{")):
        return msgspec.json.decode(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def _from_folder(value: Any, given: Given, name: str) -> Any:
    """Return a path of the file as seen from the file's own folder."""
    if given.folder is None or not isinstance(value, str) or not (name.endswith(_FILE) or name in _PATHS):
        return value
    # So that a service finds it whatever folder it was started in.
    return str(given.folder / Path(value).expanduser())


def _tree(given: Given | Tree, path: Path_) -> Tree:
    if isinstance(given, Given):
        raise ConfigError(f"{_dotted(path)} is a section, not a value.", f"Write it as [{_dotted(path)}].")
    return given


def _value(part: Given | Tree, path: Path_) -> Any:
    if isinstance(part, dict):
        raise ConfigError(f"{_dotted(path)} is a value, not a section.", "Quote names that hold a dot.")
    return part.value


def _origin(tree: Tree) -> str:
    return next((part.origin for part in tree.values() if isinstance(part, Given)), "default")


def _where(path: Path_, given: Given | Tree) -> str:
    origin = given.origin if isinstance(given, Given) else _origin(given)
    return f"{_dotted(path)} ({origin})"


def _dotted(path: Path_) -> str:
    return ".".join(f'"{name}"' if "." in name or " " in name else name for name in path)
