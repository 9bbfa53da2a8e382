"""Closes a day of an edge's history in a process of its own: with Arrow the edge itself would grow by 100 MB for good.

1. The day's journal is whole; its owner waits.
2. The other process reads it, and writes beside the day's files what they become. It changes nothing that is there.
3. The owner puts them in their places. Where the other process failed the owner closes the day itself.
A mark in the names keeps an owner from taking up what the other process of a dead owner is still writing.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kilowatch.core.history import Retention
from kilowatch.links.days import DayRows
from kilowatch.links.history.edge import SINGLE, archives_of
from kilowatch.links.journal import read_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.links.days import Archive

_PATIENCE_S = 300.0
_log = logging.getLogger("kilowatch.history")


def close_apart(folder: Path, day: str, generation: int, retention: Retention, archives: Sequence[Archive]) -> bool:
    """Close a day; False, and nothing is changed, where the other process failed."""
    mark = f"{day}.{os.getpid()}"
    words = [str(folder.absolute()), day, str(generation), str(retention.lead_s), mark]
    command = [sys.executable, "-m", "kilowatch.links.history.closing", *words]
    try:
        subprocess.run(  # noqa: S603 - our own command
            command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_PATIENCE_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().rpartition("\n")[2]
        _log.warning("Day %s could not be closed by a process of its own, and is closed here: %s", day, said)
        return False
    for archive in archives:
        # A crash between two levels leaves the journal, whose number tells which of them has it already.
        archive.adopt(day, mark)
    return True


def main(folder: str, day: str, generation: str, lead_s: str, mark: str) -> None:
    """Prepare the files of a closed day."""
    blocks = read_blocks(Path(folder) / f"{day}.{generation}.journal")
    rows = DayRows.join([DayRows.none(SINGLE), *(DayRows.unpacked(block, SINGLE) for block in blocks)])
    for archive in archives_of(Path(folder), Retention(lead_s=int(lead_s))):
        archive.prepare(day, int(generation), rows, mark)


if __name__ == "__main__":
    main(*sys.argv[1:])
