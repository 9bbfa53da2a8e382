"""What may be frozen, and what a class of ours has to say of itself.

Arrays and containers that can change are state, and own objects are walked into. Numbers, words and whatever else
cannot change are taken for settings: they belong to the object that a state is written back into. A class that
thinks otherwise says so in class attributes:

    frozen_also: names of numbers and words that are state after all, a count that goes up
    frozen_not: names of what is not state, or follows from it
    frozen_types: the structs, dataclasses and enumerations that its containers hold; no others are ever made

and it may have two methods: `freezing()` is called before it is frozen, `thawed()` after all has been written back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import is_dataclass
from enum import Enum
from types import FunctionType, MappingProxyType
from typing import Any

import msgspec
import numpy as np

_OURS = "kilowatch."
_PLAIN = (type(None), bool, int, float, str, bytes)
_SETTLED = (*_PLAIN, Enum, type, FunctionType, frozenset, MappingProxyType, np.dtype, np.generic)


def attributes(thing: object) -> dict[str, Any]:
    """Return what an object holds, by name, less what it says is no state."""
    held = dict(vars(thing)) if hasattr(thing, "__dict__") else {}
    for cls in type(thing).__mro__:
        for name in getattr(cls, "__slots__", ()):
            if not name.startswith("__") and hasattr(thing, name):
                held.setdefault(name, getattr(thing, name))
    left_out = declared(thing, "frozen_not")
    return {name: value for name, value in held.items() if name not in left_out}


def declared(thing: object, name: str) -> tuple[Any, ...]:
    """Return what the class of an object says of itself under that name."""
    said: tuple[Any, ...] = getattr(type(thing), name, ())
    return said


def make_of(thing: object) -> str:
    """Return the name of an object's class."""
    return f"{type(thing).__module__.removeprefix(_OURS)}.{type(thing).__qualname__}"


def is_own(value: object) -> bool:
    """Whether a value is an object of ours to walk into."""
    return type(value).__module__.startswith(_OURS) and not isinstance(value, Enum | msgspec.Struct | type)


def is_frozen(value: object) -> bool:
    """Whether a value is a dataclass that cannot be written into."""
    # The dataclass module has no public way to ask.
    return is_dataclass(value) and not isinstance(value, type) and value.__dataclass_params__.frozen  # type: ignore[attr-defined]


def is_box(value: object) -> bool:
    """Whether a value is a container that can change, or a tuple."""
    return isinstance(value, list | tuple | set | deque | dict)


def is_settled(value: object) -> bool:
    """Whether a value cannot change and holds nothing that can."""
    if isinstance(value, _SETTLED) or (isinstance(value, msgspec.Struct) and value.__struct_config__.frozen):
        return True
    if isinstance(value, tuple):
        return all(is_settled(part) for part in value)
    return is_frozen(value) and not any(is_live(part) for part in attributes(value).values())


def is_live(value: object) -> bool:
    """Whether a value can change, or holds an own object that can; arrays of frozen dataclasses count as constants."""
    if isinstance(value, np.ndarray):
        return False
    if isinstance(value, Mapping):
        return any(map(is_live, value.values()))
    if isinstance(value, tuple | list):
        return any(map(is_live, value))
    return is_own(value) and not is_settled(value)


def is_plain(value: object) -> bool:
    """Whether a value is made of numbers and words alone, in lists and dicts."""
    # By the exact type: a member of a StrEnum is a str, and has to come back as that member.
    if type(value) in _PLAIN:
        return True
    if type(value) is list:
        return all(map(is_plain, value))
    return type(value) is dict and all(type(key) is str and is_plain(part) for key, part in value.items())
