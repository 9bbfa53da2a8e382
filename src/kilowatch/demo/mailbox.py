"""How another terminal reaches a demo that runs: wishes are files in a folder of its own, answered beside them.

A file is enough for one wish in a minute, and asks for no port, no token and no server.
"""

from __future__ import annotations

import os
import time
import uuid
from typing import TYPE_CHECKING

import msgspec

from kilowatch.demo.learnt import cache_folder
from kilowatch.errors import ComponentError, ConfigError
from kilowatch.links.journal import replacing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ANSWER_S = 5.0
_LOOK_S = 0.05


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that somebody wants to see."""

    device: str
    fault: str


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a wish: what began, or why it did not."""

    said: str = ""
    refused: str = ""
    hint: str = ""


class Mailbox:
    """The wishes of one user's demo. `open` and `close` are the demo's, `ask` is everybody's."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = (folder or cache_folder()) / "demo" / "live"
        self._owner = self._folder / "pid"

    def open(self) -> bool:
        """Begin to take wishes; False where another demo takes them already, or none can be left."""
        if self._is_alive():
            return False
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Wishes that were left to a demo before are not for this one.
            self._sweep()
            self._owner.write_text(str(os.getpid()), encoding="ascii")
        except OSError:
            return False
        return True

    def answer(self, grant: Callable[[Wish], str]) -> None:
        """Grant what was wished since the last look. grant: returns what began, or raises `ConfigError`."""
        for path in sorted(self._folder.glob("*.wish")):
            try:
                reply = Reply(said=grant(msgspec.json.decode(path.read_bytes(), type=Wish)))
            except ConfigError as error:
                reply = Reply(refused=str(error), hint=error.hint)
            except (OSError, msgspec.DecodeError, UnicodeDecodeError):
                reply = Reply(refused="That wish cannot be read.")
            path.unlink(missing_ok=True)
            with replacing(path.with_suffix(".reply")) as fresh:
                fresh.write_bytes(msgspec.json.encode(reply))

    def ask(self, wish: Wish) -> str:
        """Wish for a fault and return what began.

        `ComponentError` where no demo runs, `ConfigError` where it cannot have that fault.
        """
        if not self._is_alive():
            raise ComponentError("No demo is running.", "Start one in another terminal: kilowatch demo")
        path = self._folder / f"{uuid.uuid4().hex}.wish"
        # In one move: the demo looks at any moment, and must not read half a wish.
        with replacing(path) as fresh:
            fresh.write_bytes(msgspec.json.encode(wish))
        reply = self._awaited(path)
        if reply.refused:
            raise ConfigError(reply.refused, reply.hint)
        return reply.said

    def close(self) -> None:
        """Take no more wishes."""
        self._sweep()

    def _awaited(self, path: Path) -> Reply:
        answer, end_s = path.with_suffix(".reply"), time.monotonic() + _ANSWER_S
        while time.monotonic() < end_s:
            if answer.exists():
                reply = msgspec.json.decode(answer.read_bytes(), type=Reply)
                answer.unlink(missing_ok=True)
                return reply
            time.sleep(_LOOK_S)
        path.unlink(missing_ok=True)
        raise ComponentError("The demo does not answer.", "Has it just ended? Start it again: kilowatch demo")

    def _is_alive(self) -> bool:
        try:
            # Signal 0 reaches nobody: it asks whether the process is there.
            os.kill(int(self._owner.read_text(encoding="ascii")), 0)
        except (OSError, ValueError):
            return False
        return True

    def _sweep(self) -> None:
        for path in self._folder.iterdir():
            path.unlink(missing_ok=True)
