"""How far a consumer is behind: the gauge follows the partitions, the probe what waits in them."""

from __future__ import annotations

from kilowatch.app.consumer_lag import lag_teller
from kilowatch.links.kafka.place import Place
from kilowatch.observability import Metrics
from kilowatch.observability.health import Health


def told(metrics: Metrics) -> list[str]:
    lines = metrics.exposition().decode().splitlines()
    return [line.rpartition("{")[2] for line in lines if line.startswith("kilowatch_consumer_lag_messages{")]


def test_a_partition_that_went_elsewhere_is_gone() -> None:
    metrics = Metrics()
    tell = lag_teller(metrics, "group")
    tell({Place("IoTDevices", 0): 3, Place("IoTDevices", 1): 0})
    assert len(told(metrics)) == 2
    tell({Place("IoTDevices", 1): 7})
    assert told(metrics) == ['group="group",partition="1",topic="IoTDevices"} 7.0']


def test_who_has_caught_up_is_ready() -> None:
    health = Health()
    health.begins("it joins the group")
    tell = lag_teller(Metrics(), "group", health)
    tell({Place("IoTDevices", 0): 100_000})
    assert not health.ready_now().ok
    tell({Place("IoTDevices", 0): 0})
    assert health.ready_now().ok


def test_who_is_alone_and_has_no_partition_has_heard_nothing_yet() -> None:
    health = Health()
    health.begins("it joins the group")
    before = health.ready_now()
    lag_teller(Metrics(), "group", health, is_alone=True)({})
    assert health.ready_now() == before
    lag_teller(Metrics(), "group", health)({})
    assert health.ready_now() != before
