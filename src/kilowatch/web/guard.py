"""What holds for every answer and every request: headers that keep browsers strict, and bodies of a sane size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from kilowatch.web.plain import refused

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from kilowatch.web.door import Asgi, Receive, Scope, Send

SLASH = "\0"
"""Stands for a slash within a name, from here to where the name is read."""
MOST_BYTES = 65_536
"""Of a request's body under /api/."""
_PAGE_BYTES = 1_048_576

_API_CSP = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
# NiceGUI compiles its templates in the browser and writes styles into elements: it needs both 'unsafe' words.
_PAGE_CSP = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


class Guard:
    """ASGI middleware; the outermost."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body measured, and its answer back with headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_api = _is_api(scope)
        _keep_slashes(scope)
        most = MOST_BYTES if is_api else _PAGE_BYTES
        told = _Told(send, is_api=is_api)
        # What announces too much is refused unread; what announces nothing, or lies, is measured as it comes.
        if _announced(scope) > most:
            await _too_large(told, most)
            return
        measured = _Measured(receive, most)
        try:
            await self._app(scope, measured, told)
        except _TooLargeError:
            # An answer that has begun cannot become a refusal any more.
            if not told.has_begun:
                await _too_large(told, most)


class _TooLargeError(Exception):
    """The body grew past the limit while it was read."""


class _Measured:
    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._left = receive, most

    async def __call__(self) -> MutableMapping[str, Any]:
        part = await self._receive()
        self._left -= len(part.get("body", b""))
        if self._left < 0:
            raise _TooLargeError
        return part


class _Told:
    def __init__(self, send: Send, *, is_api: bool) -> None:
        self._send, self._is_api, self.has_begun = send, is_api, False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            message["headers"] = _strict(list(message.get("headers", ())), is_api=self._is_api)
        await self._send(message)


def _strict(headers: list[tuple[bytes, bytes]], *, is_api: bool) -> list[tuple[bytes, bytes]]:
    known = {bytes(name).lower() for name, _ in headers}
    csp = (b"content-security-policy", (_API_CSP if is_api else _PAGE_CSP).encode())
    kept = [(b"cache-control", b"no-store")] if is_api else []
    return headers + [one for one in (*_ALWAYS, csp, *kept) if one[0] not in known]


async def _too_large(send: Send, most: int) -> None:
    # The rest of the body stays unread, so nothing else can follow on this connection.
    await refused(send, 413, f"A body may have {most} bytes.", "Send less at a time.", {"connection": "close"})


def _is_api(scope: Scope) -> bool:
    return str(scope["path"]).startswith(("/api/", "/healthz", "/readyz", "/metrics"))


def _announced(scope: Scope) -> int:
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(length) if length.isdigit() else 0


def _keep_slashes(scope: Scope) -> None:
    """Let a name with a slash be one part of the path: servers decode %2F before anybody can tell it from /."""
    raw = bytes(scope.get("raw_path") or b"")
    if not _is_api(scope) or b"%2f" not in raw.lower():
        return
    parts = raw.decode("latin-1").split("?")[0].split("/")
    scope["path"] = "/".join(unquote(part).replace("/", SLASH) for part in parts)
