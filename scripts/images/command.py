"""`scripts/image.py build|measure|lock`."""

from __future__ import annotations

import argparse
import sys

from supervisor.places import MissingComponentError, free_port

from images.architecture import Architecture, own
from images.build import IMAGES, build
from images.lock import lock, stale
from images.measure import first_word_s, ready_s, size
from images.podman import ImageError


def main(words: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 it failed, 4 something is not installed."""
    asked = _parsed(words)
    try:
        return int(_ACTIONS[asked.action](asked))
    except MissingComponentError as error:
        print(error, file=sys.stderr)
        return 4
    except ImageError as error:
        print(error, file=sys.stderr)
        return 1


def _build(asked: argparse.Namespace) -> int:
    for name in asked.names:
        options = {"registry": asked.registry, "on": asked.base, "architecture": asked.arch}
        print(build(IMAGES[name], asked.tag, **options), flush=True)
    return 0


def _measure(asked: argparse.Namespace) -> int:
    for name in asked.names:
        image = asked.arch.tagged(IMAGES[name].tagged(asked.tag))
        found = size(image)
        print(f"{image}: {found.compressed / 1e6:.1f} MB compressed, {found.unpacked / 1e6:.0f} MB unpacked")
    if "kilowatch" in asked.names and asked.arch.is_own:
        image = IMAGES["kilowatch"].tagged(asked.tag)
        print(f"{image}: says its version after {first_word_s(image):.1f} s, ", end="")
        print(f"`kilowatch run` is ready after {ready_s(image, free_port()):.1f} s")
    return 0


def _lock(asked: argparse.Namespace) -> int:
    if asked.check:
        found = stale()
        print("\n".join(found) or "What is locked satisfies pyproject.toml.")
        return 1 if found else 0
    lock()
    return 0


_ACTIONS = {"build": _build, "measure": _measure, "lock": _lock}


def _parsed(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Container images, built by podman.")
    actions = parser.add_subparsers(dest="action", required=True)
    made = actions.add_parser("build", help="build images and print their names")
    measured = actions.add_parser("measure", help="print how large images are and how soon they are ready")
    for each in (made, measured):
        each.add_argument("names", nargs="+", choices=list(IMAGES), metavar="image", help=f"of {', '.join(IMAGES)}")
        each.add_argument("--tag", default="test")
        each.add_argument(
            "--arch", type=Architecture, choices=list(Architecture), default=own(), metavar="arch",
            help=f"of {', '.join(Architecture)}; another than this machine's is emulated, its times mean nothing",
        )  # fmt: skip
    made.add_argument("--base", default="", help="the base, pinned by its digest; default: a stand-in by debootstrap")
    made.add_argument("--registry", action="store_true", help="build on the bases of the registry")
    locked = actions.add_parser("lock", help="write deploy/container/requirements-*.txt from pyproject.toml, with uv")
    locked.add_argument("--check", action="store_true", help="only say what no longer fits pyproject.toml")
    return parser.parse_args(words)
