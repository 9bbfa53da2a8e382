"""From a frozen state back into a freshly built object of the same make."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kilowatch.core.state_kinds import attributes, declared, is_own
from kilowatch.core.state_nodes import Array, Box, Container, Each, Node, Plain, Record, Rows, Same, Whole, Word
from kilowatch.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_NEW: dict[Box, Callable[[], Any]] = {Box.LIST: list, Box.SET: set, Box.DEQUE: deque, Box.DICT: dict}


class Thawer:
    """Writes one state back; `changed` names the settings that are not what they were."""

    def __init__(self, arrays: Sequence[NDArray[Any]]) -> None:
        self.changed: list[str] = []
        self._arrays = arrays
        self._made: dict[int, Any] = {}
        self._written: list[Any] = []

    def finish(self) -> None:
        """Let every object see to what follows from its state."""
        # After all is written: what follows from one state may rest on another.
        for thing in self._written:
            if hasattr(thing, "thawed"):
                thing.thawed()

    def into(self, thing: object, node: Whole, path: str) -> None:
        """Write a node into an own object."""
        # Before its parts, which may point back to it.
        self._made[node.number] = thing
        self._written.append(thing)
        held = attributes(thing)
        types = declared(thing, "frozen_types")
        for name, part in node.parts.items():
            if name not in held:
                continue  # of the format before, and gone since
            value = self._value(part, held.get(name), types, f"{path}.{name}" if path else name)
            if value is not held.get(name):
                setattr(thing, name, value)
        for name, before in node.settings.items():
            now = repr(held.get(name))
            if now != before:
                self.changed.append(f"{path}.{name}: {now}, was {before}".lstrip("."))

    def _value(self, node: Node | None, fresh: Any, types: tuple[type, ...], path: str) -> Any:
        """Return what a node stands for, written into `fresh` where that can be."""
        match node:
            case None:
                return fresh
            case Same():
                return self._same(node, path)
            case Whole():
                if not is_own(fresh):
                    raise _differs(path, node.make)
                self.into(fresh, node, path)
                return fresh
            case Array():
                return self._array(node, path)
            case Container():
                return self._container(node, fresh, types, path)
            case Plain():
                return node.value
        return self._declared(node, types, path)

    def _declared(self, node: Node, types: tuple[type, ...], path: str) -> Any:
        """Return a record or word of a type that the owner declares, and of no other."""
        if isinstance(node, Rows):
            rows = self._rows(node, types, path)
            if len(rows) != 1:
                raise _differs(path, "one record")
            return rows[0]
        if isinstance(node, Word):
            kind = _type(node.kind, types, path)
            if not issubclass(kind, Enum):
                raise _differs(path, "an enumeration")
            try:
                return kind(node.value)
            except ValueError as error:
                raise _differs(path, f"one of {node.kind}") from error
        if isinstance(node, Record):
            return self._record(node, types, path)
        raise _differs(path, "a value")

    def _record(self, node: Record, types: tuple[type, ...], path: str) -> Any:
        kind = _type(node.kind, types, path)
        if not is_dataclass(kind) or {field.name for field in fields(kind)} != set(node.fields):
            raise _differs(path, f"a {node.kind}")
        return kind(**{name: self._value(part, None, types, f"{path}.{name}") for name, part in node.fields.items()})

    @staticmethod
    def _rows(node: Rows, types: tuple[type, ...], path: str) -> list[Any]:
        kind = _type(node.kind, types, path)
        try:
            rows: list[Any] = msgspec.msgpack.decode(node.rows, type=list[kind])  # type: ignore[valid-type]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise StateError(f"{path} of a saved state cannot be read: {error}.", "Use an older one.") from error
        return rows

    def _container(self, node: Container, fresh: Any, types: tuple[type, ...], path: str) -> Any:
        if node.box is Box.TUPLE:
            return self._tuple(node, fresh, types, path)
        box = _NEW[node.box]() if fresh is None else fresh
        if not isinstance(box, type(_NEW[node.box]())):
            raise _differs(path, f"a {node.box}")
        self._made[node.number] = box
        if node.box is Box.DICT:
            self._dict(node, box, types, path)
            return box
        before = list(box) if isinstance(box, list) else []
        values = self._items(node.items, before, types, path)
        box.clear()
        (box.update if isinstance(box, set) else box.extend)(values)
        return box

    def _tuple(self, node: Container, fresh: Any, types: tuple[type, ...], path: str) -> Any:
        """Own objects within a tuple are written in place, any other tuple is made anew."""
        before = list(fresh) if isinstance(fresh, tuple) else []
        values = self._items(node.items, before, types, path)
        same = len(before) == len(values) and all(map(_is, before, values))
        made = fresh if before and same else tuple(values)
        self._made[node.number] = made
        return made

    def _dict(self, node: Container, box: dict[Any, Any], types: tuple[type, ...], path: str) -> None:
        keys = self._items(node.keys or Plain([]), [], types, f"{path} keys")
        # Own objects are written in place, so one has to be there for every saved key.
        make = box.default_factory if isinstance(box, defaultdict) else None
        before = [box.get(key) if make is None else box.get(key, make()) for key in keys]
        values = self._items(node.items, before, types, path)
        if len(values) != len(keys):
            raise _differs(path, "a dict")
        box.clear()
        box.update(zip(keys, values, strict=True))

    def _items(self, items: Plain | Rows | Each, before: list[Any], types: tuple[type, ...], path: str) -> list[Any]:
        if isinstance(items, Rows):
            return self._rows(items, types, path)
        if isinstance(items, Plain):
            if not isinstance(items.value, list):
                raise _differs(path, "a list")
            return items.value
        padded = before + [None] * (len(items.items) - len(before))
        pairs = zip(items.items, padded, strict=False)
        return [self._value(part, fresh, types, f"{path}[{at}]") for at, (part, fresh) in enumerate(pairs)]

    def _array(self, node: Array, path: str) -> NDArray[Any]:
        if not 0 <= node.at < len(self._arrays):
            raise _differs(path, "an array")
        stored = self._arrays[node.at]
        if stored.dtype.str != node.dtype or stored.shape[1:] != node.row:
            raise _differs(path, f"{node.dtype}{list(node.row)}")
        made = _copied(stored)
        self._made[node.number] = made
        return made

    def _same(self, node: Same, path: str) -> Any:
        if node.number not in self._made:
            raise _differs(path, "something met before")
        return self._made[node.number]


def _copied(stored: NDArray[Any]) -> NDArray[Any]:
    """Return an array of our own, laid out alike; one that is all zeros takes no memory until it is written to."""
    # As whole numbers, for -0.0 is a zero too, and would not come back bit for bit.
    if not stored.view(f"u{stored.itemsize}").any():
        return np.zeros(stored.shape, stored.dtype, order="F" if np.isfortran(stored) else "C")
    # Unpacked arrays may be views of bytes that nobody can write; "K" keeps those laid out by column so.
    return np.array(stored, order="K", copy=True)


def _type(name: str, types: tuple[type, ...], path: str) -> type:
    """Return the declared type of that name; nothing else is ever made."""
    for kind in types:
        if kind.__name__ == name:
            return kind
    raise StateError(f"{path} of a saved state holds a {name}, which nobody declares.", "Use an older state.")


def _is(one: object, other: object) -> bool:
    return one is other


def _differs(path: str, wanted: str) -> StateError:
    return StateError(f"{path} of a saved state is not {wanted}.", "Was it written by this version?")
