"""Takes out of the image's environment what no command in it can reach, then proves that the rest still works.

Each line names files that nothing of ours imports and nothing else is linked against; a file that is gone from a newer
release of a package is no error.
"""  # noqa: INP001

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

PACKAGES = Path(sysconfig.get_path("purelib"))
LEFT_OUT = {
    "numpy": ["**/tests", "**/*.a", "**/*.pyi", "_core/include", "f2py", "distutils"],
    # The C library that other languages link against: Python's module has its own.
    "onnxruntime": ["capi/libonnxruntime.so*", "tools", "transformers"],
    "plotly": ["labextension", "package_data/datasets"],
    # Cloud storage, RPC and what compilers need; and the second and third name of libraries that have but one.
    "pyarrow": [
        *("*flight*", "*_s3*", "*_gcsfs*", "*_azurefs*", "*_orc*", "tests", "include", "includes", "src"),
        *("*.pxd", "*.pyx", "*.pxi", "libarrow_python*.so", "libarrow_python*.so.*.*.*"),
    ],
    "sqlalchemy": ["**/*.pyx", "dialects/mssql", "dialects/mysql", "dialects/oracle", "testing"],
}
STRIPPED = ("pyarrow", "confluent_kafka.libs", "sqlalchemy")
STILL_THERE = (
    "pyarrow, pyarrow.compute, pyarrow.csv, pyarrow.dataset, pyarrow.parquet",
    "numpy, onnxruntime, sqlalchemy.orm, sqlalchemy.dialects.postgresql",
)
TRAINING = "keras, jax, onnx, onnxruntime.quantization, optuna, sklearn.ensemble"
"""Of the second image, which has keras."""
ALSO_FOR_TRAINING = {"numpy": "f2py", "onnxruntime": "transformers"}
"""SciPy takes every public name of NumPy, and that is one of them; int8 is made with the second."""


def main() -> None:
    """Remove, strip and try; a build that lost too much fails here."""
    trains = (PACKAGES / "keras").exists()
    for package, pattern in ALSO_FOR_TRAINING.items() if trains else ():
        LEFT_OUT[package].remove(pattern)
    for package, patterns in LEFT_OUT.items():
        for path in [found for pattern in patterns for found in (PACKAGES / package).glob(pattern)]:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    libraries = [found for package in STRIPPED for found in (PACKAGES / package).rglob("*.so*")]
    if libraries:
        subprocess.run(["strip", "--strip-unneeded", *libraries], check=True)  # noqa: S603, S607 - in a build stage
    os.environ["KERAS_BACKEND"] = "jax"
    for names in (*STILL_THERE, *([TRAINING] if trains else [])):
        exec(f"import {names}", {})  # noqa: S102 - the names above


if __name__ == "__main__":
    main()
