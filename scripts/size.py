"""Print how long modules and functions are and how many comments they hold, against the budget of CONTRIBUTING."""

from __future__ import annotations

import ast
import io
import statistics
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULE_MEDIAN, MODULE_MOST, FUNCTION_MEDIAN, FUNCTION_P90 = 120, 400, 8, 30


def comments(source: str) -> int:
    """Return how many comments a source has; markers for linters and type checkers do not count."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    words = [token.string for token in tokens if token.type == tokenize.COMMENT]
    return sum(not word.startswith(("# noqa", "# type:")) for word in words)


def functions(source: str) -> list[int]:
    """Return the length in lines of every function."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in nodes]


def main() -> int:
    """Print the figures; 1 where a module or function median is over budget or a module over its limit."""
    sources = {path: path.read_text() for path in sorted((ROOT / "src").rglob("*.py"))}
    lines = {path: source.count("\n") for path, source in sources.items() if source.count("\n") > 5}
    lengths = sorted(length for source in sources.values() for length in functions(source))
    share = 100 * sum(map(comments, sources.values())) / max(1, sum(lines.values()))
    tests = sum(path.read_text().count("\n") for path in (ROOT / "tests").rglob("*.py"))
    p90 = lengths[int(0.9 * len(lengths))]
    longest = max(lines, key=lambda path: lines[path])
    print(f"modules    {len(lines)}, median {statistics.median(lines.values()):.0f} lines (budget {MODULE_MEDIAN})")
    print(f"longest    {longest.relative_to(ROOT)}, {lines[longest]} lines (limit {MODULE_MOST})")
    budget = f"(budget {FUNCTION_MEDIAN}, {FUNCTION_P90})"
    print(f"functions  {len(lengths)}, median {statistics.median(lengths):.0f}, p90 {p90} {budget}")
    print(f"comments   {share:.1f} in 100 lines (2 to 5, and only why)")
    print(f"tests      {tests / max(1, sum(lines.values())):.2f} lines for each line of source")
    fits = lines[longest] <= MODULE_MOST and statistics.median(lines.values()) <= MODULE_MEDIAN
    return 0 if fits and p90 <= FUNCTION_P90 else 1


if __name__ == "__main__":
    sys.exit(main())
