"""From the settings of the owner to the rules of policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.core.policy import PolicyRules

if TYPE_CHECKING:
    from kilowatch.config.sections import PolicyConfig
    from kilowatch.core.device import ActsBy


def rules_of(policy: PolicyConfig, side: ActsBy) -> PolicyRules:
    """Return what the owner allows the actor of a side."""
    return PolicyRules(
        side=side,
        dry_run=policy.dry_run,
        cooldown_s=policy.cooldown_s,
        site_actions_per_hour=policy.site_actions_per_hour,
        min_windows=policy.min_windows,
    )
