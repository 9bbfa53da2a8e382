"""From an object to its frozen state."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kilowatch.core.state_kinds import (
    attributes,
    declared,
    is_box,
    is_frozen,
    is_live,
    is_own,
    is_plain,
    is_settled,
    make_of,
)
from kilowatch.core.state_nodes import Array, Box, Container, Each, Node, Plain, Record, Rows, Same, Whole, Word
from kilowatch.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_BOXES = ((deque, Box.DEQUE), (dict, Box.DICT), (set, Box.SET), (tuple, Box.TUPLE), (list, Box.LIST))


class Freezer:
    """Walks through one object; what is met twice is written once."""

    def __init__(self) -> None:
        self.arrays: list[NDArray[Any]] = []
        self._numbers: dict[int, int] = {}

    def whole(self, thing: object, path: str) -> Whole | Same:
        """Return an own object's node."""
        known = self._known(thing)
        if known is not None:
            return known
        if hasattr(thing, "freezing"):
            thing.freezing()
        number, parts, settings = self._number(thing), {}, {}
        also = declared(thing, "frozen_also")
        for name, value in attributes(thing).items():
            here = f"{path}.{name}" if path else name
            node = _counted(value, here) if name in also else self._attribute(value, thing, here)
            if node is not None:
                parts[name] = node
            elif not isinstance(value, np.ndarray):
                settings[name] = repr(value)
        return Whole(number, make_of(thing), parts, settings)

    def _attribute(self, value: Any, owner: object, path: str) -> Node | None:
        """Return the node of an attribute, None where it is a setting."""
        if isinstance(value, np.ndarray):
            return None if is_frozen(owner) else self._array(value, path)
        if is_settled(value):
            return None
        if is_box(value):
            return self._container(value, declared(owner, "frozen_types"), path)
        if is_own(value):
            return self.whole(value, path)
        raise StateError(
            f"{path} is a {type(value).__name__} and cannot be frozen.",
            f"Name it in {type(owner).__name__}.frozen_not, or keep it as arrays.",
        )

    def _element(self, value: Any, types: tuple[type, ...], path: str) -> Node | None:
        kind = type(value)
        if is_plain(value):
            return Plain(value)
        if isinstance(value, np.ndarray):
            return self._array(value, path)
        if kind in types:
            return self._record(value, types, path)
        if is_box(value):
            return self._container(value, types, path)
        if is_own(value) and not is_settled(value):
            return self.whole(value, path)
        raise StateError(f"{path} is a {kind.__name__} and cannot be frozen.", "Declare it in frozen_types.")

    def _record(self, value: Any, types: tuple[type, ...], path: str) -> Node:
        kind = type(value).__name__
        if isinstance(value, msgspec.Struct):
            return Rows(kind, msgspec.msgpack.encode([value]))
        if isinstance(value, Enum):
            return Word(kind, value.value)
        fields = {name: self._element(part, types, f"{path}.{name}") for name, part in attributes(value).items()}
        return Record(kind, {name: node for name, node in fields.items() if node is not None})

    def _container(self, value: Any, types: tuple[type, ...], path: str) -> Container | Same:
        known = self._known(value)
        if known is not None:
            return known
        number = self._number(value)
        box = next(box for kind, box in _BOXES if isinstance(value, kind))
        if box is Box.DICT:
            keys = self._items(list(value), types, f"{path} keys")
            names = list(value)
            return Container(number, box, self._items(list(value.values()), types, path, names), keys)
        if box is Box.TUPLE and any(map(is_live, value)):
            places = enumerate(value)
            parts = [None if is_settled(part) else self._element(part, types, f"{path}[{at}]") for at, part in places]
            return Container(number, box, Each(parts))
        return Container(number, box, self._items(list(value), types, path))

    def _items(
        self, values: list[Any], types: tuple[type, ...], path: str, names: Sequence[Any] | None = None
    ) -> Plain | Rows | Each:
        if is_plain(values):
            return Plain(values)
        # Structs of one type go in one piece: a node for each would outweigh them.
        kinds = {type(value) for value in values}
        if len(kinds) == 1 and kinds <= {kind for kind in types if issubclass(kind, msgspec.Struct)}:
            return Rows(kinds.pop().__name__, msgspec.msgpack.encode(values))
        labels = range(len(values)) if names is None else names
        return Each(
            [self._element(value, types, f"{path}[{label}]") for label, value in zip(labels, values, strict=True)]
        )

    def _array(self, value: NDArray[Any], path: str) -> Array | Same:
        known = self._known(value)
        if known is not None:
            return known
        if value.dtype.kind not in "biuf" or value.ndim == 0:
            raise StateError(f"{path} is an array of {value.dtype} and cannot be frozen.", "Keep numbers alone.")
        self.arrays.append(value)
        return Array(self._number(value), len(self.arrays) - 1, value.dtype.str, value.shape[1:])

    def _known(self, thing: object) -> Same | None:
        # By identity: what two owners share must be one thing again after a thaw.
        number = self._numbers.get(id(thing))
        return None if number is None else Same(number)

    def _number(self, thing: object) -> int:
        return self._numbers.setdefault(id(thing), len(self._numbers))


def _counted(value: object, path: str) -> Plain:
    if not is_plain(value):
        raise StateError(f"{path} is no plain number or word.", "Name it in frozen_also only where it is one.")
    return Plain(value)
