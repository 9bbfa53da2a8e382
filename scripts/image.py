#!/usr/bin/env python3
"""Builds and measures container images: `image.py build|measure|list kilowatch train kafka postgres ...`."""

from __future__ import annotations

import sys

from images.command import main

if __name__ == "__main__":
    sys.exit(main())
