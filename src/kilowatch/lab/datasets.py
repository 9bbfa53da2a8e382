"""The data that the suites run on: where they are expected, and what is wrong where they are not.

Nothing here knows a file by name: meters, plugs, appliances and series are whatever lies in the folders.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kilowatch.errors import ReadingError
from kilowatch.links.files import ReadOptions, open_sources

if TYPE_CHECKING:
    from kilowatch.core.device import DeviceRecord
    from kilowatch.links.files import FileSource

VARIABLE = "KILOWATCH_DATA"


class Family(StrEnum):
    """A data set, by the folder that it lies in."""

    COMBED = "combed"
    TRACEBASE = "tracebase"
    UCI = "uci_household"
    APPLIANCES = "appliance_faults"
    NAB = "nab_tsbad"


class _Source(NamedTuple):
    about: str
    origin: str
    zone: str


_SOURCES: dict[Family, _Source] = {
    Family.COMBED: _Source("meters of office buildings, 30 s", "combed.github.io", "Asia/Kolkata"),
    Family.TRACEBASE: _Source("smart plugs, 1 to 6 s", "the repository areinhardt/tracebase", "Europe/Berlin"),
    Family.UCI: _Source("a household's meter, 1 min", "UCI, doi 10.24432/C58K54", "Europe/Paris"),
    Family.APPLIANCES: _Source("labelled appliance faults, 1 min", "doi 10.5281/zenodo.12607730", "UTC"),
    Family.NAB: _Source(
        "NAB series cut as in TSB-AD, with published figures",
        "the repositories numenta/NAB and TheDatumOrg/TSB-AD",
        "UTC",
    ),
}
"""What each folder holds, where it comes from, and the zone of its times that carry none."""


@dataclass(frozen=True, slots=True)
class MeterFile:
    """One device of a file."""

    family: Family
    path: Path
    record: DeviceRecord

    @property
    def name(self) -> str:
        """The device, with its data set."""
        return f"{self.family}/{self.record.device}"


def data_root() -> Path:
    """Return the folder that `KILOWATCH_DATA` names, or `shared/data` beside the repository."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path(__file__).resolve().parents[4] / "shared" / "data"


def has(family: Family) -> bool:
    """Return whether a data set is there."""
    return any((data_root() / family).glob("*.parquet"))


def folder(family: Family) -> Path:
    """Return the folder of a data set; `ReadingError` says what is missing and where it is expected."""
    if has(family):
        return data_root() / family
    source = _SOURCES[family]
    raise ReadingError(
        f"The data set {family} is missing: {source.about}. It is expected in {data_root() / family}.",
        f"Set {VARIABLE} to the folder that holds {family}/*.parquet. It comes from {source.origin}.",
    )


def meters(family: Family) -> list[MeterFile]:
    """Return every device of a data set of meters or plugs, by name; `ReadingError` where no file holds power."""
    found = [
        MeterFile(family, source.path, record)
        for source in open_sources([folder(family)], options_of(family)).sources
        for record in source.devices()
    ]
    return sorted(found, key=lambda meter: meter.record.device)


def options_of(family: Family) -> ReadOptions:
    """Return how the files of a data set are to be read."""
    return ReadOptions(time_zone=_SOURCES[family].zone)


@lru_cache(maxsize=4)
def source_of(meter: MeterFile) -> FileSource:
    """Return the open file of a meter."""
    sources = open_sources([meter.path], options_of(meter.family)).sources
    if not sources:
        raise ReadingError(f"{meter.path} could be read before and cannot be read now.", "Check the file.")
    return sources[0]
