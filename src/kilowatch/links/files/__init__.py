"""Meter history from files: CSV and Parquet of any layout, COMBED, tracebase and the UCI household file."""

from kilowatch.links.files.describe import Description, describe
from kilowatch.links.files.findings import Finding, Rule, find_faults
from kilowatch.links.files.source import (
    BATCH_ROWS,
    ColumnNames,
    FileFailure,
    FileSource,
    Format,
    OpenResult,
    PowerUnit,
    ReadOptions,
    RowProblem,
)
from kilowatch.links.files.walk import open_sources

__all__ = [
    "BATCH_ROWS",
    "ColumnNames",
    "Description",
    "FileFailure",
    "FileSource",
    "Finding",
    "Format",
    "OpenResult",
    "PowerUnit",
    "ReadOptions",
    "RowProblem",
    "Rule",
    "describe",
    "find_faults",
    "open_sources",
]
