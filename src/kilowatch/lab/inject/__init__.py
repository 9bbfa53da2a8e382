"""Injections: known anomalies of named kinds put into real series, to measure what a detector would notice.

They test sensitivity. Rates of false alarms come from real series without injections only.
"""

from kilowatch.lab.inject.apply import Injected, inject, inject_many
from kilowatch.lab.inject.injector import Injector
from kilowatch.lab.inject.labels import LabelFile, SeriesMark, read_labels, write_labels
from kilowatch.lab.inject.place import place
from kilowatch.lab.inject.registry import INJECTIONS
from kilowatch.lab.inject.spec import Family, Injection, InjectionSpec, Visibility
from kilowatch.lab.inject.trace import Trace

__all__ = [
    "INJECTIONS",
    "Family",
    "Injected",
    "Injection",
    "InjectionSpec",
    "Injector",
    "LabelFile",
    "SeriesMark",
    "Trace",
    "Visibility",
    "inject",
    "inject_many",
    "place",
    "read_labels",
    "write_labels",
]
