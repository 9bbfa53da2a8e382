"""Times as devices tell them: seconds, milliseconds, ISO 8601, and the local time of a wall clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kilowatch.core.reading import EARLIEST_MS
from kilowatch.links.decode.report import UndecodableError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_LATEST_MS = 253_402_300_799_999
_MS_FROM = 10_000_000_000
"""Above it a number of seconds would lie after the year 2286, so that it means ms."""


def unix_seconds(value: Any) -> int | None:
    """Return a device's seconds since 1970 as ms; None where its clock was never set."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _believed(float(value) * 1000)


def any_time(value: Any, zone: ZoneInfo, received_ms: int) -> int:
    """Return ms UTC of ISO 8601 (local to the zone where it names none) or of a number of seconds or ms."""
    if isinstance(value, str):
        ts_ms = local_time(value, zone, received_ms)
    else:
        ts_ms = unix_seconds(value / 1000 if _is_ms(value) else value)
    if ts_ms is None:
        raise UndecodableError("the time makes no sense")
    return ts_ms


def local_time(value: Any, zone: ZoneInfo, received_ms: int) -> int | None:
    """Return ms UTC of ISO 8601; None where the clock was never set.

    Without an offset it is the zone's wall clock. An hour that comes twice, on the night when clocks go back, is
    taken as the one nearer to received_ms.
    """
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is not None:
            return _believed(at.timestamp() * 1000)
        # Folds differ only where clocks change, so the choice below changes no other time.
        both = [at.replace(tzinfo=zone, fold=fold).astimezone(UTC).timestamp() * 1000 for fold in (0, 1)]
    except (ValueError, OverflowError) as error:
        raise UndecodableError("the time is not ISO 8601") from error
    return _believed(min(both, key=lambda ts_ms: abs(ts_ms - received_ms)))


def with_offset(value: Any) -> int | None:
    """Return ms UTC of ISO 8601 that names its offset, None for anything else."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if at is None or at.tzinfo is None else _believed(at.timestamp() * 1000)


def _is_ms(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= _MS_FROM


def _believed(ts_ms: float) -> int | None:
    # A clock that was never set counts from 1970: no time at all is better than a reading of then.
    return round(ts_ms) if EARLIEST_MS <= ts_ms <= _LATEST_MS else None
