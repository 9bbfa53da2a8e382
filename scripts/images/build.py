"""What each image is made of."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor.jars import KAFKA_4, class_path

from images.architecture import Architecture, options, own, runnable
from images.base import CONTAINER, DEBIAN, PYTHON, base
from images.podman import ImageError, podman

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ROOT = CONTAINER.parents[1]
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_MOST_S = 3600.0
"""A build through qemu takes ten times as long as one without."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that can be built: its file, its base, what stands in its context, and more contexts by name."""

    name: str
    file: Path
    base: str
    context: Path
    arguments: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, Callable[[], str]] = field(default_factory=dict)

    def tagged(self, tag: str) -> str:
        """Return its full name."""
        return f"localhost/{self.name}:{tag}"


def _jars() -> str:
    return class_path(KAFKA_4).removesuffix("/*")


def _stand_in(name: str, contexts: Mapping[str, Callable[[], str]] | None = None) -> Image:
    folder = CONTAINER / "standins" / name
    return Image(f"kilowatch-{name}", folder / "Containerfile", DEBIAN, folder, contexts=contexts or {})


_FILE = CONTAINER / "Containerfile"
IMAGES = {
    "kilowatch": Image("kilowatch", _FILE, PYTHON, _ROOT),
    "train": Image("kilowatch-train", _FILE, PYTHON, _ROOT, {"EXTRAS": "train"}),
    "kafka": _stand_in("kafka", {"jars": _jars}),
    "postgres": _stand_in("postgres"),
    "prometheus": _stand_in("prometheus"),
    "alertmanager": _stand_in("alertmanager"),
}


def build(
    image: Image, tag: str, *, registry: bool = False, on: str = "", architecture: Architecture | None = None
) -> str:
    """Build an image and return its full name; `on` is another base than the image's own."""
    wanted = architecture or own()
    with runnable(wanted):
        name = wanted.tagged(image.tagged(tag))
        below = on or base(image.base, registry=registry, architecture=wanted)
        words = [f"--tag={name}", *options(wanted), *_words(image, below)]
        try:
            podman("build", *words, str(image.context), timeout_s=_MOST_S)
        except ImageError as error:
            # Packages come over the network; steps that were done are not done again.
            print(f"{name} once more, after: {error}", file=sys.stderr)
            podman("build", *words, str(image.context), timeout_s=_MOST_S)
    return name


def _words(image: Image, below: str) -> list[str]:
    words = ["--network=host", f"--file={image.file}"]
    ignore = image.file.with_name(image.file.name + ".dockerignore")
    if ignore.exists():
        words.append(f"--ignorefile={ignore}")
    if _CERTIFICATES.exists():
        # Where a machine trusts more than the public authorities, pip inside the build must do so too.
        words.append(f"--volume={_CERTIFICATES}:{_CERTIFICATES}:ro")
    words += [f"--build-context={key}={place()}" for key, place in image.contexts.items()]
    facts = {"VERSION": version(), "REVISION": _revision()} if image.file == _FILE else {}
    arguments = {"BASE": below, **facts, **image.arguments}
    return words + [f"--build-arg={key}={value}" for key, value in arguments.items()]


def version() -> str:
    """Return the version that pyproject.toml tells."""
    return str(tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["version"])


def _revision() -> str:
    asked = subprocess.run(["git", "-C", str(_ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "unknown"
