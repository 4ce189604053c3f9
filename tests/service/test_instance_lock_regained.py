"""What becomes of the jobs that reeld finds in the catalogue when its configuration is another one?"""

import os
import signal
from pathlib import Path

import pytest

from reeld.catalog import assignments, media, queue
from reeld.catalog.models import JobRow
from reeld.config import Config, Library
from reeld.database.connection import writing
from reeld.domain.content import QuickHashes
from reeld.domain.identity import Accepted, Reading
from reeld.domain.titles import title_key
from reeld.errors import CatalogBusy
from reeld.service import daemon
from reeld.service.daemon import _take_over, _take_over_again
from reeld.service.instance_lock import InstanceLock
from reeld.service.signals import Signals
from tests.catalog.rows import NOW_MS, add_file, add_libraries


@pytest.mark.parametrize(("stage", "lane"), [("hash", "heavy"), ("match_copies", "light")])
def test_a_library_of_another_kind_has_names_read_of_files_at_a_later_stage(
    catalog: Path, stage: str, lane: str
) -> None:
    """A library of another kind has also those names read whose files wait for a later stage.

    In the first days of a large library nearly all of them do: thousands wait to be hashed.
    """
    (library_id,) = add_libraries("Films")
    file_id = add_file(library_id, "Fargo 1x01.mkv")
    reading = Reading(kind="movie", title="Fargo 1x01")
    with writing():
        media.save_quick_hashes(file_id, QuickHashes(fingerprint="f", oshash=None))
        assignments.store_verdict(file_id, Accepted(reading=reading), title_key, NOW_MS)
        queue.enqueue(file_id, stage=stage, lane=lane, now_ms=NOW_MS)
    library = Library(name="Films", path="/disks/Films", kind="series")
    _take_over(Config(source=None, libraries=(library,), database_path=""))
    assert JobRow.get().stage == "identify"


def test_a_reload_asked_for_while_another_waits_for_the_catalogue_is_not_lost(
    catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reload that is asked for while another waits for the catalogue is not lost.

    The file was changed once more: what it says by then is to be in force in the end.
    """
    is_free = False

    def take_over(config: Config) -> tuple[dict[str, int], int]:
        nonlocal is_free
        if is_free:
            return _take_over(config)
        is_free = True
        os.kill(os.getpid(), signal.SIGHUP)
        raise CatalogBusy("locked")

    monkeypatch.setattr(daemon, "_take_over", take_over)
    monkeypatch.setattr(daemon, "CATALOG_DELAY_S", 0.05)
    library = Library(name="Films", path="/disks/Films")
    with Signals() as signals:
        config = Config(source=None, libraries=(library,), database_path="")
        taken = _take_over_again(config, signals, InstanceLock(str(catalog)))
        assert taken is not None
        assert list(taken) == ["Films"]
        assert signals.wait(0) == "reload"
        assert signals.wait(0) is None, "once"
