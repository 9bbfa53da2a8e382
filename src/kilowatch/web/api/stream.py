"""Readings and incidents as they come, as server-sent events.

`event: readings`, once a second where there are any: the devices that moved · `event: incident`: one event of one
incident · `event: reset`: too much has happened since the last id, look at everything anew. The id of each is where
to go on: a browser sends it back by itself as Last-Event-ID. Who was cut off may hear something twice, and misses none.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, HTTPException
from starlette.responses import StreamingResponse

from kilowatch.web.api.answers import WHY, reference
from kilowatch.web.api.here import AtHand, Here, Name
from kilowatch.web.plain import Refusal
from kilowatch.web.views import Changes, LiveDevice

router = APIRouter(tags=["stream"])
EVERY_S = 1.0
# Well under the minute after which proxies cut a connection that says nothing (nginx: 60 s).
_BEAT_S = 15.0
# Each looks once a second for as long as it is open.
_MOST_STREAMS = 200
_BOOT = secrets.token_hex(4)
"""Marks of another process mean nothing here."""
_encode = msgspec.json.Encoder().encode
_refused = {"application/json": {"schema": reference(Refusal)}}


class Open:
    """How many streams are open now."""

    count = 0


@router.get(
    "/stream",
    response_class=StreamingResponse,
    response_model=None,
    responses={
        200: {"description": "Server-sent events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **{status: {"description": WHY[status], "content": _refused} for status in (401, 403, 422, 429)},
    },
)
def stream(
    here: AtHand,
    site: Name = None,
    device: Name = None,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> StreamingResponse:
    """Readings and incidents as they come, of all devices or of one site or device."""
    if Open.count >= _MOST_STREAMS:
        raise HTTPException(429, f"{_MOST_STREAMS} streams are open already.")
    told = _told(here, _mark(last_event_id), site, device)
    # The header tells nginx not to gather events before it passes them on.
    return StreamingResponse(told, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _told(here: Here, mark: int, site: str | None, device: str | None) -> AsyncIterator[bytes]:
    # Here and not in `stream`: what nobody begins to read would never be counted down.
    Open.count += 1
    loop = asyncio.get_running_loop()
    beat_at = 0.0
    try:
        while not here.stop.is_set():
            changes = here.house.live.changes(mark)
            part = b"".join(_events(changes, mark, site, device))
            mark = changes.mark
            if not part and loop.time() >= beat_at:
                # An id without data: browsers keep it as the place to go on from, and show nothing.
                part = f"id: {_BOOT}-{mark}\n: still here\n\n".encode()
            if part:
                beat_at = loop.time() + _BEAT_S
                yield part
            await asyncio.sleep(EVERY_S)
    finally:
        Open.count -= 1


def _events(changes: Changes, since: int, site: str | None, device: str | None) -> list[bytes]:
    told: list[tuple[str, Any]] = [] if changes.is_whole else [("reset", {})]
    moved = [one for one in changes.devices if _is_wanted(one, site, device)]
    if moved:
        told.append(("readings", moved))
    told += [("incident", event) for event in changes.events if _is_wanted(event, site, device)]
    # The last one alone leads past this part: a connection may be cut between any two.
    marks = [since] * (len(told) - 1) + [changes.mark]
    return [_event(name, mark, what) for (name, what), mark in zip(told, marks, strict=False)]


def _is_wanted(one: LiveDevice | Any, site: str | None, device: str | None) -> bool:
    return site in (None, one.site) and device in (None, one.device)


def _event(name: str, mark: int, what: Any) -> bytes:
    return b"event: %b\nid: %b-%d\ndata: %b\n\n" % (name.encode(), _BOOT.encode(), mark, _encode(what))


def _mark(last: str | None) -> int:
    """Return where to go on: after what the caller has, from now on where it has nothing of this process."""
    if last is None:
        return -1
    # A mark of another process becomes one that is still to come, which `changes` answers with a reset.
    boot, _, mark = last.partition("-")
    return int(mark) if boot == _BOOT and mark.isdecimal() and len(mark) < 18 else 2**62
