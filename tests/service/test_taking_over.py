"""What becomes of the jobs that reeld finds in the catalogue when its configuration is another one?"""

from pathlib import Path

import pytest

from reeld.catalog import content, filing, queue
from reeld.catalog.database import writing
from reeld.catalog.models import JobRow
from reeld.config import Config, Library
from reeld.domain.content import QuickHashes
from reeld.domain.identity import Accepted, Reading
from reeld.identify.titles import title_key
from reeld.service.daemon import _take_over
from tests.catalog.rows import NOW_MS, add_file, add_libraries


@pytest.mark.parametrize(("stage", "lane"), [("hash", "heavy"), ("pair", "light")])
def test_a_library_of_another_kind_has_also_those_names_read_whose_files_wait_for_a_later_stage(
    catalog: Path, stage: str, lane: str
) -> None:
    """In the first days of a large library nearly all of them do: thousands wait to be hashed."""
    (library_id,) = add_libraries("Films")
    file_id = add_file(library_id, "Fargo 1x01.mkv")
    reading = Reading(kind="movie", title="Fargo 1x01")
    with writing():
        content.save_quick_hashes(file_id, QuickHashes(fingerprint="f", oshash=None))
        filing.file_verdict(file_id, Accepted(reading=reading), title_key, NOW_MS)
        queue.enqueue(file_id, stage=stage, lane=lane, now_ms=NOW_MS)
    library = Library(name="Films", path="/disks/Films", kind="series")
    _take_over(Config(source=None, libraries=(library,), database_path=""))
    assert JobRow.get().stage == "identify"
