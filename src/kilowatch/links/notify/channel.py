"""The promise that every way to reach people keeps, and what those over HTTP have in common."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Protocol

import msgspec

from kilowatch.errors import ComponentError, ConfigError
from kilowatch.links.lean_httpx import httpx

if TYPE_CHECKING:
    from kilowatch.core.notices import Notice

TIMEOUT_S = 15.0


class Channel(Protocol):
    """One way to reach people. Not for several threads."""

    def send(self, notice: Notice) -> None:
        """Deliver a notice and return once it was taken; `ComponentError` where it was not."""

    def close(self) -> None:
        """Let connections go."""


def post(url: str, body: object, headers: dict[str, str], ca_file: str | None) -> None:
    """Send JSON to an HTTP server and follow nobody elsewhere; `ComponentError` where it does not take it."""
    content = msgspec.json.encode(body)
    headers = {"Content-Type": "application/json", "User-Agent": "kilowatch", **headers}
    try:
        # No proxy of the environment: a token must go to the address in the settings and nowhere else.
        with httpx.Client(timeout=TIMEOUT_S, verify=trusting(ca_file), trust_env=False) as client:
            answer = client.post(url, content=content, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
        raise ComponentError(f"{_shown(url)} cannot be reached: {error}.", "Is it running, at that address?") from error
    if not answer.is_success:
        raise ComponentError(
            f"{_shown(url)} answered with HTTP {answer.status_code}.", "Check the address and the token."
        )


def trusting(ca_file: str | None) -> ssl.SSLContext:
    """Return what verifies servers; `ConfigError` for a file without certificates."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{ca_file} holds no certificates: {error}.", "Give a PEM file.") from error


def bearer(token: str | None) -> dict[str, str]:
    """Return the header that shows a token."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def _shown(url: str) -> str:
    """Return an address without what may be secret in it: webhooks carry tokens in their paths."""
    parts = httpx.URL(url)
    return f"{parts.scheme}://{parts.host}" + (f":{parts.port}" if parts.port else "")
