"""The door in front of page and API: nobody gets past it without a token or a session.

A bearer token is for programs. A browser shows its token once, in the address or the sign-in form, and is given a
cookie that no other site can send (SameSite=Strict) and no script can read. What changes anything by cookie must
come from our own pages besides.
"""

from __future__ import annotations

import time
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

from kilowatch.web.access import SESSION_S, Visitor, let_in
from kilowatch.web.failures import Failures
from kilowatch.web.plain import answered, refused, sign_in_page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from kilowatch.web.access import Keys

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "kilowatch_session"
"""Its name where the address has no port; elsewhere _PORT follows."""
SIGN_IN = "/sign-in"
# Probes and `cli/wait.py` show no token; these two tell a version and a reason, nothing of the home.
_OPEN = frozenset({"/healthz", "/readyz"})
_FORM_BYTES = 2048
_PORT_DIGITS = 5
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Door:
    """ASGI middleware. clock: Unix time, s."""

    def __init__(self, app: Asgi, keys: Keys, clock: Callable[[], float] = time.time) -> None:
        self._app, self._keys, self._clock = app, keys, clock
        self._failures = Failures()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a caller in, or say why not."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in _OPEN:
            await self._app(scope, receive, send)
            return
        if scope["path"] == SIGN_IN and scope["type"] == "http":
            await self._sign_in(scope, receive, send)
            return
        visitor, wait_s = self._known(scope)
        if visitor is not None:
            let_in(scope, visitor)
            # Sent on without the token: an address stays in histories and is copied to others.
            if scope["type"] == "http" and "token" in parse_qs(_query(scope)):
                await self._remember(scope, send, visitor, _without_token(scope))
            else:
                await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _turned_away(scope, send, wait_s)

    def _known(self, scope: Scope) -> tuple[Visitor | None, float]:
        """Return who is asking, None where nobody knows, and how long, s, they have to wait with the next try."""
        signed_in = self._keys.by_session(_cookie(scope), self._clock())
        if signed_in is not None and _is_ours(scope):
            # Whoever opens the address of another person wants to be that person from then on.
            shown = _token_of_address(scope)
            other = None if shown is None else self._try(scope, shown)[0]
            # Not refused for a wrong token: those from the same address must not lock out who is signed in.
            return other or signed_in, 0.0
        token = _token(scope)
        return (None, 0.0) if token is None else self._try(scope, token)

    def _try(self, scope: Scope, token: str) -> tuple[Visitor | None, float]:
        caller = _caller(scope)
        wait_s = self._failures.wait_s(caller)
        # Who has to wait is refused with the right token too: otherwise one could go on guessing.
        visitor = None if wait_s else self._keys.by_token(token)
        if visitor is None and not wait_s:
            self._failures.note(caller)
        return visitor, wait_s

    async def _sign_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await sign_in_page(send)
            return
        form = parse_qs((await _body(receive)).decode(errors="replace"))
        visitor, wait_s = self._try(scope, form.get("token", [""])[0])
        if visitor is None:
            await sign_in_page(send, is_again=True, wait_s=wait_s)
        else:
            await self._remember(scope, send, visitor, "/")

    async def _remember(self, scope: Scope, send: Send, visitor: Visitor, where: str) -> None:
        # Over plain HTTP a browser would keep a Secure cookie and never send it back.
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        session = self._keys.session(visitor, self._clock())
        name = cookie_of(_header(scope, b"host"))
        cookie = f"{name}={session}; Path=/; Max-Age={SESSION_S}; HttpOnly; SameSite=Strict{secure}"
        await answered(send, 303, b"", {"location": where, "set-cookie": cookie, "cache-control": "no-store"})


async def _turned_away(scope: Scope, send: Send, wait_s: float) -> None:
    if wait_s:
        again = {"retry-after": str(round(wait_s) + 1)}
        await refused(send, 429, "Too many wrong tokens came from there.", "Wait a minute.", again)
    elif not scope["path"].startswith("/api/") and "text/html" in _header(scope, b"accept"):
        await answered(send, 303, b"", {"location": SIGN_IN, "cache-control": "no-store"})
    else:
        hint = "Send it as Authorization: Bearer TOKEN."
        await refused(send, 401, "A valid token is needed.", hint, {"www-authenticate": "Bearer"})


def _token(scope: Scope) -> str | None:
    kind, _, shown = _header(scope, b"authorization").partition(" ")
    if kind.lower() == "bearer":
        return shown.strip()
    return _token_of_address(scope)


def _token_of_address(scope: Scope) -> str | None:
    # GET alone: an address that somebody follows must not change anything.
    given = parse_qs(_query(scope)).get("token") if scope.get("method") == "GET" else None
    return given[0] if given else None


def _is_ours(scope: Scope) -> bool:
    """Whether a request with a cookie comes from one of our own pages, where that matters."""
    # A WebSocket opens by GET as well, but what is said on it afterwards acts: it has to be ours.
    if scope["type"] == "http" and scope["method"] in _SAFE:
        return True
    origin = _header(scope, b"origin")
    if origin:
        return urlsplit(origin).netloc == _header(scope, b"host")
    # Browsers that leave Origin out say this; a program says neither, and has its bearer token.
    return _header(scope, b"sec-fetch-site") in ("same-origin", "none")


def cookie_of(host: str) -> str:
    """Return the name of the cookie for a Host header."""
    port = host.rpartition(":")[2]
    # Cookies are shared by all ports of a host: a demo on another one must not sign anybody out here.
    return f"{COOKIE}_{port}" if port.isdecimal() and port.isascii() and len(port) <= _PORT_DIGITS else COOKIE


def _cookie(scope: Scope) -> str:
    try:
        found = SimpleCookie(_header(scope, b"cookie")).get(cookie_of(_header(scope, b"host")))
    # For the same reason: what another program set badly is no failure of ours.
    except CookieError:
        return ""
    return "" if found is None else found.value


def _without_token(scope: Scope) -> str:
    rest = [(name, value) for name, value in parse_qsl(_query(scope)) if name != "token"]
    # As it was written, for a name may hold a slash; quoted where a header cannot carry it, or a browser reads \ as /.
    raw = scope.get("raw_path")
    written = quote(scope["path"]) if raw is None else quote(raw, safe="/%")
    # Two slashes would name another host, and lead whoever signs in away from here.
    path = "/" + written.lstrip("/")
    return path + (f"?{urlencode(rest)}" if rest else "")


def _query(scope: Scope) -> str:
    return bytes(scope.get("query_string", b"")).decode(errors="replace")


def _header(scope: Scope, name: bytes) -> str:
    # Headers are bytes, and Latin-1 decodes any: a strange one is a wrong token, not an error.
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _caller(scope: Scope) -> str:
    client = scope.get("client")
    return "" if client is None else str(client[0])


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while len(body) <= _FORM_BYTES:
        part = await receive()
        body += part.get("body", b"")
        if not part.get("more_body", False):
            break
    return bytes(body[:_FORM_BYTES])
