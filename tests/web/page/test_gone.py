"""Who leaves before the page is drawn leaves no trace in the log; everything else that goes wrong is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware

from kilowatch.web.page.gone import Gone

if TYPE_CHECKING:
    from starlette.middleware.base import RequestResponseEndpoint
    from starlette.requests import Request
    from starlette.responses import Response

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/",
    "raw_path": b"/",
    "root_path": "",
    "query_string": b"",
    "headers": [],
    "http_version": "1.1",
    "scheme": "http",
    "asgi": {"version": "3.0"},
}


class Passing(BaseHTTPMiddleware):
    """As NiceGUI's are."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)


async def silent(scope: Any, receive: Any, send: Any) -> None:
    """Draw nothing for who is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def broken(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await receive()
    raise RuntimeError("a fault of ours")


async def idle(scope: Any, receive: Any, send: Any) -> None:
    """Forget to answer somebody who waits."""


def visit(page: Any, *around: Middleware) -> list[Any]:
    """Let a browser ask for a page and go; return what was sent after it."""
    sent: list[Any] = []
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    app = Starlette(middleware=[*around, Middleware(Passing)])
    app.mount("/", page)
    asyncio.run(app(dict(SCOPE), receive, send))
    return sent


def test_who_is_gone_is_not_an_error() -> None:
    with pytest.raises(RuntimeError, match="No response"):
        visit(silent)
    assert visit(silent, Middleware(Gone)) == []


def test_a_fault_of_ours_is_told_also_where_nobody_waits() -> None:
    with pytest.raises(RuntimeError, match="a fault of ours"):
        visit(broken, Middleware(Gone))


def test_who_waits_and_is_not_answered_is_an_error() -> None:
    async def call() -> None:
        await Gone(Passing(idle))(dict(SCOPE), never, unused)

    with pytest.raises(RuntimeError, match="No response"):
        asyncio.run(call())


async def never() -> dict[str, Any]:
    await asyncio.sleep(0.05)
    return {"type": "http.request", "body": b"", "more_body": False}


async def unused(message: Any) -> None:
    raise AssertionError("nothing was to be sent")
