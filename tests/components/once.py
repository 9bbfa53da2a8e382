"""What is dear to make and always the same: made by one worker of a run and taken by the others."""

from __future__ import annotations

import fcntl
import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = "TEST_RUN_FOLDER"
"""Names the folder of this run, which `conftest.py` makes and removes: what another run made is never taken."""
Made = TypeVar("Made")


def run_folder() -> Path:
    """Return where the workers of this run put what they share."""
    return Path(os.environ[FOLDER])


def once_a_run(name: str, make: Callable[[], Made]) -> Made:
    """Make what the name stands for unless a worker of this run has; the others wait for it."""
    with (run_folder() / name).open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if data := file.read():
            found: Made = pickle.loads(data)  # noqa: S301 - written by this run
            return found
        made = make()
        file.write(pickle.dumps(made))
    return made
