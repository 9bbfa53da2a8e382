"""The least time a window can take on this core: its operations at a measured peak, and its activations.

The recurrent steps wait for each other, each a matrix-vector product whose matrix lies in the first-level cache. Its
rate is measured on such products, not on a product of two matrices, so many in one call that Python costs nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.nets.shapes import EdgeClassifierShape

_ROUNDS = 40
_STACK = 256
"""Vectors a call, one product each: 32 KB in and 128 KB out pass by, the matrix stays."""
_GATE_VALUES = 5
"""Three sigmoids and two tangents a unit and step."""


def floor_us(shape: EdgeClassifierShape) -> float:
    """Return the floor for one window, microseconds."""
    values = _GATE_VALUES * 3 * shape.units * _steps(shape)
    return operations(shape) / _peak_per_us(shape.units) + values / _tanh_per_us()


def operations(shape: EdgeClassifierShape) -> int:
    """Return multiplications and additions of one window."""
    convolved = 2 * (shape.window - shape.kernel + 1) * shape.kernel * shape.filters
    inputs = (shape.filters, shape.units, shape.units)
    step = sum(2 * 4 * shape.units * (size + shape.units) for size in inputs)
    return convolved + _steps(shape) * step + 2 * shape.units


def _steps(shape: EdgeClassifierShape) -> int:
    return (shape.window - shape.kernel + 1) // shape.pool


def _peak_per_us(units: int) -> float:
    """Return the operations per microsecond of matrix-vector products, in the faster order of the matrix."""
    matrix = np.random.default_rng(0).random((4 * units, units), dtype=np.float32)
    vectors = np.ones((_STACK, units, 1), dtype=np.float32)
    out = np.empty((_STACK, 4 * units, 1), dtype=np.float32)
    orders = matrix, np.asfortranarray(matrix)
    taken_us = min(_best_us(lambda: np.matmul(each, vectors, out=out)) for each in orders)  # noqa: B023 - run at once
    return 2 * matrix.size * _STACK / taken_us


def _tanh_per_us() -> float:
    values = np.linspace(-4, 4, 4096, dtype=np.float32)
    out = np.empty_like(values)
    return len(values) / _best_us(lambda: np.tanh(values, out=out))


def _best_us(work: Callable[[], object], calls: int = 50) -> float:
    """Return the least microseconds a call, over rounds of many calls."""
    found = []
    for _ in range(_ROUNDS):
        started = time.perf_counter_ns()
        for _ in range(calls):
            work()
        found.append((time.perf_counter_ns() - started) / 1000 / calls)
    # The least: whatever disturbs a measurement makes it longer, and a floor must not be too high.
    return min(found)
