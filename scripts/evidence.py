"""Write docs/evidence/soak.md: run the long tests file by file and keep what they printed, where and on what.

`evidence.py` runs all, `evidence.py FILE...` only those; the page keeps what it had of the others.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "evidence" / "soak.md"
INTRO = """# Long runs

What `make soak` printed, one part a file of tests, written by `python scripts/evidence.py`: each part says when, at
which commit and on what machine it ran. *dirty* means that there were changes which that commit has not.
"""
_PART = re.compile(r"^## `(?P<file>[^`]+)`$", re.MULTILINE)
_NIGHT_S = 6 * 3600.0


def main() -> int:
    """Run, write the page after each file, and return 1 where a test has failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", help="files of tests; all that hold long ones without any")
    codes = [_run(file) for file in parser.parse_args().files or long_tests()]
    return 1 if any(codes) else 0


def long_tests() -> list[str]:
    """Return the files that hold tests marked as soak."""
    found = [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if "mark.soak" in path.read_text()]
    return [str(path.relative_to(ROOT)) for path in found]


def parts_of(page: str) -> dict[str, str]:
    """Return the parts of a page by their file."""
    heads = list(_PART.finditer(page))
    ends = [*(head.start() for head in heads), len(page)][1:]
    return {head["file"]: page[head.start() : end].rstrip() for head, end in zip(heads, ends, strict=True)}


def _run(file: str) -> int:
    command = [sys.executable, "-m", "pytest", "-m", "soak", "-rs", "-v", "-p", "no:cacheprovider", "--tb=short", file]
    began = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_NIGHT_S)
    said = "\n".join(line.rstrip() for line in done.stdout.replace(str(ROOT), ".").splitlines() if _tells(line))
    part = f"## `{file}`\n\n{began}, commit {commit()}, {machine()}\n\n```\n{said}\n```"
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    parts = parts_of(PAGE.read_text() if PAGE.exists() else "") | {file: part}
    PAGE.write_text("\n\n".join([INTRO.rstrip(), *(parts[name] for name in sorted(parts))]) + "\n")
    print(f"{file}: {said.splitlines()[-1] if said else done.stderr}", flush=True)
    return done.returncode


def _tells(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(("platform ", "cachedir", "rootdir", "plugins", "configfile"))


def commit() -> str:
    """Return the commit, and whether there are changes which it has not."""
    words = ["git", "describe", "--always", "--dirty", "--abbrev=7", "--exclude=*"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def machine() -> str:
    """Return what a run ran on, and how busy that was."""
    cpu = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory_kb = re.search(r"^MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    gib = f"{int(memory_kb[1]) / 1048576:.0f} GiB" if memory_kb else "memory unknown"
    load = os.getloadavg()[2]
    name = cpu[1] if cpu else platform.machine()
    return f"{name}, {os.cpu_count()} cores, {gib}, load {load:.1f}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
