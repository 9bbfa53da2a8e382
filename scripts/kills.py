"""Write docs/evidence/kills.md: kill one kind of process after another, twenty times each under load.

`kills.py` runs every kind, `kills.py KIND...` only those; the page keeps what it had of the others. On an idle machine
of two cores a kind takes two to seven minutes, all of them half an hour.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time

from evidence import ROOT, commit, machine

PAGE = ROOT / "docs" / "evidence" / "kills.md"
TEST = "tests/app/test_kills.py"
KINDS = ("detector-1", "detector-2", "registry", "metrics", "processor", "postgres", "broker")
INTRO = f"""# Kills, one kind after another

Kills (-9) of each kind under load, `{TEST}`, written by `python scripts/kills.py [KIND...]`: each
part says when, at which commit and on what machine it ran. *dirty* means that there were changes which that commit has
not. Each run asks at its end that no accepted reading is lost and nothing is told twice.
"""
_PART = re.compile(r"^## (?P<kind>[\w-]+)$", re.MULTILINE)
_AN_HOUR_S = 3600.0


def main() -> int:
    """Run, write the page after each kind, and return 1 where one has failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; all without any")
    parser.add_argument("--times", type=int, default=20, help="how often each is killed; other than 20 writes no page")
    wanted = parser.parse_args()
    if unknown := sorted(set(wanted.kinds) - set(KINDS)):
        parser.error(f"nobody is called {', '.join(unknown)}: choose of {', '.join(KINDS)}")
    codes = [_run(kind, wanted.times) for kind in wanted.kinds or KINDS]
    return 1 if any(codes) else 0


def merged(page: str, kind: str, part: str) -> str:
    """Return the page with a part anew; the others stay, in the order of `KINDS`."""
    heads = list(_PART.finditer(page))
    ends = [*(head.start() for head in heads), len(page)][1:]
    parts = {head["kind"]: page[head.start() : end].rstrip() for head, end in zip(heads, ends, strict=True)}
    parts[kind] = part
    return "\n\n".join([INTRO.rstrip(), *(parts[name] for name in KINDS if name in parts)]) + "\n"


def _run(kind: str, times: int) -> int:
    name = f"{TEST}::test_whoever_is_killed_nothing_accepted_is_lost_and_nothing_told_twice[{kind}-{times}-times]"
    command = [sys.executable, "-m", "pytest", "-m", "soak", "-q", "-rs", "-p", "no:cacheprovider", "--tb=short", name]
    began, start_s = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), time.monotonic()
    environment = os.environ | {"KILOWATCH_KILLS": str(times)}
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_AN_HOUR_S, env=environment
    )
    took_s = time.monotonic() - start_s
    said = "\n".join(line.rstrip() for line in done.stdout.replace(str(ROOT), ".").splitlines() if line.strip())
    print(f"{kind}, {times} times, {took_s:.0f} s: {said.splitlines()[-1] if said else done.stderr}", flush=True)
    part = f"## {kind}\n\n{began}, {took_s:.0f} s, commit {commit()}, {machine()}\n\n```\n{said}\n```"
    if times == 20:
        PAGE.write_text(merged(PAGE.read_text() if PAGE.exists() else "", kind, part))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
