"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kilowatch.links.database.migrations.append_only import make_append_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_NAME = sa.String(128)
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


def upgrade() -> None:
    """Make all tables; a step is never changed once it is out."""
    _registry()
    _actor()
    _history()
    _usage()
    _streams()
    make_append_only("audit")


def _registry() -> None:
    op.create_table(
        "devices",
        sa.Column("site", _NAME, primary_key=True),
        sa.Column("device", _NAME, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("edited", sa.Text, nullable=False),
        sa.Column("first_ms", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "models",
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("live", sa.String(64)),
        sa.Column("shadow", sa.String(64)),
    )
    op.create_table(
        "labels",
        sa.Column("incident", sa.String(64), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("site", _NAME, nullable=False),
        sa.Column("device", _NAME, nullable=False),
        sa.Column("label", sa.String(16)),
        sa.Column("who", sa.String(256), nullable=False),
        sa.Column("ts_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("labels_device", "labels", ["site", "device"])
    op.create_table(
        "jobs",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("who", sa.String(256), nullable=False),
        sa.Column("asked_ms", sa.BigInteger, nullable=False),
        sa.Column("wish", sa.LargeBinary, nullable=False),
        sa.Column("result", sa.LargeBinary),
    )
    op.create_index("jobs_state", "jobs", ["state"])
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("site", _NAME, nullable=False),
        sa.Column("device", _NAME, nullable=False),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("first_ms", sa.BigInteger, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
        sa.Column("opened_ms", sa.BigInteger, nullable=False),
        sa.Column("cleared_ms", sa.BigInteger),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("incidents_device", "incidents", ["site", "device", "first_ms"])
    op.create_index("incidents_time", "incidents", ["first_ms"])


def _actor() -> None:
    op.create_table(
        "actions",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("site", _NAME, nullable=False),
        sa.Column("device", _NAME, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("ts_ms", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("actions_site", "actions", ["site", "ts_ms"])
    op.create_table(
        "audit",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("ts_ms", sa.BigInteger, nullable=False),
        sa.Column("site", _NAME, nullable=False),
        sa.Column("device", _NAME, nullable=False),
        sa.Column("incident", sa.String(64)),
        sa.Column("what", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("audit_device", "audit", ["site", "device", "what", "ts_ms"])


def _history() -> None:
    op.create_table(
        "history",
        sa.Column("site", _NAME, primary_key=True),
        sa.Column("device", _NAME, primary_key=True),
        sa.Column("start_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("samples", sa.BigInteger, nullable=False),
        sa.Column("total_dw", sa.BigInteger, nullable=False),
        sa.Column("min_w", sa.Double, nullable=False),
        sa.Column("max_w", sa.Double, nullable=False),
        sa.Column("score", sa.Double),
        sa.Column("low_w", sa.Double),
        sa.Column("high_w", sa.Double),
    )
    op.create_index("history_time", "history", ["start_ms"])
    op.create_table(
        "history_raw",
        sa.Column("site", _NAME, primary_key=True),
        sa.Column("device", _NAME, primary_key=True),
        sa.Column("ts_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("power_w", sa.Double, nullable=False),
        sa.Column("score", sa.Double),
        sa.Column("low_w", sa.Double),
        sa.Column("high_w", sa.Double),
        sa.Column("keep", sa.Boolean, nullable=False),
    )
    op.create_index("history_raw_time", "history_raw", ["ts_ms"])


def _usage() -> None:
    op.create_table(
        "device_days",
        sa.Column("site", _NAME, primary_key=True),
        sa.Column("device", _NAME, primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        *[sa.Column(name, sa.BigInteger, nullable=False) for name in _DAY_QUANTITIES],
    )
    op.create_table(
        "usage_states",
        sa.Column("topic", sa.String(249), primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("next", sa.BigInteger, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )


def _streams() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("topic", sa.String(249), nullable=False),
        sa.Column("site", _NAME, nullable=False),
        sa.Column("key", sa.String(512), nullable=False),
        sa.Column("value", sa.LargeBinary),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "offsets",
        sa.Column("reader", sa.String(64), primary_key=True),
        sa.Column("topic", sa.String(249), primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("next", sa.BigInteger, nullable=False),
    )
