"""The parts of a frozen state: a tree of typed nodes beside a list of arrays. Nothing in it can be run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from kilowatch.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


class NewerStateError(StateError):
    """The state is of a format that this kilowatch does not know: it must be left alone."""


STATE_V = 2
"""Format of frozen state. n reads n-1; a class that gains or loses a part needs a new one."""


class Box(StrEnum):
    """What kind of container a node was."""

    LIST = "list"
    TUPLE = "tuple"
    SET = "set"
    DEQUE = "deque"
    DICT = "dict"


class Whole(msgspec.Struct, tag="whole", array_like=True):
    """One of our own objects, written back in place; settings are kept to tell what has been changed since."""

    number: int
    make: str
    parts: dict[str, Node]
    settings: dict[str, str]


class Same(msgspec.Struct, tag="same", array_like=True):
    """What was met before under that number."""

    number: int


class Array(msgspec.Struct, tag="array", array_like=True):
    """An array, by its place in the list of arrays; shape without the first axis."""

    number: int
    at: int
    dtype: str
    row: tuple[int, ...]


class Plain(msgspec.Struct, tag="plain", array_like=True):
    """Numbers, words, nothing, and lists and dicts of them."""

    value: Any


class Word(msgspec.Struct, tag="word", array_like=True):
    """A member of an enumeration."""

    kind: str
    value: int | str


class Record(msgspec.Struct, tag="record", array_like=True):
    """A dataclass of a declared type."""

    kind: str
    fields: dict[str, Node]


class Rows(msgspec.Struct, tag="rows", array_like=True):
    """Structs of one declared type, encoded as a list of them."""

    kind: str
    rows: bytes


class Each(msgspec.Struct, tag="each", array_like=True):
    """Values that have no shorter form together; None stands for a setting."""

    items: list[Node | None]


class Container(msgspec.Struct, tag="container", array_like=True):
    """A list, tuple, set, deque or dict; keys of a dict alone."""

    number: int
    box: Box
    items: Plain | Rows | Each
    keys: Plain | Rows | Each | None = None


Node: TypeAlias = Whole | Same | Array | Plain | Word | Record | Rows | Each | Container


@dataclass(frozen=True, slots=True)
class Frozen:
    """The state of one object: its tree, and the arrays that the tree names."""

    version: int
    tree: Whole
    arrays: list[NDArray[Any]]

    @property
    def make(self) -> str:
        """The fingerprint of what kind of object it was: 16 hex digits, alike however much it has seen."""
        return hashlib.sha256(repr(sorted(structure(self.tree).items())).encode()).hexdigest()[:16]


def structure(tree: Whole) -> dict[str, str]:
    """Return what every part of an object of this make is, by its path."""
    return dict(_parts(tree, "", {}))


def _parts(node: Node | None, path: str, met: dict[int, str]) -> Iterator[tuple[str, str]]:
    if isinstance(node, Same):
        # By where it was met: numbers move with every object that one state has more than another.
        yield path, f"the same as {met.get(node.number, 'something')}"
    if not isinstance(node, Whole | Array | Container):
        return
    met[node.number] = path
    if isinstance(node, Whole):
        yield path, f"a {node.make}"
        for name, part in node.parts.items():
            yield from _parts(part, f"{path}.{name}" if path else name, met)
    elif isinstance(node, Array):
        yield path, f"{node.dtype}{list(node.row) or ''}"
    else:
        yield path, f"a {node.box}"
        for name, part in fixed_parts(node):
            yield from _parts(part, f"{path}[{name}]", met)


def fixed_parts(node: Container) -> list[tuple[str, Node]]:
    """Return the named parts of a container that belong to the make: arrays by name, and own objects."""
    if not isinstance(node.items, Each):
        return []
    names: list[Any] = list(range(len(node.items.items)))
    if node.keys is not None:
        names = node.keys.value if isinstance(node.keys, Plain) else []
    # Of a broken state they may differ in number: `thaw` refuses it, and this must not trip before.
    parts = zip(names, node.items.items, strict=False)
    return [(str(name), part) for name, part in parts if isinstance(part, Whole | Array)]
