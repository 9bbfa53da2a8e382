"""Known weaknesses of what is installed: pip-audit, and a plain word where its database of advisories is out of reach.

Exit code 0: everything was looked up and nothing is known. 1: weaknesses are known. 4: something was not looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

_NAMES = 20
"""More names than that say nothing more."""


def main() -> int:
    """Ask pip-audit about this environment, and say what it could not be told."""
    command = [sys.executable, "-m", "pip_audit", "--skip-editable", "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        print(f"Nothing was looked up: {_last_line(done.stderr)}")
        return _out_of_reach()
    code, words = verdict(found)
    print(words)
    return code if code != 4 else _out_of_reach()


def verdict(found: list[dict[str, Any]]) -> tuple[int, str]:
    """Return the exit code and what to say of pip-audit's list of packages."""
    # what is installed from a folder is ours, and stands in no database
    asked = [one for one in found if "editable" not in one.get("skip_reason", "")]
    weak = [f"{one['name']} {one['version']}: {told['id']}" for one in asked for told in one.get("vulns", ())]
    skipped = [one["name"] for one in asked if "skip_reason" in one]
    lines = [f"{len(asked) - len(skipped)} of {len(asked)} packages were looked up, {len(weak)} weaknesses are known."]
    lines += weak
    if skipped:
        rest = f" and {len(skipped) - _NAMES} more" if len(skipped) > _NAMES else ""
        lines.append(f"Not looked up: {', '.join(skipped[:_NAMES])}{rest}.")
    return (1 if weak else 4 if skipped else 0), "\n".join(lines)


def _out_of_reach() -> int:
    print("The advisories of pypi.org are out of reach from here. Run this again where they are not: make audit")
    return 4


def _last_line(said: str) -> str:
    lines = said.strip().splitlines()
    return lines[-1] if lines else "pip-audit said nothing"


if __name__ == "__main__":
    sys.exit(main())
