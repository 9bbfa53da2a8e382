"""What people may do on page and API."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a person may do; each may what those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def may(self, least: Role) -> bool:
        """Whether it is enough where `least` is needed."""
        return _RANK[self] >= _RANK[least]


_RANK = {role: rank for rank, role in enumerate(Role)}
