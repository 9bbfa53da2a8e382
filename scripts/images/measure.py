"""How large an image is to those who pull it, and how long its services take until they are ready."""

from __future__ import annotations

import json
import subprocess
import tarfile
import tempfile
import time
import zlib
from dataclasses import dataclass
from typing import IO

from images.podman import ImageError, podman, program, run_words

_READY_S = 120.0


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of an image: as it is pulled, and as it lies on a disk."""

    compressed: int
    unpacked: int


def size(image: str) -> Size:
    """Return what a registry would hand out: the image's layers, each compressed by gzip's own level 6.

    Not what `podman push` makes of them, which was 5 % more where both were measured.
    """
    unpacked = int(podman("image", "inspect", "--format={{.Size}}", image))
    with tempfile.TemporaryDirectory() as folder:
        podman("save", "--quiet", f"--output={folder}/image.tar", image)
        with tarfile.open(f"{folder}/image.tar") as archive:
            layers = json.load(_opened(archive, "manifest.json"))[0]["Layers"]
            return Size(sum(_compressed(_opened(archive, layer)) for layer in layers), unpacked)


def _opened(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    if found is None:
        raise ImageError(f"{name} of the image is no file.")
    return found


def _compressed(layer: IO[bytes]) -> int:
    gzip, size = zlib.compressobj(6, wbits=zlib.MAX_WBITS | 16), 0
    while block := layer.read(1 << 20):
        size += len(gzip.compress(block))
    return size + len(gzip.flush())


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
