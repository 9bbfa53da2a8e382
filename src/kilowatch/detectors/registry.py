"""Detectors by name; the module of each is imported when it is asked for."""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING

from kilowatch.errors import DetectorError
from kilowatch.nets.card import Network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kilowatch.core.detector import Detector


class DetectorName(StrEnum):
    """Names that settings, reports and incidents use."""

    DEFAULT = "default"
    FLEET = "fleet"
    HOUR_OF_WEEK = "hour_of_week"
    HOUR_OF_DAY = "hour_of_day"
    EWMA = "ewma"
    CUSUM = "cusum"
    DUTY_CYCLE = "duty_cycle"
    FLATNESS = "flatness"
    DAILY_ENERGY = "daily_energy"
    SEASONAL_NAIVE = "seasonal_naive"
    RUN_LENGTH = "run_length"
    LEVELS = "levels"
    JUMP = "jump"
    BANK = "bank"
    SUBSPACE = "subspace"
    AUTOREGRESSIVE = "autoregressive"
    ISOLATION_FOREST = "isolation_forest"
    RANDOM = "random"
    CONSTANT = "constant"


_AT: Mapping[DetectorName, str] = MappingProxyType(
    {
        DetectorName.DEFAULT: "ensemble:default",
        DetectorName.FLEET: "ensemble:fleet",
        DetectorName.HOUR_OF_WEEK: "hour_of_week:HourOfWeek",
        DetectorName.HOUR_OF_DAY: "hour_of_week:HourOfDay",
        DetectorName.EWMA: "ewma:Ewma",
        DetectorName.CUSUM: "cusum:Cusum",
        DetectorName.DUTY_CYCLE: "duty_cycle:DutyCycle",
        DetectorName.FLATNESS: "flatness:Flatness",
        DetectorName.DAILY_ENERGY: "daily_energy:DailyEnergy",
        DetectorName.SEASONAL_NAIVE: "seasonal_naive:SeasonalNaive",
        DetectorName.RUN_LENGTH: "run_length:RunLength",
        DetectorName.LEVELS: "levels:Levels",
        DetectorName.JUMP: "jump:Jump",
        DetectorName.BANK: "bank:Bank",
        DetectorName.SUBSPACE: "subspace:Subspace",
        DetectorName.AUTOREGRESSIVE: "autoregressive:Autoregressive",
        DetectorName.ISOLATION_FOREST: "isolation_forest:IsolationForest",
        DetectorName.RANDOM: "floor:RandomScore",
        DetectorName.CONSTANT: "floor:ConstantScore",
    }
)


NETWORKS = tuple(network.value for network in Network)
"""Detectors that take a trained model: NAME:PATH."""
WITH_NETWORK = "default+"
"""In front of such a name: the default with it as one more member; the fleet's ensemble takes one likewise."""
_ENSEMBLES = (WITH_NETWORK, "fleet+")


def create(name: str) -> Detector:
    """Return a new detector of that name, without devices.

    `autoencoder:model.onnx` is a network with its model, a file or a folder of models; `autoencoder` alone takes the
    usual folder; `default+forecaster:model.onnx` is the default with a network beside its members, and `fleet+` the
    fleet's ensemble. `library:Class` is one of another library, to compare with. `DetectorError` where there is none
    of that name, `ModelError` where its model cannot be used, `MissingExtraError` where it needs a package that is not
    installed.
    """
    # Before names with a colon are taken for another library's: a network's may have one too.
    if name.partition(":")[0].rpartition("+")[2] in NETWORKS and name.startswith((*_ENSEMBLES, *NETWORKS)):
        return _network(name)
    if ":" in name:
        return _compared(name)
    if name not in {*DetectorName}:
        near = get_close_matches(name, [*DetectorName, *NETWORKS], 1)
        hint = f"Did you mean {near[0]}?" if near else f"Choose one of: {', '.join(DetectorName)}."
        raise DetectorError(f"There is no detector {name!r}.", hint)
    module, _, made_by = _AT[DetectorName(name)].partition(":")
    detector: Detector = getattr(import_module(f"kilowatch.detectors.{module}"), made_by)()
    return detector


def available() -> list[DetectorName]:
    """Return the names whose packages are installed, in order."""
    # Asked of the import system alone: to load scikit-learn would take seconds of every listing.
    return [name for name in DetectorName if name is not DetectorName.ISOLATION_FOREST or find_spec("sklearn")]


def _network(name: str) -> Detector:
    if name.startswith(_ENSEMBLES):
        from kilowatch.detectors.network_ensemble import ensemble_with

        return ensemble_with(name)
    from kilowatch.detectors.network import network_detector

    return network_detector(name)


def _compared(name: str) -> Detector:
    from kilowatch.detectors.compare import Compared

    return Compared(name)
