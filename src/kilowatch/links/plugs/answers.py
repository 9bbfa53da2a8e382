"""What all makes' answers have in common: they are understood, or refused as garbage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kilowatch.core.plug import PlugFailedError, PlugTrouble
from kilowatch.core.ports import PlugReading
from kilowatch.links.decode.report import Report, UndecodableError, switched

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.links.plugs.http import PlugHttp


def object_of(http: PlugHttp, said: Any) -> dict[str, Any]:
    """Return an answer that is an object; `PlugFailedError` where it is none."""
    if not isinstance(said, dict):
        raise nonsense(http, "it is no object")
    return said


def switch_of(http: PlugHttp, word: Any) -> bool:
    """Return whether it is on; `PlugFailedError` where the answer does not tell."""
    try:
        on = switched(word)
    except UndecodableError as error:
        raise nonsense(http, str(error)) from error
    if on is None:
        raise nonsense(http, "it does not tell its switch")
    return on


def understood(http: PlugHttp, decode: Callable[[], Report]) -> PlugReading:
    """Return what an answer says; `PlugFailedError` where it makes no sense or does not tell the switch."""
    try:
        report = decode()
    except UndecodableError as error:
        raise nonsense(http, str(error)) from error
    return PlugReading(
        on=switch_of(http, report.on),
        power_w=report.power_w,
        energy_wh=report.energy_wh,
        voltage_v=report.voltage_v,
        current_a=report.current_a,
    )


def nonsense(http: PlugHttp, why: str) -> PlugFailedError:
    """Return the error for an answer that is no plug's."""
    return PlugFailedError(
        PlugTrouble.GARBAGE,
        f"{http.base} gave an answer that makes no sense: {why}.",
        "Check address and make.",
        answer=http.heard,
    )
