"""Keras models compiled once a process: compiling takes longer than training on one device."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kilowatch.nets.build import arrays, build, compiled
from kilowatch.nets.fit import TrainPlan

if TYPE_CHECKING:
    from kilowatch.nets.shapes import Shape


def fresh(shape: Shape, seed: int) -> Any:
    """Return the compiled model of a shape with the first weights of a seed, its dropout's too, and a new optimiser."""
    model, optimiser = _compiled(shape)
    begun = build(shape, seed)
    model.set_weights(arrays(begun.weights))
    for layer, other in zip(model.layers, begun.layers, strict=True):
        if getattr(other, "seed_generator", None) is not None:
            layer.seed_generator.state.assign(other.seed_generator.state)
    # Steps and moments too: what is left of the last device's training would steer this one's.
    for variable, value in zip(model.optimizer.variables, optimiser, strict=True):
        variable.assign(value)
    return model


@lru_cache(maxsize=8)
def _compiled(shape: Shape) -> tuple[Any, list[Any]]:
    model = compiled(build(shape, 0), shape, TrainPlan().learning_rate)
    model.optimizer.build(model.trainable_variables)
    return model, arrays(model.optimizer.variables)
