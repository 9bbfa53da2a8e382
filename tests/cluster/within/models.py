"""Hands out the models of a folder by their hashes, as a team's own file server would."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

FOLDER, PORT = "/data/models/models", 8000

if __name__ == "__main__":
    answer = partial(SimpleHTTPRequestHandler, directory=FOLDER)
    ThreadingHTTPServer(("0.0.0.0", PORT), answer).serve_forever()  # noqa: S104 - a pod of a test
