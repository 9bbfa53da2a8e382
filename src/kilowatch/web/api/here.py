"""What every path of the API has at hand: the house, people's words, who asks, and what they sent."""

import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Depends, HTTPException, Path, Query, Request
from pydantic import AfterValidator

from kilowatch.errors import KilowatchError
from kilowatch.observability.health import Health
from kilowatch.web.access import NEEDS, Deed, Visitor, visitor
from kilowatch.web.guard import SLASH
from kilowatch.web.house import House
from kilowatch.web.ports import Words

_Wish = TypeVar("_Wish", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Here:
    """Of the process. exposition: metrics in Prometheus's text format. stop: set when streams are to end.

    health: None for a process that is ready as soon as it answers.
    """

    house: House
    words: Words
    exposition: Callable[[], bytes]
    health: Health | None = None
    stop: threading.Event = field(default_factory=threading.Event)


class NotAllowedError(KilowatchError):
    """The caller's role is not enough."""


def _here(request: Request) -> Here:
    return request.app.state.here


AtHand = Annotated[Here, Depends(_here)]
# PostgreSQL's texts hold no NUL: the database would fail over what is the caller's mistake.
_NO_NUL = "^[^\\x00]*$"
_whole = AfterValidator(lambda name: name.replace(SLASH, "/"))
Site = Annotated[str, Path(min_length=1, max_length=128, description="the home or meter; a slash in it as %2F"), _whole]
Device = Annotated[str, Path(min_length=1, max_length=128, description="the device; a slash in it as %2F"), _whole]
Incident = Annotated[str, Path(min_length=1, max_length=64, pattern=_NO_NUL, description="the incident's id")]
Name = Annotated[str | None, Query(min_length=1, max_length=128, pattern=_NO_NUL)]


def who_may(deed: Deed) -> Any:
    """Return the dependency that gives the caller, refused with 403 where their role is not enough."""

    def check(request: Request) -> Visitor:
        caller = visitor(request)
        require(caller, deed)
        return caller

    return Depends(check)


def require(caller: Visitor, deed: Deed) -> None:
    """Refuse whom their role does not allow it."""
    if not caller.may(deed):
        raise NotAllowedError(
            f"{caller.name} is {caller.role} and may not {deed}.", f"This asks for the role {NEEDS[deed]}."
        )


def sent(kind: type[_Wish]) -> Any:
    """Return the dependency that gives a request's body as a struct."""

    async def read(request: Request) -> _Wish:
        declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        # A form of another site can send text, but not this type without the browser asking us first.
        if declared != "application/json":
            raise HTTPException(415, f"The body is sent as {declared or 'nothing'}.")
        return msgspec.json.decode(await request.body(), type=kind)

    result: Callable[[Request], Awaitable[_Wish]] = read
    return Depends(result)


LOOKING = who_may(Deed.LOOK)
Looker = Annotated[Visitor, LOOKING]
