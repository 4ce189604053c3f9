"""Which tests prove which row of the fault matrix, and which invariant? Read from the tests' docstrings.

`python -m tests.faults.matrix` prints them, for whoever writes `daemon/RELIABILITY.md`.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent.parent
ROOT = TESTS.parent

# "Row 9." and "Rows 9 and 12.", "I3."
_ROWS = re.compile(r"\b[Rr]ows? (\d+(?:(?:, | and )\d+)*)\b")
_INVARIANTS = re.compile(r"\b(I\d+)\b")


@cache
def claims() -> dict[str, set[str]]:
    """The tests that claim to prove it, as `path::name`, by row number ("9") and by invariant ("I3")."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, docstring in _documented_tests(path):
            reference = f"{path.relative_to(ROOT)}::{name}"
            for numbers in _ROWS.findall(docstring):
                for number in re.findall(r"\d+", numbers):
                    found[number].add(reference)
            for invariant in _INVARIANTS.findall(docstring):
                found[invariant].add(reference)
    return found


def _documented_tests(path: Path) -> Iterator[tuple[str, str]]:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name, " ".join((ast.get_docstring(node) or "").split())


if __name__ == "__main__":
    for key, tests in sorted(claims().items(), key=lambda item: (item[0][0] == "I", int(item[0].lstrip("I")))):
        print(key, *sorted(tests), sep="\n    ")  # noqa: T201
