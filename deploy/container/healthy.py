#!/opt/kilowatch/bin/python
"""The image's health check: a process that serves metrics answers at /healthz, on the port that it was given."""

import os
import sys
import urllib.request

port = os.environ.get("KILOWATCH_METRICS__PORT", "9469")
path = os.environ.get("HEALTH_PATH", "/healthz")
try:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=4) as answer:
        sys.exit(answer.status != 200)
except OSError as error:
    sys.exit(str(error))
