"""Answers without a framework, for those who are not let in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>kilowatch: sign in</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:24rem;margin:15vh auto;padding:0 1rem}}
input,button{{font:inherit;width:100%;box-sizing:border-box;padding:.6rem;margin-top:.5rem}}</style>
<main>
<h1>kilowatch</h1>
<p role="status">{words}</p>
<form method="post" action="/sign-in">
<label for="token">Your token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Sign in</button>
</form>
</main>
"""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """What every refusal says: what happened, and what to do next."""

    error: str
    hint: str


async def answered(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    """Send a whole answer."""
    told = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    told.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


async def refused(send: Send, status: int, error: str, hint: str, headers: Mapping[str, str] | None = None) -> None:
    """Send a refusal as JSON."""
    body = msgspec.json.encode(Refusal(error=error, hint=hint))
    await answered(send, status, body, {"content-type": "application/json", **(headers or {})})


async def sign_in_page(send: Send, *, is_again: bool = False, wait_s: float = 0.0) -> None:
    """Send the form that asks for a token; is_again: the one before was wrong."""
    words = "It was printed when kilowatch first started, and lies in its data folder as web-token."
    status, headers = 200, {"content-type": "text/html; charset=utf-8"}
    if wait_s:
        words, status = "Too many wrong tokens came from there. Wait a minute.", 429
        headers["retry-after"] = str(round(wait_s) + 1)
    elif is_again:
        # Not 401: that must offer one of HTTP's own logins, and this form is the way in.
        words, status = "That token is not known.", 403
    await answered(send, status, _PAGE.format(words=words).encode(), headers)
