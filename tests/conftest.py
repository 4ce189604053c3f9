"""Fixtures for tests of more than one folder."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from reeld import log
from reeld.database.connection import close_catalog, open_catalog
from tests.template import copy_template

# The time of an example depends on the machine more than on the code, so nothing fails for being
# slow.
settings.register_profile("reeld", deadline=None)
settings.load_profile("reeld")


# A suite that was started in the background ignores Ctrl-C, and so would every process that it starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests of real processes take longest: they begin, so that at the end no worker is left alone with them. So it is with
# files that compute long.
LONG = (
    *("faults", "service", "cli", "test_docs.py", "report", "pipeline", "identify"),
    *("model/test_model.py", "scanner/test_diff.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        return next((n for n, name in enumerate(LONG) if item.path.is_relative_to(tests / name)), len(LONG))

    items.sort(key=place)


@pytest.fixture(autouse=True)
def _log_of_its_own() -> Iterator[None]:
    """The log is one for the process: what a test sets and logs must not silence those that come after it.

    It has its own patch: the test's must end before the test's other fixtures do.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "_flood", log.Flood())
        patch.setattr(log.Logger, "least", 0)
        yield


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Path]:
    """Create a catalogue, open for this process; return its path."""
    path = tmp_path / "state" / "reeld.db"
    copy_template(path)
    open_catalog(str(path), create=True)
    yield path
    close_catalog()
