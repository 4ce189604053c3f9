"""What tests of more than one folder share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from reeld.database.connection import close_catalog, open_catalog

# How long an example takes says more of the machine than of the code, so nothing fails for being slow.
settings.register_profile("reeld", deadline=None)
settings.load_profile("reeld")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Path]:
    """A new catalogue, open for this process; its path."""
    path = tmp_path / "state" / "reeld.db"
    open_catalog(str(path), create=True)
    yield path
    close_catalog()
