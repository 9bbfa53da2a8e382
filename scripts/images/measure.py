"""How large an image is to those who pull it, and how long its services take until they are ready."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from images.podman import ImageError, podman, program, run_words

_READY_S = 120.0


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of an image: as it is pulled, and as it lies on a disk."""

    compressed: int
    unpacked: int


def size(image: str) -> Size:
    """Return what a registry would hand out: the image's layers, each compressed by gzip."""
    unpacked = int(podman("image", "inspect", "--format={{.Size}}", image))
    with tempfile.TemporaryDirectory() as folder:
        podman("push", "--quiet", image, f"oci:{folder}:it")
        blobs = Path(folder) / "blobs" / "sha256"
        index = json.loads((Path(folder) / "index.json").read_text())
        manifest = json.loads((blobs / index["manifests"][0]["digest"].removeprefix("sha256:")).read_text())
        return Size(sum(layer["size"] for layer in manifest["layers"]), unpacked)


def first_word_s(image: str) -> float:
    """Return how long it takes from nothing to the answer of `--version`, s: the container and Python's start."""
    began = time.monotonic()
    podman(*run_words(image, ["--version"], ["--rm"]))
    return time.monotonic() - began


def ready_s(image: str, port: int, token: str = "0" * 32) -> float:
    """Return how long `kilowatch run` takes until it serves /readyz, s; `ImageError` where it never does."""
    name = f"kilowatch-measure-{port}"
    settings = {
        "METRICS__PORT": str(port),
        "METRICS__BIND": "127.0.0.1",
        "SOURCES__PUSH__ENABLED": "true",
        "SOURCES__PUSH__PORT": "0",
        "SOURCES__PUSH__TOKEN": token,
    }
    options = ["--detach", "--rm", "--network=host", f"--name={name}", "--env=HEALTH_PATH=/readyz"]
    options += [f"--env=KILOWATCH_{key}={value}" for key, value in settings.items()]
    began = time.monotonic()
    podman(*run_words(image, ["run"], options))
    try:
        while not _is_healthy(name):
            if time.monotonic() - began > _READY_S:
                raise ImageError(f"It is not ready after {_READY_S:.0f} s: {podman('logs', name)}")
            time.sleep(0.1)
        return time.monotonic() - began
    finally:
        podman("stop", "--time=30", name)


def _is_healthy(name: str) -> bool:
    return subprocess.run([*program(), "exec", name, "healthy"], capture_output=True, check=False).returncode == 0
