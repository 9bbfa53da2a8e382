"""Browsers that are gone before their page is drawn: no fault of anybody, and nothing for the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from kilowatch.web.door import Asgi, Receive, Scope, Send

_UNANSWERED = "No response returned."
"""What Starlette's middleware says where the application behind it saw nobody to answer."""


class Gone:
    """ASGI middleware around those of NiceGUI."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; that nothing came back is no error where nobody waits for it any more."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        line = _Line(receive)
        try:
            await self._app(scope, line, send)
        except RuntimeError as error:
            # Starlette raises a plain RuntimeError: its words are all that tells it from another.
            if not line.is_dead or str(error) != _UNANSWERED:
                raise


class _Line:
    def __init__(self, receive: Receive) -> None:
        self._receive, self.is_dead = receive, False

    async def __call__(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self.is_dead = self.is_dead or message["type"] == "http.disconnect"
        return message
