"""The actor as a service: the database, the plugs and the policy of the settings, joined to Kafka and to edges."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from kilowatch.app.actor.actor import Actor
from kilowatch.app.actor.cluster_world import ClusterWorld
from kilowatch.app.actor.edges import ALL_EDGES, Edges
from kilowatch.app.actor.rules import rules_of
from kilowatch.app.actor.switching import Switching
from kilowatch.app.actor_service import ActorParts, ActorService
from kilowatch.app.begin_anew import again_and_again, endpoint, patiently, require_topics
from kilowatch.app.consumer_lag import lag_teller
from kilowatch.app.edge.tell import TellLog
from kilowatch.app.jobs import JobRunner
from kilowatch.app.kafka_access import access_of
from kilowatch.app.plug_book import PlugBook
from kilowatch.app.stores import database_settings
from kilowatch.core.device import ActsBy
from kilowatch.core.jobs import JobKind
from kilowatch.links.database import Database
from kilowatch.links.database.action_book import DatabaseActionBook
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.wall import WallClock, wall_ms
from kilowatch.observability import Metrics
from kilowatch.observability.health import Health

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from kilowatch.config.sections import Config


def serve_actor(config: Config, stop: threading.Event) -> None:
    """Act on incidents until told to stop; where Kafka or the database fails begin anew, from what is safe."""
    patiently("actor", lambda: require_topics(config.kafka), stop)
    metrics, health, group = Metrics(), Health(), f"{config.kafka.group}-actor"
    stop, tell = health.pulse(stop), lag_teller(metrics, group, health)

    with (
        endpoint(metrics, config.metrics, health),
        closing(Database(database_settings(config))) as database,
        closing(PlugBook(config, metrics)) as plugs,
        # Last, so that it ends first: a switch in hand still needs the plugs and the database.
        doing_jobs(database, plugs, stop),
    ):

        def work() -> None:
            health.begins("it joins the group")
            parts = parts_of(config, database, plugs)
            ActorService(parts, access_of(config.kafka), config.kafka.partitions, wall_ms, tell).run(stop, group)

        again_and_again("actor", work, stop)


@contextmanager
def doing_jobs(database: Database, plugs: PlugBook, stop: threading.Event) -> Iterator[None]:
    """Carry out, while the block runs, what people want switched; wait first until the database is there."""
    patiently("actor", database.check, stop)
    jobs = JobRunner(database, {JobKind.SWITCH: Switching(database, plugs, wall_ms, WallClock(), ActsBy.CLOUD)})
    patiently("actor", jobs.start, stop)
    try:
        yield
    finally:
        jobs.stop()


def parts_of(config: Config, database: Database, plugs: PlugBook) -> ActorParts:
    """Return what the service is made of; its connection to edges is begun."""
    told, book, world = TellLog(), DatabaseActionBook(database, Topic.ACTIONS), ClusterWorld(database, wall_ms)
    edges = _edges(config, database, book, world, told)
    rules = rules_of(config.policy, ActsBy.CLOUD)
    actor = Actor(book, world, plugs, told, WallClock(), rules, edges)
    return ActorParts(actor, world, database, edges)


def _edges(
    config: Config, database: Database, book: DatabaseActionBook, world: ClusterWorld, told: TellLog
) -> Edges | None:
    label = config.policy.broker
    if label is None:
        return None
    from kilowatch.links.mqtt.post import MqttPost

    broker = config.sources.mqtt[label]
    # A name of its own: a broker throws out whoever was there under the same.
    name = broker.client_id or f"kilowatch-{config.kafka.group}-{label}"
    post = MqttPost(label, broker, f"{name}-actor", ALL_EDGES)
    post.start()
    return Edges(post, database, book, world, told)
