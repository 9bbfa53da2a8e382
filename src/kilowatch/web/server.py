"""The server of page and API: listens on a thread of its own for as long as a block runs."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kilowatch.errors import ComponentError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import uvicorn

    from kilowatch.web.api.here import Here

_STARTS_WITHIN_S = 30.0
_GRACE_S = 3
# More than all streams together (web/api/stream.py), so that requests find room beside them.
_MOST_CONNECTIONS = 512


@contextmanager
def served(app: Any, here: Here, bind: str, port: int) -> Iterator[int]:
    """Serve an ASGI application, and give the port, chosen freely for port 0.

    `ComponentError` where the address cannot be had, `MissingExtraError` where the web extra is not installed.
    """
    try:
        import uvicorn
    except ImportError as error:
        raise MissingExtraError("uvicorn", "web") from error
    config = _settings(app)
    # The token may stand in an address, and libraries that log addresses would write it down.
    logging.getLogger("uvicorn.access").disabled = True
    server, listening = uvicorn.Server(config), _listening(bind, port)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="web", daemon=True)
    thread.start()
    try:
        _wait(server, thread)
        yield int(listening.getsockname()[1])
    finally:
        # First: a stream ends only by this, and the server would wait for it until _GRACE_S is over.
        here.stop.set()
        server.should_exit = True
        thread.join()


def _settings(app: Any) -> uvicorn.Config:
    import uvicorn

    return uvicorn.Config(
        app,
        # auto would take a start that fails for an application without one, and serve on.
        lifespan="on",
        # Wrong tokens are counted by address: one that a header claims could be another each time.
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_S,
        h11_max_incomplete_event_size=16_384,
    )


def _wait(server: Any, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    # uvicorn tells that it has started by this attribute alone.
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise ComponentError("The page did not start.", "The log says why; --no-web goes without it.")
        time.sleep(0.01)


def _listening(bind: str, port: int) -> socket.socket:
    """Bind here, so that a port which is taken is an error of ours and not the end of the process."""
    try:
        return socket.create_server((bind, port), family=socket.AF_INET6 if ":" in bind else socket.AF_INET)
    except OSError as error:
        raise ComponentError(
            f"The page cannot be served on {bind}:{port}: {error.strerror or error}.",
            "Choose another web.port or web.bind, or go without: --no-web.",
        ) from error
