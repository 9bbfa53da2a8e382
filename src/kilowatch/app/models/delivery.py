"""From a choice of models to models that judge.

1. A thread asks which models are live: `IoTModels` in a cluster, the database on the edge.
2. A model that is new is fetched, its SHA-256 verified, and it scores a window: it is warm.
3. What could not be had or does not fit is refused, counted and said once; the model before it goes on.
4. A judge takes what is warm at its next commit: messages before it were told by the model before.
The bytes are data: they are parsed here, and nothing in them is ever run but the arithmetic of known operators.
"""

from __future__ import annotations

import logging
import math
import threading
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kilowatch.app.models.store import MissingModelError
from kilowatch.errors import KilowatchError, ModelError
from kilowatch.nets.check import try_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kilowatch.app.models.store import ModelStore
    from kilowatch.core.device import Kind
    from kilowatch.core.records import ModelChoice
    from kilowatch.nets.runtime import Model
    from kilowatch.observability import Metrics

_log = logging.getLogger("kilowatch.models")
# Whoever promotes a model sees it take within that; a look is one small read.
_ASK_S = 10.0


@runtime_checkable
class Modelled(Protocol):
    """A detector that judges by delivered models."""

    def adopt(self, live: Mapping[Kind, Model]) -> None:
        """Judge by these from now on; kinds without one go on as they are. `ModelError` where one does not fit."""

    def model_of(self, slot: int) -> str:
        """Return the hash of the model that judges a device, empty where none does."""


class Delivery:
    """Keeps the models that are live. choices: what was chosen, newest of each kind; it may raise `KilowatchError`."""

    def __init__(self, store: ModelStore, choices: Callable[[], Iterable[ModelChoice]], metrics: Metrics) -> None:
        self._store, self._choices = store, choices
        self._created = metrics.gauge("kilowatch_model_created_timestamp_seconds")
        self._refused = metrics.counter("kilowatch_model_refused_total")
        self._bad: set[tuple[str, str]] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)
        self.live: Mapping[Kind, Model] = MappingProxyType({})

    def start(self) -> None:
        """Look once, so that a judge begins with what is live, and go on looking from a thread."""
        self.look()
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Do 1 to 3 once."""
        try:
            choices = list(self._choices())
        except KilowatchError as error:
            self._say("choices", "unreadable" if isinstance(error, ModelError) else "unreachable", error)
            return
        live = dict(self.live)
        for choice in choices:
            if choice.live is None:
                live.pop(choice.kind, None)
            elif choice.kind not in live or live[choice.kind].sha256 != choice.live:
                model = self._ready(choice.live)
                if model is not None:
                    live[choice.kind] = model
        if {kind: model.sha256 for kind, model in live.items()} != {k: m.sha256 for k, m in self.live.items()}:
            # Replaced whole, never changed: judges read it from their own threads, and know news by identity.
            self.live = MappingProxyType(live)
            self._show()

    def refuse(self, sha256: str, error: ModelError) -> None:
        """Count a model that a judge could not take, and say so once."""
        self._say(sha256, "unfit", error)

    def _ready(self, sha256: str) -> Model | None:
        """Return a model that has scored a window, None where there is none that does."""
        try:
            artifact = self._store.get(sha256)
        except MissingModelError as error:
            self._say(sha256, "missing", error)
            return None
        except ModelError as error:
            self._say(sha256, "corrupt", error)
            return None
        try:
            return try_model(artifact)
        except ModelError as error:
            self._say(sha256, "unfit", error)
            return None

    def _say(self, what: str, reason: str, error: KilowatchError) -> None:
        """Count and log a refusal, each once until the process ends: it is looked at again every few seconds."""
        if (what, reason) not in self._bad:
            self._bad.add((what, reason))
            self._refused.labels(reason).inc()
            _log.error("Model %s is refused, the one before it goes on: %s %s", what[:12], error, error.hint)

    def _show(self) -> None:
        self._created.clear()
        for kind, model in self.live.items():
            self._created.labels(kind.value, model.sha256).set(_made_s(model))
            _log.info("Model %s is live for %s.", model.sha256[:12], kind.value)

    def _run(self) -> None:
        while not self._stop.wait(_ASK_S):
            self.look()


def _made_s(model: Model) -> float:
    """Return when a model was made, Unix time; NaN where its card says nothing that can be read."""
    try:
        return datetime.fromisoformat(model.card.created).timestamp()
    except ValueError:
        return math.nan
