"""Creates the topics, and says where those that exist differ from what was agreed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kilowatch.errors import ComponentError
from kilowatch.links.kafka.client import kafka, kafka_errors, translated
from kilowatch.links.kafka.outage import Outage
from kilowatch.links.kafka.topics import PLANS, Topic, TopicPlan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kilowatch.links.kafka.settings import Access

_TIMEOUT_S = 30.0
_ANSWER_S = 2.0
_ANSWERS = 5
_LIST_S = 0.05


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which a topic is not as agreed. setting: "partitions", or a setting of Kafka's; found: None where
    the topic is not there at all."""

    topic: Topic
    setting: str
    wanted: str
    found: str | None

    @property
    def sentence(self) -> str:
        """Say it."""
        if self.found is None:
            return f"{self.topic} does not exist."
        return f"{self.topic}: {self.setting} is {self.found}, {self.wanted} was agreed."


class Admin:
    """Asks and tells the cluster about topics."""

    def __init__(self, access: Access) -> None:
        self._outage = Outage("admin")
        with kafka_errors("connecting"):
            self._client = kafka().admin.AdminClient(access.options() | self._outage.options())

    def partitions(self) -> dict[str, int]:
        """Return every topic of the cluster with its count of partitions; `ComponentError` where nobody answers."""
        found = self._list()
        return {name: len(topic.partitions) for name, topic in found.items()}

    def create(self, partitions: int, replication: int = 1) -> list[Topic]:
        """Create the topics that are missing and return them; `ComponentError` where one that exists has another
        count of partitions, before anything is created: a site would come to lie elsewhere than its state."""
        there = self.partitions()
        wrong = [finding for finding in _misplaced(there, partitions) if finding.found is not None]
        if wrong:
            raise ComponentError(
                " ".join(finding.sentence for finding in wrong),
                "The count of partitions is fixed at creation: use the old one, or other brokers.",
            )
        missing = [plan for plan in PLANS if plan.topic not in there]
        self._create([_new_topic(plan, _count(plan, partitions), replication) for plan in missing])
        return [plan.topic for plan in missing]

    def check(self, partitions: int) -> list[Finding]:
        """Return every way in which the topics differ from what was agreed."""
        there = self.partitions()
        findings = _misplaced(there, partitions)
        present = [plan for plan in PLANS if plan.topic in there]
        for plan, options in zip(present, self._options(present), strict=True):
            findings += _differing(plan, options)
        return findings

    def count(self, topic: Topic) -> int:
        """Return a topic's count of partitions; `ComponentError` where it does not exist."""
        there = self.partitions()
        if topic not in there:
            raise ComponentError(f"Kafka: the topic {topic} does not exist.", "Run: kilowatch topics create")
        return there[topic]

    def _list(self) -> Any:
        """Ask in short steps, so that a login that is refused is said at once and not as a silence."""
        for left in reversed(range(_ANSWERS)):
            try:
                with kafka_errors("listing topics"):
                    return self._client.list_topics(timeout=_ANSWER_S).topics
            except ComponentError as error:
                # Only a poll lets the library tell `Outage` that a login was refused; the question just times out.
                self._client.poll(0.0)
                if self._outage.cause is not None:
                    raise translated(self._outage.cause, "connecting") from error
                if not left:
                    raise
        return {}

    def _create(self, topics: list[Any]) -> None:
        if topics:
            futures = self._client.create_topics(topics, operation_timeout=_TIMEOUT_S, request_timeout=_TIMEOUT_S)
            for name, future in futures.items():
                _await_created(name, future)
            # The controller has created it; another broker, asked at once, may not know of it yet.
            self._await_listed({topic.topic for topic in topics})

    def _await_listed(self, names: set[str]) -> None:
        """Wait until the brokers tell others of the topics too."""
        deadline = time.monotonic() + _TIMEOUT_S
        while missing := names - set(self.partitions()):
            if time.monotonic() > deadline:
                raise ComponentError(f"Kafka: {', '.join(sorted(missing))} created, but not seen since.", "Try again.")
            time.sleep(_LIST_S)

    def _options(self, plans: Sequence[TopicPlan]) -> list[Mapping[str, Any]]:
        if not plans:
            return []
        admin = kafka().admin
        resources = [admin.ConfigResource(admin.ConfigResource.Type.TOPIC, str(plan.topic)) for plan in plans]
        futures = self._client.describe_configs(resources, request_timeout=_TIMEOUT_S)
        with kafka_errors("reading the settings of topics"):
            return [futures[resource].result() for resource in resources]


def _await_created(name: str, future: Any) -> None:
    library = kafka()
    try:
        future.result()
    except library.KafkaException as error:
        # Another process was first since we asked: the topic is there, as was wanted.
        if error.args[0].code() != library.KafkaError.TOPIC_ALREADY_EXISTS:
            raise translated(error.args[0], f"creating the topic {name}") from error


def _new_topic(plan: TopicPlan, partitions: int, replication: int) -> Any:
    return kafka().admin.NewTopic(str(plan.topic), partitions, replication, config=plan.options)


def _count(plan: TopicPlan, partitions: int) -> int:
    return partitions if plan.by_site else 1


def _misplaced(there: Mapping[str, int], partitions: int) -> list[Finding]:
    """Return the topics that are missing or have another count of partitions; those not placed by site may have any."""
    findings = []
    for plan in PLANS:
        found, wanted = there.get(plan.topic), _count(plan, partitions)
        if found is None or (plan.by_site and found != wanted):
            text = None if found is None else str(found)
            findings.append(Finding(plan.topic, "partitions", str(wanted), text))
    return findings


def _differing(plan: TopicPlan, options: Mapping[str, Any]) -> list[Finding]:
    found = {name: options[name].value for name in plan.options if name in options}
    return [
        Finding(plan.topic, name, wanted, str(found[name]))
        for name, wanted in plan.options.items()
        if name in found and found[name] != wanted
    ]
