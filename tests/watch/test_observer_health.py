"""Is a library watched whenever it can be, polled whenever there is doubt, and is the reason always told?"""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.config import Library, WatchMode
from reeld.watch.directories import KnownDirectories
from reeld.watch.hints import EVERYTHING, DirtyDirectories
from reeld.watch.mounts import Mount
from reeld.watch.observer_health import AUDIT_AGAIN_S, HELD_S, MOUNTS_S, UNRELIABLE_S, Notice, ObserverHealth
from reeld.watch.rules import Rules
from reeld.watch.walk import Listing, list_directory

EVENTS = Notice(has_events=True, is_polling=False, is_degraded=False, why=None)


class Watched:
    """A library on a disk that tells of everything, unless `mounts` says otherwise; with a clock that can be moved."""

    def __init__(self, root: Path, mode: WatchMode = "auto") -> None:
        self.now = 1000.0
        self.mounts: list[Mount] = []
        self.hints = DirtyDirectories()
        self.watching = ObserverHealth(
            Library(name="L", path=str(root), watch=mode),
            self.hints,
            Rules(),
            mounts=lambda: self.mounts,
            clock=lambda: self.now,
        )

    def tend(self, after_s: float = 0.0, directories: int = 0) -> Notice:
        self.now += after_s
        self.watching.tend(directories)
        return self.watching.notice()

    def kill_observer(self) -> None:
        assert self.watching._observer is not None
        reader = self.watching._observer._reader
        assert reader is not None
        reader.stop()
        reader.join()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    yield watched
    watched.watching.stop()


def mounted(path: str, fs_type: str) -> Mount:
    return Mount(mount_point=path, fs_type=fs_type, source="x", device=(0, 1))


def test_a_new_observer_calls_for_a_walk_of_everything(watched: Watched) -> None:
    assert watched.tend() == EVENTS
    assert watched.hints.take() == EVERYTHING
    assert watched.tend(5) == EVENTS
    assert watched.hints.take() is None


def test_an_observer_that_keeps_failing_is_replaced_ever_later_with_a_full_walk(watched: Watched) -> None:
    """An observer that keeps failing is replaced ever later and each time all is walked."""
    watched.tend()
    for delay_s in (1, 2, 4, 8):
        watched.hints.take()
        watched.kill_observer()
        notice = watched.tend()
        assert (notice.mode, notice.is_degraded) == ("polling", True)
        assert notice.why
        assert watched.tend(delay_s - 0.1).mode == "polling"
        assert watched.hints.take() is None
        assert watched.tend(0.1) == EVENTS
        assert watched.hints.take() == EVERYTHING
    assert watched.watching.rebuilds == 4


def test_an_observer_that_held_for_a_while_is_replaced_quickly_again(watched: Watched) -> None:
    watched.tend()
    for _ in range(3):
        watched.kill_observer()
        watched.tend()
        watched.tend(10)
    watched.tend(HELD_S)
    watched.kill_observer()
    watched.tend()
    assert watched.tend(1) == EVENTS


def test_after_a_stop_the_library_is_watched_anew_at_once(watched: Watched) -> None:
    watched.tend()
    watched.kill_observer()
    watched.tend()
    watched.watching.stop()
    assert watched.tend() == EVENTS


def test_a_library_that_needs_too_many_watches_takes_none_of_others(watched: Watched) -> None:
    """A library that needs more watches than there are does not take those of others."""
    before = threading.active_count()
    notice = watched.tend(directories=10**9)
    assert "sudo sysctl -w" in str(notice.why)
    assert "1000000000 directories need one each" in str(notice.why)
    assert threading.active_count() == before
    assert watched.tend(1, directories=1) == EVENTS


def test_on_a_file_system_that_tells_nothing_the_library_is_polled(watched: Watched) -> None:
    """On a file system that does not tell the library is polled and events are taken too."""
    watched.mounts = [mounted("/", "nfs4")]
    notice = watched.tend()
    assert (notice.mode, notice.is_degraded) == ("events and polling", False)
    assert "nfs4" in str(notice.why)
    watched.mounts = [mounted("/", "ext4")]
    assert watched.tend(MOUNTS_S) == EVENTS


def test_a_network_mount_that_comes_below_the_library_is_noticed(watched: Watched, tmp_path: Path) -> None:
    watched.mounts = [mounted("/", "ext4")]
    assert watched.tend() == EVENTS
    watched.mounts.append(mounted(f"{os.path.realpath(tmp_path)}/net", "cifs"))
    assert watched.tend(MOUNTS_S).mode == "events and polling"


@pytest.mark.parametrize(("mode", "expected"), [("events", "events"), ("poll", "polling")])
def test_the_owner_can_say_how_a_library_is_watched(tmp_path: Path, mode: WatchMode, expected: str) -> None:
    watched = Watched(tmp_path, mode)
    watched.mounts = [mounted("/", "nfs4")]
    notice = watched.tend()
    assert (notice.mode, notice.is_degraded) == (expected, False)
    watched.watching.stop()


def test_two_changes_that_were_not_told_are_needed_for_doubt_which_ends_after_a_day(watched: Watched) -> None:
    watched.tend()
    watched.watching.report_missed_event("a")
    assert watched.tend() == EVENTS
    watched.watching.report_missed_event("a/b")
    notice = watched.tend()
    assert (notice.mode, notice.is_degraded) == ("events and polling", True)
    assert "a/b" in str(notice.why)
    assert watched.tend(UNRELIABLE_S - 1).is_degraded
    assert watched.tend(1) == EVENTS
    watched.watching.report_missed_event("a")
    assert watched.tend() == EVENTS


def test_a_rebuilt_observer_explains_what_was_not_told_before(watched: Watched) -> None:
    watched.tend()
    watched.watching.report_missed_event("a")
    watched.kill_observer()
    watched.tend()
    watched.tend(1)
    watched.watching.report_missed_event("a")
    assert watched.tend() == EVENTS


def test_a_directory_is_blind_only_when_it_is_so_twice(watched: Watched, tmp_path: Path) -> None:
    """I2. The first time its creation may be on its way to the observer. What rules skip is never watched."""
    for name in ("seen", ".unwatched"):
        (tmp_path / name).mkdir()
    watched.tend()
    directories = KnownDirectories()
    for relative in ("", "seen", ".unwatched"):
        listing = list_directory(str(tmp_path), relative, Rules())
        assert isinstance(listing, Listing)
        directories.note(listing, wall_ns=time.time_ns())
    watched.watching.audit_soon()
    watched.watching.audit(directories)
    assert watched.tend() == EVENTS
    watched.now += AUDIT_AGAIN_S
    watched.watching.audit(directories)
    assert "1 directory without a watch of the kernel, .unwatched among them" in str(watched.tend().why)
    (tmp_path / ".unwatched").rmdir()
    assert watched.tend(1) == EVENTS
    watched.watching.audit_soon()
    for _ in range(3):
        watched.watching.audit(directories)
        assert watched.tend(AUDIT_AGAIN_S) == EVENTS


def test_events_are_counted_while_another_thread_stops_the_observer(tmp_path: Path) -> None:
    """The metrics thread reads the counter. The observer may be gone after the first read of it."""

    class Stopping(ObserverHealth):
        def __getattribute__(self, name: str) -> object:
            value = super().__getattribute__(name)
            if name == "_observer" and value is not None:
                self._observer = None
            return value

    watching = Stopping(Library(name="L", path=str(tmp_path)), DirtyDirectories(), Rules())
    watched = Watched(tmp_path)
    watched.tend()
    try:
        watching._observer = watched.watching._observer
        assert watching.events >= 0
    finally:
        watched.watching.stop()
