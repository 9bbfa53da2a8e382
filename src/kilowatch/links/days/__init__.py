"""Rows of devices by UTC day: a journal while a day is open, Parquet files once it is closed."""

from kilowatch.links.days.archive import Archive
from kilowatch.links.days.rows import Column, DayRows
from kilowatch.links.days.store import DayStore

__all__ = ["Archive", "Column", "DayRows", "DayStore"]
