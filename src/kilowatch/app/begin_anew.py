"""What a service does when something that it needs goes away: it begins anew, from what is safe, once that is back."""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar

from kilowatch.app.kafka_access import access_of
from kilowatch.errors import ComponentError
from kilowatch.links.kafka.admin import Admin
from kilowatch.observability.endpoint import exposed

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from kilowatch.config.sections import KafkaConfig, MetricsConfig
    from kilowatch.errors import KilowatchError
    from kilowatch.observability import Metrics
    from kilowatch.observability.health import Health

_WAITS_S = (1.0, 2.0, 5.0, 10.0)
_SOUND_S = 120.0
"""Who ran for so long was well: the next failure waits as briefly as a first."""
_START_S = 60.0
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


def again_and_again(
    who: str,
    work: Callable[[], None],
    stop: threading.Event,
    passing: tuple[type[KilowatchError], ...] = (ComponentError,),
) -> None:
    """Do work until stop is set; after an error that may pass wait a little, and then do it from its beginning."""
    failures = 0
    while not stop.is_set():
        started = time.monotonic()
        try:
            work()
        except passing as error:
            failures = 0 if time.monotonic() - started > _SOUND_S else failures
            wait_s = _WAITS_S[min(failures, len(_WAITS_S) - 1)]
            _log.error("The %s begins anew in %g s: %s %s", who, wait_s, error, error.hint)
            failures += 1
            stop.wait(wait_s)


def patiently(who: str, prepare: Callable[[], _T], stop: threading.Event, most_s: float = _START_S) -> _T:
    """Return what `prepare` returns; where a component fails try again for a while, then raise its `ComponentError`.

    Who is told to stop meanwhile ends by `SystemExit`: nothing of it has failed.

    A database that recovers from its own death refuses everyone for some seconds: who starts just then must not die.
    """
    started, failures = time.monotonic(), 0
    while True:
        try:
            return prepare()
        except ComponentError as error:
            wait_s = _WAITS_S[min(failures, len(_WAITS_S) - 1)]
            if stop.is_set():
                raise SystemExit(0) from None
            if time.monotonic() - started + wait_s > most_s:
                raise
            _log.warning("The %s waits %g s to begin: %s", who, wait_s, error)
            failures += 1
            stop.wait(wait_s)


def require_topics(config: KafkaConfig) -> None:
    """Hold that Kafka answers and that its topics are there as the settings say; `ComponentError` where not."""
    findings = [finding for finding in Admin(access_of(config)).check(config.partitions) if _is_fatal(finding.setting)]
    if findings:
        raise ComponentError(
            f"Kafka: {' '.join(finding.sentence for finding in findings)}",
            "Create missing ones with: kilowatch topics create. The count is the setting kafka.partitions.",
        )


def _is_fatal(setting: str) -> bool:
    # Another count places sites where nobody looks for them; by other settings topics only keep more or less.
    return setting == "partitions"


def endpoint(metrics: Metrics, config: MetricsConfig, health: Health | None = None) -> AbstractContextManager[object]:
    """Serve metrics where the settings want it; several services of one machine need a port each."""
    if not config.enabled:
        return nullcontext()
    token = None if config.token is None else config.token.reveal()
    return exposed(metrics, config.bind, config.port, token, health)
