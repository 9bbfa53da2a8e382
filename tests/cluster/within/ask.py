"""Asks the process of load.py in the same pod: `ask.py WORD ARGUMENT...` prints what it says, JSON."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request

URL = "http://127.0.0.1:9000"
LONG_S = 600.0


def main(words: list[str]) -> int:
    """Ask, wait while it is starting, and return 0 where it could do what was asked."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(URL, json.dumps(words).encode(), timeout=LONG_S) as answer:
                sys.stdout.write(answer.read().decode() + "\n")
                return 0
        except urllib.error.HTTPError as error:
            sys.stderr.write(error.read().decode() + "\n")
            return 1
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
