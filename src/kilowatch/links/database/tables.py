"""The tables as they are now; `migrations` holds how they came to be, and a test that both agree.

A struct is kept whole as JSON in `body`; what is searched or compared by has a column of its own.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()
# SQLite counts up by itself only where a key is INTEGER by name.
Serial = BigInteger().with_variant(Integer, "sqlite")
# As long as messages may have them (`core.events`).
Name = String(128)

devices = Table(
    "devices",
    metadata,
    Column("site", Name, primary_key=True),
    Column("device", Name, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("edited", Text, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

models = Table(
    "models",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("live", String(64)),
    Column("shadow", String(64)),
)

labels = Table(
    "labels",
    metadata,
    Column("incident", String(64), primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("site", Name, nullable=False),
    Column("device", Name, nullable=False),
    Column("label", String(16)),
    Column("who", String(256), nullable=False),
    Column("ts_ms", BigInteger, nullable=False),
    Index("labels_device", "site", "device"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("kind", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("who", String(256), nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("wish", LargeBinary, nullable=False),
    Column("result", LargeBinary),
    Index("jobs_state", "state"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("site", Name, nullable=False),
    Column("device", Name, nullable=False),
    Column("rule", String(64), nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("cleared_ms", BigInteger),
    Column("body", Text, nullable=False),
    Index("incidents_device", "site", "device", "first_ms"),
    Index("incidents_time", "first_ms"),
)

actions = Table(
    "actions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("site", Name, nullable=False),
    Column("device", Name, nullable=False),
    Column("state", String(16), nullable=False),
    Column("ts_ms", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Index("actions_site", "site", "ts_ms"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("ts_ms", BigInteger, nullable=False),
    Column("site", Name, nullable=False),
    Column("device", Name, nullable=False),
    Column("incident", String(64)),
    Column("what", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Index("audit_device", "site", "device", "what", "ts_ms"),
)

history = Table(
    "history",
    metadata,
    Column("site", Name, primary_key=True),
    Column("device", Name, primary_key=True),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("samples", BigInteger, nullable=False),
    Column("total_dw", BigInteger, nullable=False),
    Column("min_w", Double, nullable=False),
    Column("max_w", Double, nullable=False),
    Column("score", Double),
    Column("low_w", Double),
    Column("high_w", Double),
    Index("history_time", "start_ms"),
)

_DAY_QUANTITIES = (
    "register_uj",
    "integrated_uj",
    "loose_uj",
    "cost_pico",
    "loose_cost_pico",
    "gap_ms",
    "loose_gap_ms",
    "held_ms",
    "silent_ms",
    "on_ms",
    "cycles",
    "accepted",
    "repaired",
    "rejected",
    "peak_mw",
    "demand_mw",
    "floor_mw",
)
"""The names of `kilowatch.core.usage.Quantity`, whose order they follow."""

device_days = Table(
    "device_days",
    metadata,
    Column("site", Name, primary_key=True),
    Column("device", Name, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    *[Column(name, BigInteger, nullable=False) for name in _DAY_QUANTITIES],
)

usage_states = Table(
    "usage_states",
    metadata,
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    # The longest name that Kafka lets a topic have.
    Column("topic", String(249), nullable=False),
    Column("site", Name, nullable=False),
    Column("key", String(512), nullable=False),
    Column("value", LargeBinary),
    # SQLite gives the id of a deleted last row once more, and messages leave in the order of their ids.
    sqlite_autoincrement=True,
)

offsets = Table(
    "offsets",
    metadata,
    Column("reader", String(64), primary_key=True),
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next", BigInteger, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("incident", String(64), primary_key=True),
    Column("phase", String(16), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("sent_ms", BigInteger),
    Column("body", Text, nullable=False),
    Index("notices_due", "state", "channel", "due_ms"),
)

shadow_counts = Table(
    "shadow_counts",
    metadata,
    Column("site", Name, primary_key=True),
    Column("device", Name, primary_key=True),
    Column("model", String(64), primary_key=True),
    Column("live", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("samples", BigInteger, nullable=False),
    Column("agreed_odd", BigInteger, nullable=False),
    Column("live_alone", BigInteger, nullable=False),
    Column("shadow_alone", BigInteger, nullable=False),
)

shadow_spans = Table(
    "shadow_spans",
    metadata,
    Column("site", Name, primary_key=True),
    Column("device", Name, primary_key=True),
    Column("model", String(64), primary_key=True),
    Column("from_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("live", String(64), nullable=False),
    Column("to_ms", BigInteger, nullable=False),
    Column("agreed_odd", BigInteger, nullable=False),
    Column("live_alone", BigInteger, nullable=False),
    Column("shadow_alone", BigInteger, nullable=False),
    Column("live_peak", Double, nullable=False),
    Column("shadow_peak", Double, nullable=False),
    Index("shadow_spans_time", "from_ms"),
)
