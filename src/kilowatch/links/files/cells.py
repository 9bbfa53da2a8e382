"""Arrow columns to NumPy: vectorised while all goes well, and cell by cell around a bad one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MISSING = ["", "?", "-", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "unknown", "unavailable"]
"""Cells that say that there is no value."""

_LIKE_NUMBER = r"^[-+]?[0-9.]+([eE][-+]?[0-9]+)?$|^[-+]?(?i:nan|inf).*$"
_TRUE = ["1", "on", "true", "yes"]
_FALSE = ["0", "off", "false", "no"]
_FACTORS = {"W": 1.0, "w": 1.0, "watt": 1.0, "watts": 1.0, "kW": 1e3, "KW": 1e3, "kw": 1e3, "MW": 1e6, "mW": 1e-3}


@dataclass(frozen=True, slots=True)
class Cells:
    """A column as float64[n], NaN where nothing stands, and bool[n] where something unreadable stands."""

    value: NDArray[np.float64]
    bad: NDArray[np.bool_]


def is_text(column: Any) -> bool:
    """Whether a column holds strings, dictionary-encoded or not."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def plain_text(column: Any) -> Any:
    """Return a column as trimmed strings, null where a cell says that there is no value."""
    text = column.cast(pa.string())
    text = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.is_in(text, value_set=pa.array(MISSING)), pa.scalar(None, pa.string()), text)


def numbers(column: Any, decimal_comma: bool = False) -> Cells:
    """Return a column of numbers or of text as float64."""
    if is_text(column):
        return _text_numbers(column, decimal_comma)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if pa.types.is_null(column.type):
        value = np.full(len(column), np.nan)
    else:
        # Not safe: beyond 2^53 a register loses its last digits, and not the whole column.
        value = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return Cells(value, np.zeros(len(value), dtype=np.bool_))


def _text_numbers(column: Any, decimal_comma: bool) -> Cells:
    if decimal_comma:
        column = pc.replace_substring(column.cast(pa.string()), ",", ".")
    cast, bad = cast_text(column, _LIKE_NUMBER, lambda part: part.cast(pa.float64()))
    return Cells(cast.to_numpy(zero_copy_only=False), bad)


def cast_text(column: Any, like: str, cast: Callable[[Any], Any]) -> tuple[Any, NDArray[np.bool_]]:
    """Return cast(column) of text, null where a cell is missing or cannot be cast, and where it cannot, bool[n].

    `like` matches everything that can be cast, and little else.
    """
    try:
        # Cells that need no trimming are the rule, and trimming costs more than the cast.
        return cast(column), np.zeros(len(column), dtype=np.bool_)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        text = plain_text(column)
    # One pass takes out nearly all bad cells, so that halving, which is slow, meets few.
    hopeless = pc.invert(pc.match_substring_regex(text, like)).fill_null(False)  # noqa: FBT003
    values, bad = cast_each(pc.if_else(hopeless, pa.scalar(None, pa.string()), text), cast)
    return values, bad | hopeless.to_numpy(zero_copy_only=False)


def cast_each(column: Any, cast: Callable[[Any], Any]) -> tuple[Any, NDArray[np.bool_]]:
    """Return cast(column) with null where a cell cannot be cast, and where that is, bool[n].

    A column with bad cells is halved until they stand alone, so a cell means the same whatever stands beside it.
    """
    try:
        return cast(column), np.zeros(len(column), dtype=np.bool_)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if len(column) == 1:
            return cast(pa.array([None], column.type)), np.ones(1, dtype=np.bool_)
    half = len(column) // 2
    first, first_bad = cast_each(column.slice(0, half), cast)
    second, second_bad = cast_each(column.slice(half), cast)
    return pa.concat_arrays([first, second]), np.concatenate([first_bad, second_bad])


def watts_with_units(column: Any, factor: float, *, decimal_comma: bool = False) -> Cells:
    """Return watts of cells that carry their own unit, "1.2 kW" beside "350 W"; `factor` is for bare numbers."""
    text = plain_text(column)
    found = pc.extract_regex(text, r"^(?P<number>[-+0-9.,eE]+)\s*(?P<unit>[a-zA-Z]*)$")
    cells = _text_numbers(pc.struct_field(found, "number"), decimal_comma)
    scale = unit_factors(pc.struct_field(found, "unit"), factor)
    bad = cells.bad | np.isnan(scale) | _nulls(found) & ~_nulls(text)
    return Cells(np.where(bad, np.nan, cells.value * scale), bad & ~_nulls(text))


def unit_factors(column: Any, bare: float) -> NDArray[np.float64]:
    """Return watts in one of each row's unit, `bare` where none stands, NaN where it is no unit of power."""
    coded = plain_text(column).dictionary_encode()
    units = coded.dictionary.to_pylist()
    of_unit = np.array([_watts_in(unit) for unit in units] + [bare])
    indices = coded.indices.fill_null(len(units)).to_numpy(zero_copy_only=False)
    return of_unit[indices]


def _watts_in(unit: str) -> float:
    # "mW" and "MW" differ a billion times, so case counts where it can.
    return _FACTORS.get(unit) or _FACTORS.get(unit.lower() if len(unit) > 2 else "", np.nan)


def _nulls(column: Any) -> NDArray[np.bool_]:
    return column.is_null().to_numpy(zero_copy_only=False)


def switches(column: Any) -> NDArray[np.int8]:
    """Return a switch's state as int8[n]: 1 on, 0 off, -1 unknown."""
    text = pc.utf8_lower(plain_text(column.cast(pa.string())))
    on = pc.is_in(text, value_set=pa.array(_TRUE)).to_numpy(zero_copy_only=False)
    off = pc.is_in(text, value_set=pa.array(_FALSE)).to_numpy(zero_copy_only=False)
    return np.where(on, 1, np.where(off, 0, -1)).astype(np.int8)
