"""The taps that the settings want."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kilowatch.app.edge.usage import EdgeUsage
from kilowatch.app.kafka_access import access_of
from kilowatch.app.metrics.collector import MetricsOptions, UsageCollector
from kilowatch.app.metrics.tariffs import tariff_of
from kilowatch.app.notifying import notifier_of
from kilowatch.config.upstream import UpstreamTo
from kilowatch.links.wall import wall_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.app.edge.build import Ground
    from kilowatch.app.edge.tap import Tap
    from kilowatch.app.edge.upstream import Upstream
    from kilowatch.app.edge.usage import HeardActions
    from kilowatch.config import Config
    from kilowatch.links.uplink import Uplink
    from kilowatch.observability import Metrics

_MB = 1_000_000


def taps_of(config: Config, metrics: Metrics, actions: HeardActions | None, ground: Ground) -> tuple[Tap, ...]:
    """Return usage where metrics or the page show it, upstream where there is one, and who tells people."""
    taps: list[Tap] = []
    if config.metrics.enabled or config.web.enabled:
        usage = EdgeUsage(ground.database, ground.log, ground.world, tariff_of(config.tariff), actions)
        collector = UsageCollector(usage.service, config.tariff.currency, MetricsOptions(each_device=True))
        metrics.registry.register(collector)
        taps.append(usage)
    if config.upstream.to is not UpstreamTo.NONE:
        taps.append(_upstream(config, metrics, ground))
    if (notifier := notifier_of(config, ground.database, metrics)) is not None:
        taps.append(notifier)
    return tuple(taps)


def _upstream(config: Config, metrics: Metrics, ground: Ground) -> Upstream:
    # Here, not above: the outbox brings pyarrow, and an edge without upstream does without its memory.
    from kilowatch.app.edge.outbox_metrics import OutboxMetrics
    from kilowatch.app.edge.upstream import Upstream, UpstreamTempo
    from kilowatch.links.outbox import DiskOutbox, OutboxLimits

    limits = OutboxLimits(max_bytes=config.outbox.most_mb * _MB)
    folder = ground.folder.outbox
    return Upstream(
        DiskOutbox(folder, limits),
        folder / "taken.json",
        _uplink(config),
        wall_ms,
        OutboxMetrics(metrics, limits.max_bytes),
        UpstreamTempo(gather_s=config.upstream.gather_s),
    )


def _uplink(config: Config) -> Callable[[], Uplink]:
    """Return what makes a connection upstream; its library is loaded when the first is made."""
    if config.upstream.to is UpstreamTo.KAFKA:
        from kilowatch.links.kafka.uplink import KafkaUplink

        return partial(KafkaUplink, access_of(config.kafka))
    from kilowatch.links.mqtt.uplink import MqttUplink

    label = config.upstream.broker or ""
    return partial(MqttUplink, label, config.sources.mqtt[label], config.site.name)
