"""The tests are named as CONTRIBUTING.md says."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent

LONGEST_NAME = 80


def _tests() -> Iterator[tuple[Path, str]]:
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield path.relative_to(TESTS), node.name


def test_a_name_of_a_test_fits_into_one_line() -> None:
    """What does not fit into the name stands in the docstring."""
    found = list(_tests())
    assert len(found) > 1000
    assert [f"{path}::{name}" for path, name in found if len(name) > LONGEST_NAME] == []
