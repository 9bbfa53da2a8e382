#!/usr/bin/env python3
"""Starts, stops and shows real components: `components.py up|down|status kafka mosquitto postgres ...`."""

from __future__ import annotations

import sys

from supervisor.command import main

if __name__ == "__main__":
    sys.exit(main())
