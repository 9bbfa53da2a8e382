"""What the settings say about followed tables, as the reader of histories understands it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.links.files.source import ColumnNames, PowerUnit, ReadOptions

if TYPE_CHECKING:
    from kilowatch.config.sections import SiteConfig
    from kilowatch.config.sources import FilesConfig


def read_options(config: FilesConfig, site: SiteConfig) -> ReadOptions:
    """Return how to read them. Unlike a history's, their zone and site are those of the home where nothing is said."""
    columns = config.columns
    return ReadOptions(
        time_zone=config.time_zone or site.time_zone,
        columns=ColumnNames(
            time=columns.time,
            power=columns.power,
            energy=columns.energy,
            voltage=columns.voltage,
            current=columns.current,
            on=columns.on,
            device=columns.device,
            site=columns.site,
        ),
        unit=None if config.unit is None else PowerUnit(config.unit),
        site=None if columns.site else site.name,
        device=config.device,
        day_first=config.day_first,
    )
