"""Environments of the peers under .run/peers, made on demand, and the processes that run a runtime each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kilowatch.errors import ComponentError
from kilowatch.lab.bench import edge_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HOME = Path(".run") / "peers"
PACKAGES: dict[str, tuple[str, ...]] = {
    "openvino": ("openvino", "numpy"),
    "litert": ("ai-edge-litert", "numpy"),
    "tensorflow": ("tensorflow-cpu", "keras", "numpy"),
    "jax": ("keras", "jax", "numpy"),
    "torch": ("torch", "numpy"),
    "quix": ("quixstreams",),
}
ON_DEMAND = ("openvino", "litert", "tensorflow", "jax")
"""Quix Streams is a peer of `bench pipeline` alone; PyTorch's wheel brings gigabytes of GPU libraries."""
ENVIRONMENT = {
    "openvino": "openvino",
    "litert": "litert",
    "keras_jax": "jax",
    "keras_tf": "tensorflow",
    "torch": "torch",
}
"""Which environment a runtime lives in; those that are not named live in ours."""
WORKER = Path(edge_worker.__file__)


def python_of(runtime: str) -> Path | None:
    """Return the interpreter that has a runtime, None where its environment was not made."""
    name = ENVIRONMENT.get(runtime)
    if name is None or (name == "jax" and find_spec("jax") and find_spec("keras")):
        return Path(sys.executable)
    python = HOME / name / "bin" / "python"
    return python if (HOME / name / "ready").exists() else None


def install(say: Callable[[str], None], names: Sequence[str] = ON_DEMAND) -> None:
    """Make the environments that are not there yet; needs a package index."""
    for name in names:
        if (HOME / name / "ready").exists() or (name == "jax" and python_of("keras_jax")):
            continue
        say(f"installing {name}")
        venv.create(HOME / name, with_pip=True, clear=True)
        _pip(name, PACKAGES[name])
        if name == "tensorflow":
            # Keras 2, which alone writes fused LSTM operators; it asks for a second TensorFlow.
            _pip(name, ("--no-deps", "tf_keras"))
        # Last: an environment without it was cut off on its way, and is cleared and made anew.
        (HOME / name / "ready").touch()


def _pip(name: str, words: Sequence[str]) -> None:
    command = [str(HOME / name / "bin" / "python"), "-m", "pip", "install", "--quiet", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    if done.returncode:
        raise ComponentError(f"{name} could not be installed: {done.stderr.strip()[-300:]}", "Leave out --peers.")


def environment(runtime: str) -> dict[str, str]:
    """Return the environment variables of a runtime's process: one thread, no chatter."""
    backend = {"keras_jax": "jax", "keras_tf": "tensorflow"}.get(runtime, "jax")
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "TF_NUM_INTEROP_THREADS": "1"}
    xla = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
    return {**os.environ, **threads, **quiet, **xla, "KERAS_BACKEND": backend}


def fuse(folder: Path) -> bool:
    """Write the fused LiteRT file; False where the environment that can is not there, or it fails."""
    python = python_of("keras_tf")
    if python is None:
        return False
    command = [str(python), "-P", str(WORKER), "fuse", str(folder)]
    done = subprocess.run(  # noqa: S603 - fixed words
        command, env=environment("keras_tf"), capture_output=True, check=False
    )
    return done.returncode == 0


class Runtime:
    """A runtime in its process; close it."""

    def __init__(self, name: str, folder: Path, core: int | None) -> None:
        python = python_of(name)
        if python is None:
            raise ComponentError(f"{name} is not installed.", "Install the peers with --peers.")
        self.name = name
        # -P: modules of common names lie beside the script, and must not be found before the peer's own.
        # Nobody reads its errors while it runs, and a full pipe would stop it.
        self._process = subprocess.Popen(  # noqa: S603 - fixed words
            [str(python), "-P", str(WORKER), name, str(folder)],
            env=environment(name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        # At once: threads that the runtime starts later inherit the core, those it had by then would not.
        if core is not None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._process.pid, {core})
        self._answer()

    def ask(self, size: int, count: int) -> None:
        """Start `count` calls at a batch size."""
        if self._process.stdin is not None:
            self._process.stdin.write(f"{size} {count}\n")
            self._process.stdin.flush()

    def answer_ns(self) -> list[int]:
        """Return the nanoseconds of each call asked for."""
        found: list[int] = json.loads(self._answer())
        return found

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _answer(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            self.close()
            raise ComponentError(f"The process of {self.name} ended.", "See that its environment is whole.")
        return line
