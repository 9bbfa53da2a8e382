"""`kilowatch run` that is killed at a step of an action: python doomed_run.py CONFIG [DEVICE/VERSION before|after]."""

from __future__ import annotations

import sys

from app.actor.doomed_service import dying
from kilowatch.cli.main import app


def main() -> None:
    config, *doom = sys.argv[1:]
    if doom:
        dying(*doom)
    app(["run", "--config", config])


if __name__ == "__main__":
    main()
