"""The list of devices in one browser: rows once, then what is new of what is in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from nicegui.element import Element

from kilowatch.web.page.wall import changes, merged, name_of

if TYPE_CHECKING:
    from nicegui.events import GenericEventArguments

    from kilowatch.web.page.wall import Picture, Spark, Wall

# More rows than fit on any screen; the rest of a large home costs nothing until somebody scrolls there.
_MOST_IN_SIGHT = 120


class Board(Element, component="board.js"):
    """Draws a wall's rows."""

    def __init__(self, wall: Wall, picture: Picture) -> None:
        super().__init__()
        self._wall = wall
        self._rows = picture.rows
        self._sight: frozenset[str] = frozenset()
        self._sparks: dict[str, Spark] = {}
        self.props["initial"] = msgspec.to_builtins(picture.rows)
        self.on("sight", self._seen)

    def take(self, picture: Picture) -> None:
        """Send what is new since the last time."""
        # `apply` names rows by their place: where devices came or went the places are others.
        if [row.id for row in self._rows] != [row.id for row in picture.rows]:
            self._rows, self._sparks = picture.rows, {}
            self.run_method("replace", msgspec.to_builtins(picture.rows))
            return
        fresh, sparks = changes(self._rows, picture.rows, self._sight), self._fresh_sparks(picture)
        self._rows = merged(self._rows, picture.rows, self._sight)
        if fresh or sparks:
            self.run_method("apply", fresh, sparks)

    def _fresh_sparks(self, picture: Picture) -> dict[str, Any]:
        out = {}
        for card in picture.overview.devices:
            key = name_of(card)
            if key not in self._sight:
                continue
            spark = self._wall.spark(card)
            # The wall hands out the same object until there is a new sample.
            if self._sparks.get(key) is not spark:
                self._sparks[key] = spark
                out[key] = msgspec.to_builtins([spark.power, spark.low, spark.high])
        return out

    def _seen(self, event: GenericEventArguments) -> None:
        # A browser may send anything: what is kept of it is bounded, and text.
        told = event.args if isinstance(event.args, list) else []
        self._sight = frozenset(str(name) for name in told[:_MOST_IN_SIGHT])
