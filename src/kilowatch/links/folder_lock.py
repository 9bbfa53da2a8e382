"""One process at a time owns a folder of state."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from kilowatch.errors import ComponentError, ConfigError

if TYPE_CHECKING:
    from pathlib import Path


class FolderLock:
    """Holds a folder until closed or until the process ends, however it ends.

    `ComponentError` where another process holds it, `ConfigError` where the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Not inherited: a process that we start would hold the folder after our own end.
            self._file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise ConfigError(f"{folder} cannot be written to: {error.strerror}.", "Choose another folder.") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._file)
            raise ComponentError(f"{folder} is in use by another kilowatch.", "Stop that one first.") from error

    def close(self) -> None:
        """Let the next one have the folder."""
        # The file stays: were it removed, one could lock it and another lock a new one of the same name.
        os.close(self._file)
