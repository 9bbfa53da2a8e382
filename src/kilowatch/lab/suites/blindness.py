"""Why some anomalies stay unseen: what physics and data allow, said once for each type."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WHY: Mapping[str, str] = MappingProxyType(
    {
        "h1": "a constant share of the reading keeps the shape; only the level over hours tells, and a device whose"
        " level varies as much by itself hides it",
        "h2": "a device that is often off looks no different bypassed",
        "h3": "noise on a load that is noisy by itself",
        "h4": "readings around a share of the mean, within what the device does anyway",
        "h5": "the energy stays; only the missing movement tells",
        "h6": "the same watts in another order within hours: level, shape and energy stay, only the time of day is odd",
        "t7": "only the peaks are gone, and peaks are rare",
        "offset": "a standard deviation of a device that switches is as large as the load that it switches",
        "spike": "one reading; two of three must be odd before anybody is told",
        "stuck": "a value that does not move where it often does not",
        "noise": "noise under the device's own",
        "drift": "for most of its time it is small; only its end stands out",
        "dropout": "single zeros between true readings, where two of three in a row are needed",
        "stuck_on": "on at an hour when it often is",
        "phantom": "a tenth more than the mean is less than most devices vary",
    }
)
