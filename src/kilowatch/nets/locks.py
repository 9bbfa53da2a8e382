"""Locks on files, for folders and studies that several processes may work on; each ends with its process."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Hold a file while nobody else does; waits for whoever holds it."""
    number = _opened(file)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


class Together:
    """Holds a file as one of several. was_first: nobody else held it, and nobody else can until `share`."""

    def __init__(self, file: Path) -> None:
        self._number = _opened(file)
        try:
            fcntl.flock(self._number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.was_first = True
        except BlockingIOError:
            self.was_first = False
            self.share()

    def share(self) -> None:
        """Let others hold it too."""
        fcntl.flock(self._number, fcntl.LOCK_SH)

    def close(self) -> None:
        """Hold it no more."""
        os.close(self._number)


def _opened(file: Path) -> int:
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}.", "Choose another folder.") from error
