"""The real aarch64 wheels on the processors of a Pi 3, 4 and 5, emulated: they import, and decide as here.

`python scripts/emulate.py` makes the machine; it needs qemu-user-static (apt) and a package index.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from kilowatch.nets.engines import Engine
from kilowatch.nets.runtime import Model
from kilowatch.nets.shipped import path_of
from nets.made import cycles

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "emulate.py"


def _script() -> ModuleType:
    spec = spec_from_file_location("emulate", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


emulate: Any = _script()
pytestmark = [
    pytest.mark.soak,
    pytest.mark.emulation,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(emulate.missing()), reason=emulate.missing() or "ready"),
]


@pytest.mark.parametrize("processor", emulate.PROCESSORS)
@pytest.mark.parametrize("engine", [Engine.ONNXRUNTIME, Engine.NUMPY])
def test_a_pi_decides_as_here(processor: str, engine: Engine, tmp_path: Path) -> None:
    model = Model.load(path_of("fridge-classifier"))
    for name, on in (("normal", 30), ("stuck", 90)):
        window = cycles(model.window, on=on, period=90)
        path = tmp_path / f"{name}.csv"
        np.savetxt(path, window, fmt="%.4f")
        here = model.verdict(np.loadtxt(path, dtype=np.float32))
        arguments = ["-m", "kilowatch.nets.runtime", str(path_of("fridge-classifier")), str(path), engine.value]
        done = emulate.run(processor, arguments, timeout_s=600)
        assert done.returncode == 0, done.stderr
        word, score, *_ = done.stdout.split()
        assert word == ("odd" if here.odd else "normal")
        assert float(score.removeprefix("score=")) == pytest.approx(here.score, abs=2e-4)


def test_the_processor_is_the_one_that_was_asked_for() -> None:
    code = "import platform; print(platform.machine(), open('/proc/cpuinfo').read().count('0xd08'))"
    done = emulate.run("cortex-a72", ["-c", code])
    assert done.stdout.split() == ["aarch64", "4"], done.stderr
    assert sys.platform.startswith("linux")
