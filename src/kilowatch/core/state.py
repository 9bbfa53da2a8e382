"""Saved state: everything that an object has come to know, as arrays and a tree of plain data.

`freeze` walks through an object of ours down to arrays, numbers and words, and `thaw` writes them back into a
freshly built object of the same make, bit for bit: what is fed to it from there on is judged as if nothing had
happened. A state holds no code: only types that the object's own classes declare are ever made from it.
"""

from __future__ import annotations

from kilowatch.core.state_freeze import Freezer
from kilowatch.core.state_nodes import STATE_V, Frozen, NewerStateError, Whole, structure
from kilowatch.core.state_thaw import Thawer
from kilowatch.errors import StateError

__all__ = ["STATE_V", "Frozen", "NewerStateError", "freeze", "thaw"]


def freeze(thing: object) -> Frozen:
    """Return the state of an object; its arrays are not copied, so pack them before the object goes on.

    `StateError` where it holds what cannot be frozen.
    """
    walk = Freezer()
    tree = walk.whole(thing, "")
    if not isinstance(tree, Whole):
        raise StateError("Only an object can be frozen.", "Freeze the object that holds it.")
    return Frozen(STATE_V, tree, walk.arrays)


def thaw(thing: object, frozen: Frozen) -> list[str]:
    """Write a state into a freshly built object, and return the settings that differ from those it was saved with.

    `StateError` where the state is newer, too old or of another make: then the object is as it was. Where it says
    otherwise that the state is broken, the object is worth nothing: build another.
    """
    if not STATE_V - 1 <= frozen.version <= STATE_V:
        raise NewerStateError(
            f"The saved state has format {frozen.version}, this kilowatch reads {STATE_V - 1} and {STATE_V}.",
            "Use the kilowatch that wrote it" + (", or a newer one." if frozen.version > STATE_V else "."),
        )
    _check_make(freeze(thing), frozen)
    walk = Thawer(frozen.arrays)
    try:
        walk.into(thing, frozen.tree, "")
        walk.finish()
    # A wrong value trips over whatever it meets first; who starts up falls back to an older state on a StateError.
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise StateError(f"The saved state does not hold together: {error}.", "Use an older one.") from error
    return walk.changed


def _check_make(fresh: Frozen, frozen: Frozen) -> None:
    """Refuse a state of other parts; one of the format before may lack some, and those it has in excess are dropped."""
    ours, theirs = structure(fresh.tree), structure(frozen.tree)
    wanted = ours.keys() & theirs.keys() if frozen.version < STATE_V else ours.keys() | theirs.keys()
    for path in sorted(wanted):
        here, there = ours.get(path, "not there"), theirs.get(path, "not there")
        if here == there:
            continue
        raise StateError(
            f"The saved state is of another make ({frozen.make}, not {fresh.make}): {path} is {there}, not {here}.",
            "Use the detector and settings that it was saved with, or start anew.",
        )
