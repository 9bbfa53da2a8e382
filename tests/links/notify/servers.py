"""Real servers of a test's own: one for mail, one for HTTP, each keeping what it was given."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import msgspec
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from supervisor.places import free_port

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from email.message import EmailMessage


@dataclass(slots=True)
class Posted:
    """One request as the server saw it."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass(slots=True)
class Web:
    """An HTTP server; statuses: what it answers, the last one for ever."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [200])
    posted: list[Posted] = field(default_factory=list)


@contextmanager
def web() -> Iterator[Web]:
    """Give a server that takes posts."""
    kept = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            kept.posted.append(Posted(self.path, headers, msgspec.json.decode(body)))
            self.send_response(kept.statuses.pop(0) if len(kept.statuses) > 1 else kept.statuses[0])
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass(slots=True)
class Mail:
    """A mail server. reply: what it says to a message."""

    port: int
    reply: str = "250 taken"
    messages: list[EmailMessage] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - its name there
        """Keep a message."""
        if self.reply.startswith("250"):
            self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
            self.to.append(list(envelope.rcpt_tos))
        return self.reply


@contextmanager
def mail(tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None) -> Iterator[Mail]:
    """Give a mail server on loopback; with a context it wants STARTTLS, with a login it wants that too."""

    def known(_server: Any, _session: Any, _envelope: Any, _mechanism: str, said: Any) -> AuthResult:
        given = isinstance(said, LoginPassword) and (said.login.decode(), said.password.decode())
        return AuthResult(success=given == login)

    kept = Mail(free_port())
    controller = Controller(
        kept,
        hostname="127.0.0.1",
        port=kept.port,
        tls_context=tls,
        require_starttls=tls is not None,
        authenticator=known if login else None,
        auth_required=login is not None,
        auth_require_tls=tls is not None,
    )
    controller.start()
    yield kept
    controller.stop()
