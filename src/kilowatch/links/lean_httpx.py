"""httpx without its command line, which brings rich and pygments: 8 MB of memory that nothing here asks for.

httpx itself does without where those are not installed; whoever imported all of it before has it still.
"""

from __future__ import annotations

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx  # noqa: E402 - after what it must not find

__all__ = ["httpx"]
