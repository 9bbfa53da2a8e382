"""Detectors of other libraries by name: where each is, and the nearest name where there is none."""

from __future__ import annotations

import re
from difflib import get_close_matches
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kilowatch.errors import DetectorError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PYOD = "pyod.models"
_PYOD_CLASS = re.compile(r"^class ([A-Za-z]\w*)\(Base(?:DeepLearning)?Detector\)", re.MULTILINE)
_AEON = "aeon.anomaly_detection.series"
_AEON_KINDS = ("distance_based", "distribution_based", "outlier_detection")
_NOT_ALONE = ("QuantileFilter", "ThresholdFilter", "PyODAdapter")
"""They wrap another detector."""


class Library(StrEnum):
    """Where a detector to compare with comes from."""

    PYOD = "pyod"
    RIVER = "river"
    AEON = "aeon"


def find(name: str) -> tuple[Library, str, type[Any]]:
    """Return the library, the module and the class of `library:Class`.

    `DetectorError` where there is no such library or class, or it needs a package that is not there;
    `MissingExtraError` where the library itself is not installed.
    """
    prefix, _, class_name = name.partition(":")
    if prefix not in {*Library}:
        raise DetectorError(f"There is no library {prefix!r} of detectors.", f"Choose one of: {', '.join(Library)}.")
    library = Library(prefix)
    modules = names_in(library)
    if class_name not in modules:
        raise DetectorError(f"There is no detector {name!r}.", _nearest(library, class_name, list(modules)))
    try:
        found: type[Any] = getattr(import_module(modules[class_name]), class_name)
    except ImportError as error:
        missing = error.name or "another package"
        raise DetectorError(f"{name} needs {missing}, which is not installed.", f"pip install {missing}") from error
    return library, modules[class_name], found


def names_in(library: Library) -> Mapping[str, str]:
    """Return the module of each detector in a library by its name; `MissingExtraError` where it is not installed."""
    if find_spec(library) is None:
        raise MissingExtraError(library, "compare")
    return _NAMES[library]()


def _nearest(library: Library, name: str, names: list[str]) -> str:
    by_folded = {each.lower(): each for each in names}
    near = [f"{library}:{by_folded[each]}" for each in get_close_matches(name.lower(), by_folded, 3)]
    return f"Did you mean {' or '.join(near)}?" if near else f"Choose one of: {', '.join(sorted(names))}."


def _in_pyod() -> dict[str, str]:
    """Read the names from the sources: importing sixty modules takes many seconds and PyTorch."""
    folder = Path(import_module(_PYOD).__path__[0])
    # pyg_: detectors on graphs, which take no windows.
    modules = [path for path in sorted(folder.glob("*.py")) if not path.stem.startswith(("pyg_", "_"))]
    found = ((name, path.stem) for path in modules for name in _PYOD_CLASS.findall(path.read_text(encoding="utf-8")))
    return {name: f"{_PYOD}.{stem}" for name, stem in found if not name.startswith("Base")}


def _in_river() -> dict[str, str]:
    names: list[str] = import_module("river.anomaly").__all__
    return {name: "river.anomaly" for name in names if name not in _NOT_ALONE}


def _in_aeon() -> dict[str, str]:
    modules = [f"{_AEON}.{kind}" for kind in _AEON_KINDS]
    return {name: module for module in modules for name in import_module(module).__all__ if name not in _NOT_ALONE}


_NAMES: Mapping[Library, Callable[[], dict[str, str]]] = MappingProxyType(
    {Library.PYOD: _in_pyod, Library.RIVER: _in_river, Library.AEON: _in_aeon}
)
