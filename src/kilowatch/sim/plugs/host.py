"""Hosts many simulated plugs in one thread, each on a port of its own on loopback."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from kilowatch.errors import ComponentError
from kilowatch.sim.plugs.http import HEAD_BYTES, serve_connection
from kilowatch.sim.plugs.outlet import PlugFault
from kilowatch.sim.plugs.websocket import serve_websocket

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from kilowatch.sim.plugs.http import Answer, Request
    from kilowatch.sim.plugs.plug import SimPlug

_T = TypeVar("_T")
_START_S = 10.0


class PlugHost:
    """Runs the servers of some plugs between start and stop; also a context manager.

    All plugs and their home live in its one thread; whoever else wants something of them asks through `call`.
    """

    def __init__(self, plugs: Sequence[SimPlug]) -> None:
        self.plugs = list(plugs)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="plugs", daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self._started = threading.Event()
        self._failed: OSError | None = None

    def start(self) -> PlugHost:
        """Listen; every plug knows its port afterwards. `ComponentError` where there is no port to be had."""
        self._thread.start()
        if not self._started.wait(_START_S) or self._failed is not None:
            raise ComponentError(f"The simulated plugs cannot listen: {self._failed}.", "Are there free ports?")
        return self

    def stop(self) -> None:
        """Close every connection and end the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def __enter__(self) -> PlugHost:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def call(self, ask: Callable[[], _T]) -> _T:
        """Run something in the plugs' own thread and return what it returns."""

        async def asked() -> _T:
            return ask()

        return asyncio.run_coroutine_threadsafe(asked(), self._loop).result(_START_S)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something run in the plugs' own thread beside them, until it ends or the host stops."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            servers = [self._loop.run_until_complete(self._listen(plug)) for plug in self.plugs]
        except OSError as error:
            self._failed = error
            self._started.set()
            return
        self._started.set()
        self._loop.run_forever()
        self._close(servers)

    async def _listen(self, plug: SimPlug) -> asyncio.Server:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writers.add(writer)
            try:
                await _talk(plug, reader, writer)
            # A client that goes and our own end: neither is a fault of the plug.
            except (ConnectionError, asyncio.CancelledError):
                pass
            finally:
                self._writers.discard(writer)
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", plug.port, limit=HEAD_BYTES)
        plug.port = server.sockets[0].getsockname()[1]
        return server

    def _close(self, servers: list[asyncio.Server]) -> None:
        for server in servers:
            server.close()
        for writer in list(self._writers):
            # Aborted and not closed: a plug that is mute or slow would hold up the end.
            writer.transport.abort()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


async def _talk(plug: SimPlug, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async def serve(request: Request) -> Answer | None:
        return await _served(plug, request)

    upgrade = await serve_connection(reader, writer, serve)
    if upgrade is not None:
        await serve_websocket(plug, upgrade, reader, writer)


async def _served(plug: SimPlug, request: Request) -> Answer | None:
    if plug.outlet.fault is PlugFault.DEAD:
        return None
    if plug.outlet.fault is PlugFault.SLOW:
        await asyncio.sleep(plug.outlet.slow_s)
    if plug.outlet.fault is PlugFault.MUTE:
        await asyncio.Event().wait()
    return plug.answer(request)
