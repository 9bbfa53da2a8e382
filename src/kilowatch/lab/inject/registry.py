"""All kinds of injection by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from kilowatch.lab.inject.appliance import APPLIANCE
from kilowatch.lab.inject.sensor import SENSOR
from kilowatch.lab.inject.shapes import SHAPES
from kilowatch.lab.inject.telemetry import TELEMETRY
from kilowatch.lab.inject.theft import THEFT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kilowatch.lab.inject.injector import Injector
    from kilowatch.lab.inject.spec import Injection

INJECTIONS: Mapping[Injection, Injector] = MappingProxyType(
    {one.kind: one for one in (*THEFT, *TELEMETRY, *SENSOR, *APPLIANCE, *SHAPES)}
)
