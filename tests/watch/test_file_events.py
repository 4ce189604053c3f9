"""Does a watched file make no event in vain, and none too few?"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reeld.watch.file_events import FileEvents, way_to


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A folder with a catalogue, two levels below the one of the test."""
    folder = tmp_path / "above" / "state"
    folder.mkdir(parents=True)
    for name in ("reeld.db", "reeld.db-wal", "reeld.db.status"):
        (folder / name).write_text("old")
    return folder


@pytest.fixture
def events(state: Path) -> Iterator[FileEvents]:
    log = str(state / "reeld.db-wal")
    events = FileEvents([str(state / "reeld.db"), log, str(state / "reeld.db.lock")], [log])
    assert events.is_complete
    assert not events.take()
    yield events
    events.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda state: (state / "reeld.db").unlink(),
        lambda state: (state / "reeld.db").rename(state / "elsewhere"),
        lambda state: (state / "reeld.db.status").rename(state / "reeld.db"),
        lambda state: (state / "reeld.db.lock").touch(),
        lambda state: (state / "reeld.db-wal").write_text("new"),
        lambda state: state.rename(state.with_name("moved")),
        lambda state: state.parent.rename(state.parent.with_name("moved")),
    ],
    ids=["removed", "renamed", "replaced", "created", "written", "folder renamed", "folder above renamed"],
)
def test_what_happens_to_a_file_or_above_it_is_told_once(
    state: Path, events: FileEvents, change: Callable[[Path], object]
) -> None:
    change(state)
    assert events.take()
    assert not events.take()


@pytest.mark.parametrize(
    "change",
    [
        lambda state: (state / "reeld.db").write_text("new"),
        lambda state: (state / "reeld.db").read_text(),
        lambda state: (state / "reeld.db.status").unlink(),
        lambda state: (state / "reeld.db.status").write_text("new"),
        lambda state: (state.parent / "other").touch(),
        os.listdir,
    ],
    ids=["written", "read", "another removed", "another written", "one above created", "listed"],
)
def test_what_concerns_no_file_is_not_told(state: Path, events: FileEvents, change: Callable[[Path], object]) -> None:
    change(state)
    assert not events.take()
    assert events.is_complete


def test_a_folder_that_is_another_one_is_watched_after_a_renewal(state: Path, events: FileEvents) -> None:
    def is_complete_again() -> bool:
        events.renew()
        return events.is_complete

    state.rename(state.with_name("moved"))
    assert events.take()
    assert not is_complete_again(), "there is nothing"
    state.mkdir()
    assert is_complete_again()
    assert not events.take()
    (state / "reeld.db").touch()
    assert events.take()


def test_a_file_behind_a_link_is_watched_under_both_names(tmp_path: Path, state: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(state / "reeld.db")
    events = FileEvents([str(link)])
    (state / "reeld.db").unlink()
    assert events.take()
    link.unlink()
    assert events.take()
    events.close()


def test_the_way_to_a_folder_has_every_folder_and_link_on_it(tmp_path: Path, state: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(state.parent)
    way = way_to(str(link / "state"))
    assert {str(link), str(link / "state"), str(state), str(state.parent), str(tmp_path)} <= set(way)
    assert "/" not in way
