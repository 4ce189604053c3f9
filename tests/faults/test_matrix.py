"""Does daemon/RELIABILITY.md name a test for every fault and every invariant, and do those tests exist?"""

import re

import pytest

from tests.faults.matrix import ROOT, TESTS, claims

DOCUMENT = ROOT / "daemon" / "RELIABILITY.md"
FAULTS = [str(number) for number in range(1, 44)]
INVARIANTS = [f"I{number}" for number in range(1, 19)]


def named_tests(key: str) -> set[str]:
    """The tests that the document names in the table row that begins with this number."""
    (line,) = re.findall(rf"^\| {key} \|.*$", DOCUMENT.read_text(), flags=re.MULTILINE)
    return {f"tests/{test}" for test in re.findall(r"`((?:\w+/)*test_\w+\.py::test_\w+)`", line)}


@pytest.mark.parametrize("key", FAULTS + INVARIANTS)
def test_every_fault_and_every_invariant_has_the_tests_that_the_document_names(key: str) -> None:
    named = named_tests(key)
    assert named
    assert named == claims()[key]


def test_every_test_that_the_document_names_exists() -> None:
    named = set(re.findall(r"`((?:\w+/)*test_\w+\.py)::(test_\w+)`", DOCUMENT.read_text()))
    assert named
    lost = {(file, name) for file, name in named if f"def {name}(" not in (TESTS / file).read_text()}
    assert lost == set()


def test_every_row_stands_in_a_table() -> None:
    """A row behind a paragraph is shown as text."""
    blocks = DOCUMENT.read_text().split("\n\n")
    begins = [block.partition("\n")[2].partition("\n")[0] for block in blocks if re.search(r"^\|", block, re.MULTILINE)]
    assert begins
    assert all(re.fullmatch(r"[|\s-]+", line) for line in begins), begins
