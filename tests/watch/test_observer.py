"""The observer's promise: start it, walk, follow the hints, and what you know is what is on the disk."""

import ctypes
import errno
import itertools
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reeld.domain.files import FileStamp
from reeld.watch.hints import DirtyDirectories, Hint
from reeld.watch.limits import CannotWatch
from reeld.watch.observer import LibraryObserver
from reeld.watch.rules import Rules
from reeld.watch.walk import Listing, Unreadable, Vanished, list_directory, walk
from tests.watch.conftest import PACKAGE_PARENT, RunAsOther

RULES = Rules()
PATIENCE_S = 150


class Follower:
    """Knows a library by following hints, as simply as can be."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.hints = DirtyDirectories()
        self.troubles: list[str] = []
        self.in_trouble = threading.Event()
        self.listings: dict[str, Listing] = {}
        self.observer = LibraryObserver(root, self.hints, self.note_trouble, rules=RULES)
        self._number = itertools.count()

    def note_trouble(self, why: str) -> None:
        self.troubles.append(why)
        self.in_trouble.set()

    def start(self) -> None:
        self.observer.start()
        self.scan_all()

    def rebuild(self) -> None:
        self.observer.stop()
        self.in_trouble.clear()
        self.observer = LibraryObserver(self.root, self.hints, self.note_trouble, rules=RULES)
        self.start()

    def scan_all(self) -> None:
        self.listings.clear()
        for found in walk(self.root, "", RULES):
            self.learn(found)

    def learn(self, found: Listing | Vanished | Unreadable) -> None:
        match found:
            case Listing():
                self.listings[found.relative] = found
                for relative in [relative for relative in self.listings if self.is_orphan(relative, found)]:
                    del self.listings[relative]
            case Vanished(relative=relative):
                for below in [key for key in self.listings if f"{key}/".startswith(f"{relative}/")]:
                    del self.listings[below]

    def is_orphan(self, relative: str, parent: Listing) -> bool:
        prefix = f"{parent.relative}/" if parent.relative else ""
        if not relative.startswith(prefix) or relative == parent.relative:
            return False
        return relative[len(prefix) :].split("/", 1)[0] not in parent.directories

    def follow(self, hint: Hint) -> None:
        if hint.is_recursive:
            for found in walk(self.root, hint.relative, RULES):
                self.learn(found)
        elif RULES.why_skip_directory(hint.relative) is None:
            found = list_directory(self.root, hint.relative, RULES)
            self.learn(found)
            if isinstance(found, Listing):
                for name in found.directories:
                    below = f"{hint.relative}/{name}" if hint.relative else name
                    if below not in self.listings:
                        self.follow(Hint(relative=below, is_recursive=True))

    def catch_up(self) -> None:
        """Follow all hints of what was done until now.

        inotify tells in order: once the directory that is made here is told, all before it was told.
        """
        last = f"told-{next(self._number)}"
        os.mkdir(os.path.join(self.root, last))
        while True:
            assert self.hints.wait(PATIENCE_S), "the observer told nothing"
            while (hint := self.hints.take()) is not None:
                self.follow(hint)
                if hint.relative == last:
                    return

    def files(self) -> set[str]:
        return {file.relative for found in self.listings.values() for file in found.files}

    def assert_knows_the_disk(self) -> None:
        fresh = [found for found in walk(self.root, "", RULES) if isinstance(found, Listing)]
        assert self.files() == {file.relative for found in fresh for file in found.files}
        assert set(self.listings) == {found.relative for found in fresh}
        assert self.observer.coverage(found.identity for found in fresh) == set()
        assert self.observer.trouble() is None


@pytest.fixture
def follower(library: str) -> Iterator[Follower]:
    os.mkdir(f"{library}/films")
    follower = Follower(f"{library}/films")
    follower.start()
    yield follower
    follower.observer.stop()


def touch(*names: str) -> str:
    path = os.path.join(*names)
    with open(path, "wb"):
        return path


def test_files_that_come_change_and_go_are_told(follower: Follower) -> None:
    root = follower.root
    touch(root, "a.mkv")
    touch(root, "b.mkv")
    follower.catch_up()
    assert follower.files() == {"a.mkv", "b.mkv"}
    os.rename(f"{root}/a.mkv", f"{root}/c.mkv")
    os.unlink(f"{root}/b.mkv")
    with open(f"{root}/c.mkv", "wb") as file:
        file.write(b"longer")
    follower.catch_up()
    assert follower.files() == {"c.mkv"}
    assert follower.listings[""].files[0].stamp.size_bytes == 6
    follower.assert_knows_the_disk()


@pytest.mark.parametrize(
    "change",
    [
        lambda path: os.utime(path, (1, 1)),
        lambda path: os.chmod(path, 0o600),
        lambda path: os.chown(path, -1, os.getgid()),
        lambda path: os.setxattr(path, "user.reeld", b"1"),
    ],
    ids=["utime", "chmod", "chown", "setxattr"],
)
def test_a_file_that_is_changed_by_its_path_alone_is_told(follower: Follower, change: Callable[[str], None]) -> None:
    os.mkdir(f"{follower.root}/a")
    path = touch(follower.root, "a/film.mkv")
    follower.catch_up()
    change(path)
    follower.catch_up()
    assert follower.listings["a"].files[0].stamp == FileStamp.of(os.stat(path))


def test_very_many_files_that_are_touched_at_once_are_told_and_lose_nothing(follower: Follower) -> None:
    os.mkdir(f"{follower.root}/a")
    paths = [touch(follower.root, "a", f"{number}.mkv") for number in range(2000)]
    follower.catch_up()
    for path in paths:
        os.utime(path, (1, 1))
    follower.catch_up()
    assert all(file.stamp.mtime_ns == 10**9 for file in follower.listings["a"].files)
    follower.assert_knows_the_disk()


def test_a_directory_whose_rights_change_stays_watched(follower: Follower) -> None:
    os.mkdir(f"{follower.root}/a")
    follower.catch_up()
    os.chmod(f"{follower.root}/a", 0o700)
    touch(follower.root, "a/film.mkv")
    follower.catch_up()
    assert follower.files() == {"a/film.mkv"}
    follower.assert_knows_the_disk()


def test_only_the_directory_of_an_event_is_marked(follower: Follower) -> None:
    os.makedirs(f"{follower.root}/a/b")
    follower.catch_up()
    touch(follower.root, "a/b/film.mkv")
    assert follower.hints.wait(PATIENCE_S)
    assert follower.hints.take() == Hint(relative="a/b", is_recursive=False)


def test_what_is_made_at_once_inside_a_directory_just_made_is_known(follower: Follower) -> None:
    for number in range(200):
        directory = f"{follower.root}/{number % 20}/Show {number}/Season 1"
        os.makedirs(directory)
        touch(directory, "e1.mkv")
    follower.catch_up()
    assert len(follower.files()) == 200
    follower.assert_knows_the_disk()


def test_a_tree_moved_in_is_known_and_watched(follower: Follower, library: str) -> None:
    os.makedirs(f"{library}/incoming/Show/Season 1/Extras")
    touch(library, "incoming/Show/Season 1/e1.mkv")
    os.rename(f"{library}/incoming/Show", f"{follower.root}/Show")
    follower.catch_up()
    assert follower.files() == {"Show/Season 1/e1.mkv"}
    touch(follower.root, "Show/Season 1/Extras/later.mkv")
    follower.catch_up()
    assert len(follower.files()) == 2
    follower.assert_knows_the_disk()


def test_hard_links_renames_over_and_links_are_told_although_nothing_is_closed(
    follower: Follower, library: str
) -> None:
    outside = touch(library, "outside.mkv")
    os.link(outside, f"{follower.root}/linked.mkv")
    with open(touch(library, "better.mkv"), "wb") as file:
        file.write(b"better")
    touch(follower.root, "old.mkv")
    os.rename(f"{library}/better.mkv", f"{follower.root}/old.mkv")
    os.symlink(outside, f"{follower.root}/symlink.mkv")
    follower.catch_up()
    sizes = {file.name: file.stamp.size_bytes for file in follower.listings[""].files}
    assert sizes == {"linked.mkv": 0, "old.mkv": 6}
    assert follower.listings[""].others == ("symlink.mkv",)


def test_names_of_any_bytes_and_of_full_length_are_told(follower: Follower) -> None:
    directory = os.fsdecode(b"\xff\xfe " + b"d" * 252)
    os.mkdir(f"{follower.root}/{directory}")
    follower.catch_up()
    name = os.fsdecode(b"\xc3 new\nline " + b"a" * 240 + b".mkv")
    touch(follower.root, directory, name)
    follower.catch_up()
    assert follower.files() == {f"{directory}/{name}"}
    follower.assert_knows_the_disk()


def test_a_loop_of_symlinks_is_neither_followed_nor_a_trouble(follower: Follower) -> None:
    os.mkdir(f"{follower.root}/a")
    os.symlink("..", f"{follower.root}/a/up")
    os.symlink(".", f"{follower.root}/self")
    touch(follower.root, "a/film.mkv")
    follower.catch_up()
    assert follower.files() == {"a/film.mkv"}
    follower.rebuild()
    follower.assert_knows_the_disk()


def test_a_fifo_named_like_a_video_blocks_nothing(follower: Follower) -> None:
    os.mkfifo(f"{follower.root}/fifo.mkv")
    touch(follower.root, "film.mkv")
    follower.catch_up()
    assert follower.files() == {"film.mkv"}


def test_a_root_that_is_a_link_is_watched_where_it_leads(library: str) -> None:
    os.mkdir(f"{library}/real")
    os.symlink("real", f"{library}/link")
    follower = Follower(f"{library}/link")
    follower.start()
    touch(library, "real/film.mkv")
    follower.catch_up()
    follower.assert_knows_the_disk()
    follower.observer.stop()


def test_a_directory_moved_out_tells_nothing_any_more(follower: Follower, library: str) -> None:
    os.makedirs(f"{follower.root}/a/b")
    follower.catch_up()
    os.rename(f"{follower.root}/a", f"{library}/a")
    follower.catch_up()
    for path in (f"{library}/a", f"{library}/a/b"):
        identity = (os.stat(path).st_dev, os.stat(path).st_ino)
        assert follower.observer.coverage([identity]) == {identity}
    touch(library, "a/b/phantom.mkv")
    os.mkdir(f"{follower.root}/next")
    assert follower.hints.wait(PATIENCE_S)
    assert follower.hints.take() == Hint(relative="next", is_recursive=True)


def test_a_directory_moved_out_its_name_reused_and_both_removed_does_no_harm(follower: Follower, library: str) -> None:
    """watchdog 7.1 itself dies of a KeyError here, and its threads say that they live."""
    os.makedirs(f"{follower.root}/a/b")
    follower.catch_up()
    os.rename(f"{follower.root}/a", f"{library}/a")
    os.makedirs(f"{follower.root}/a/b")
    follower.catch_up()
    shutil.rmtree(f"{follower.root}/a")
    shutil.rmtree(f"{library}/a")
    follower.catch_up()
    os.makedirs(f"{follower.root}/a")
    touch(follower.root, "a/film.mkv")
    follower.catch_up()
    assert follower.files() == {"a/film.mkv"}
    follower.assert_knows_the_disk()


def test_a_directory_moved_out_and_back_is_known_and_watched(follower: Follower, library: str) -> None:
    os.makedirs(f"{follower.root}/a/b")
    follower.catch_up()
    os.rename(f"{follower.root}/a", f"{library}/a")
    touch(library, "a/b/made outside.mkv")
    os.rename(f"{library}/a", f"{follower.root}/a")
    follower.catch_up()
    touch(follower.root, "a/b/made inside.mkv")
    follower.catch_up()
    assert len(follower.files()) == 2
    follower.assert_knows_the_disk()


def test_directories_unpacked_and_then_renamed_are_watched_to_the_bottom(
    follower: Follower,
) -> None:
    """Directories unpacked under a working name and renamed are watched to the bottom.

    Row 8. watchdog 7.1 itself left `sub` unwatched in 46 of 400 such renames.
    """
    for number in range(300):
        working = f"{follower.root}/_UNPACK_{number}"
        os.makedirs(f"{working}/sub")
        touch(working, "sub/film.mkv")
        os.rename(working, f"{follower.root}/Film {number}")
    follower.catch_up()
    assert len(follower.files()) == 300
    follower.assert_knows_the_disk()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "renameat2"), reason="this libc has no renameat2")
def test_directories_that_exchange_their_names_are_both_watched(follower: Follower) -> None:
    """The kernel tells that the one came before it tells that the other went, both under one name."""
    for name in ("a/sub", "b/sub"):
        os.makedirs(f"{follower.root}/{name}/deep")
    follower.catch_up()
    places = (f"{follower.root}/a/sub".encode(), f"{follower.root}/b/sub".encode())
    at_cwd, exchange = -100, 2
    assert ctypes.CDLL(None, use_errno=True).renameat2(at_cwd, places[0], at_cwd, places[1], exchange) == 0
    follower.catch_up()
    follower.assert_knows_the_disk()
    for number, name in enumerate(("a/sub", "b/sub", "a/sub/deep", "b/sub/deep")):
        touch(f"{follower.root}/{name}", f"{number}.mkv")
    follower.catch_up()
    follower.assert_knows_the_disk()


@pytest.mark.parametrize("seed", range(4))
def test_after_a_storm_of_changes_the_disk_is_known(follower: Follower, library: str, seed: int) -> None:
    """Row 7, I2. watchdog 7.1 itself lost its reader within two seconds of such churn, six times of six."""
    chance = random.Random(seed)
    names = [f"n{number}" for number in range(8)]

    def place() -> str:
        top = chance.choice([follower.root, follower.root, follower.root, library])
        return os.path.join(top, *(chance.choice(names) for _ in range(chance.randint(1, 3))))

    for _ in range(4000):
        here, there, action = place(), place(), chance.random()
        try:
            if action < 0.4:
                os.makedirs(here, exist_ok=True)
            elif action < 0.6:
                os.rename(here, there)
            elif action < 0.8:
                shutil.rmtree(here)
            else:
                touch(here, f"{chance.choice(names)}.mkv")
        except OSError:
            continue
    follower.catch_up()
    follower.assert_knows_the_disk()


def test_directories_that_the_rules_skip_are_not_watched(follower: Follower) -> None:
    os.makedirs(f"{follower.root}/Film/@eaDir/film.mkv")
    follower.catch_up()
    status = os.stat(f"{follower.root}/Film/@eaDir")
    assert follower.observer.coverage([(status.st_dev, status.st_ino)]) == {(status.st_dev, status.st_ino)}
    touch(follower.root, "Film/@eaDir/film.mkv/thumb.mkv")
    follower.catch_up()
    assert follower.files() == set()
    follower.assert_knows_the_disk()


def test_an_event_burst_in_one_directory_is_one_hint(follower: Follower) -> None:
    os.mkdir(f"{follower.root}/a")
    follower.catch_up()
    for number in range(2000):
        touch(follower.root, f"a/{number}.mkv")
    follower.catch_up()
    assert len(follower.files()) == 2000
    assert len(follower.hints) == 0


def test_a_lost_event_is_noticed_when_the_queue_overflows_and_a_rebuild_heals(follower: Follower) -> None:
    with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
        capacity = int(file.read())
    if capacity > 100_000:
        pytest.skip(f"fs.inotify.max_queued_events is {capacity}: too many files for a test")
    tree = next(iter(follower.observer._observer.emitters))._tree  # type: ignore[union-attr]
    with tree._lock:  # the reader must wait here for the first directory, and the queue fills
        os.mkdir(f"{follower.root}/first")
        path = touch(follower.root, "film.mkv")
        for number in range(capacity + 1000):  # alternating names: equal neighbours would be merged
            os.rename(path, path := f"{follower.root}/{number % 2}.mkv")
    assert follower.in_trouble.wait(PATIENCE_S)
    assert not follower.observer.is_healthy()
    assert "events were lost" in (follower.observer.trouble() or "")
    follower.rebuild()
    assert len(follower.troubles) == 1
    follower.catch_up()
    follower.assert_knows_the_disk()


@pytest.mark.parametrize("victim", ["_reader", "_observer"])
def test_a_thread_that_dies_is_noticed(follower: Follower, monkeypatch: pytest.MonkeyPatch, victim: str) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    thread: threading.Thread = getattr(follower.observer, victim)
    if victim == "_reader":
        monkeypatch.setattr(thread, "handle_event", fail)
    else:
        monkeypatch.setattr(follower.hints, "mark", fail)
    touch(follower.root, "film.mkv")
    thread.join(PATIENCE_S)
    assert not follower.observer.is_healthy()
    assert "thread" in (follower.observer.trouble() or "")
    follower.observer.stop()


@pytest.mark.parametrize(
    "happen",
    [
        lambda root: root.rename(root.with_name("moved")),
        lambda root: root.parent.rename(root.parent.with_name("moved")),
        lambda root: root.chmod(0o700),
    ],
    ids=["renamed", "renamed above", "other rights"],
)
def test_what_happens_to_the_root_or_above_it_wakes_its_thread(
    tmp_path: Path, happen: Callable[[Path], object]
) -> None:
    """The thread checks the root then. Nothing is marked: a root that went must not be walked."""
    root = tmp_path / "disk" / "library"
    root.mkdir(parents=True)
    hints = _Woken()
    observer = LibraryObserver(str(root), hints, lambda _why: None, rules=RULES)
    observer.start()
    try:
        happen(root)
        assert hints.woken.wait(PATIENCE_S)
        assert len(hints) == 0
    finally:
        observer.stop()


def test_a_link_to_the_root_that_leads_elsewhere_wakes_its_thread(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    link, new = tmp_path / "link", tmp_path / "new"
    link.symlink_to("library")
    hints = _Woken()
    observer = LibraryObserver(str(link), hints, lambda _why: None, rules=RULES)
    observer.start()
    try:
        new.symlink_to("elsewhere")
        new.replace(link)
        assert hints.woken.wait(PATIENCE_S)
    finally:
        observer.stop()


class _Woken(DirtyDirectories):
    """Tells when its thread is woken without a mark."""

    def __init__(self) -> None:
        super().__init__()
        self.woken = threading.Event()

    def wake(self) -> None:
        self.woken.set()


def test_a_root_that_is_deleted_is_noticed(follower: Follower) -> None:
    shutil.rmtree(follower.root)
    assert follower.in_trouble.wait(PATIENCE_S)
    assert "deleted" in follower.troubles[0]


@pytest.mark.needs_root
@pytest.mark.parametrize("is_lazy", [False, True])
def test_a_disk_that_is_unmounted_is_noticed(tmpfs: str, is_lazy: bool) -> None:
    follower = Follower(tmpfs)
    follower.start()
    subprocess.run(["umount", *(["-l"] if is_lazy else []), tmpfs], check=True)
    assert follower.in_trouble.wait(PATIENCE_S)
    assert not follower.observer.is_healthy()
    follower.observer.stop()


@pytest.mark.needs_root
def test_a_disk_that_is_unmounted_inside_the_library_is_noticed(tmpfs: str, library: str) -> None:
    follower = Follower(library)
    follower.start()
    subprocess.run(["umount", tmpfs], check=True)
    assert follower.in_trouble.wait(PATIENCE_S)
    assert "disk was unmounted" in follower.troubles[0]
    follower.observer.stop()


def test_coverage_names_the_directories_that_have_no_watch(follower: Follower, library: str) -> None:
    os.mkdir(f"{library}/elsewhere")
    root, elsewhere = os.stat(follower.root), os.stat(f"{library}/elsewhere")
    identities = [(root.st_dev, root.st_ino), (elsewhere.st_dev, elsewhere.st_ino)]
    assert follower.observer.coverage(identities) == {identities[1]}
    follower.observer.stop()
    assert follower.observer.coverage(identities) == set(identities)


def test_coverage_goes_by_the_inode_where_device_numbers_differ(
    follower: Follower,
) -> None:
    """Coverage goes by the inode where the kernel and stat name devices differently.

    btrfs gives each subvolume a device number that fdinfo does not know.
    """
    unknown_device = os.makedev(0, 12345)
    inode = os.stat(follower.root).st_ino
    assert follower.observer.coverage([(unknown_device, inode)]) == set()
    assert follower.observer.coverage([(unknown_device, 1)]) == {(unknown_device, 1)}


@pytest.mark.parametrize(("name", "number"), [("nothing", errno.ENOENT), ("file", errno.ENOTDIR)])
def test_a_root_that_is_no_directory_cannot_be_watched_and_nothing_stays_behind(
    library: str, name: str, number: int
) -> None:
    touch(library, "file")
    threads, descriptors = set(threading.enumerate()), os.listdir("/proc/self/fd")
    observer = LibraryObserver(f"{library}/{name}", DirtyDirectories(), lambda _: None, rules=RULES)
    with pytest.raises(CannotWatch) as caught:
        observer.start()
    assert caught.value.errno == number
    assert set(threading.enumerate()) == threads
    assert len(os.listdir("/proc/self/fd")) == len(descriptors)
    assert not observer.is_healthy()


def test_stopping_gives_back_every_thread_and_descriptor_and_may_be_done_twice(library: str) -> None:
    threads, descriptors = set(threading.enumerate()), os.listdir("/proc/self/fd")
    follower = Follower(library)
    follower.start()
    follower.observer.stop()
    follower.observer.stop()
    assert set(threading.enumerate()) == threads
    assert len(os.listdir("/proc/self/fd")) == len(descriptors)
    assert follower.troubles == []


def test_an_observer_that_was_not_started_can_be_stopped_and_is_not_healthy(library: str) -> None:
    observer = LibraryObserver(library, DirtyDirectories(), lambda _: None, rules=RULES)
    assert not observer.is_healthy()
    observer.stop()


def test_stopping_does_not_wait_for_a_thread_that_hangs(follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reeld.watch.observer._STOP_TIMEOUT_S", 0.05)
    reader = follower.observer._reader
    assert reader is not None
    with reader._lock:  # as if add_callback sat in a system call on a dead mount
        follower.observer.stop()
        assert reader.is_alive()
    reader.join(PATIENCE_S)


def test_the_inotify_descriptor_does_not_reach_child_processes(follower: Follower) -> None:
    assert not os.get_inheritable(follower.observer._descriptor())


OBSERVE = """
import json, os, sys
from reeld.watch.hints import DirtyDirectories
from reeld.watch.limits import CannotWatch
from reeld.watch.observer import LibraryObserver
from reeld.watch.rules import Rules
root, troubles = sys.argv[1], []
hints = DirtyDirectories()
observer = LibraryObserver(root, hints, lambda why: (troubles.append(why), hints.wake()), rules=Rules())
try:
    observer.start()
except CannotWatch as error:
    print(json.dumps({"errno": error.errno, "message": str(error), "hint": error.hint}))
    sys.exit()
"""


def test_a_root_that_we_may_not_read_cannot_be_watched(library: str, run_as_other: RunAsOther) -> None:
    """watchdog 7.1 itself starts, says that all is well, and tells nothing for ever."""
    os.mkdir(f"{library}/closed", 0)
    told = run_as_other(OBSERVE, f"{library}/closed")
    assert told["errno"] == errno.EACCES
    assert "give the user that runs reeld the right" in told["hint"]
    assert "reeld may not read it" in told["message"]


def test_directories_that_we_may_not_read_do_not_hinder_the_others(library: str, run_as_other: RunAsOther) -> None:
    os.makedirs(f"{library}/open")
    for name in ("closed", "closed too"):
        os.mkdir(f"{library}/{name}", 0)
    os.chmod(f"{library}/open", 0o777)
    code = """
open(root + "/open/film.mkv", "w").close()
hints.wait(20)
statuses = [os.stat(path) for path in (root, root + "/open", root + "/closed")]
identities = [(status.st_dev, status.st_ino) for status in statuses]
missing = observer.coverage(identities)
print(json.dumps({"hint": hints.take().relative, "healthy": observer.is_healthy(), "blind": len(missing)}))
"""
    assert run_as_other(OBSERVE + code, library) == {"hint": "open", "healthy": True, "blind": 1}


def with_limit(name: str, value: int, code: str, root: str) -> str:
    """Run code in a user namespace of its own, in which inotify has this limit."""
    script = f'echo {value} > /proc/sys/user/{name} && exec "$@"'
    done = subprocess.run(
        ["unshare", "-Ur", "sh", "-c", script, "sh", sys.executable, "-W", "error", "-c", code, root],
        env={**os.environ, "PYTHONPATH": PACKAGE_PARENT},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    if done.returncode != 0 and "unshare" in done.stderr:
        pytest.skip(f"no user namespaces here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_too_few_watches_are_an_error_with_the_command_that_helps(library: str) -> None:
    for number in range(50):
        os.mkdir(f"{library}/{number}")
    told = with_limit("max_inotify_watches", 40, OBSERVE, library)
    assert "sudo sysctl -w user.max_inotify_watches=" in told


def test_too_few_instances_are_an_error_with_the_command_that_helps(library: str) -> None:
    told = with_limit("max_inotify_instances", 0, OBSERVE, library)
    assert "sudo sysctl -w user.max_inotify_instances=" in told


def test_a_watch_limit_that_is_reached_later_is_a_trouble(library: str) -> None:
    """watchdog 7.1 itself leaves the directories beyond the limit unwatched and says nothing."""
    code = """
for number in range(50):
    os.mkdir(f"{root}/{number}")
while not troubles:  # the trouble itself wakes without a hint
    hints.wait(20)
    while hints.take() is not None:
        pass
print(troubles)
"""
    told = with_limit("max_inotify_watches", 40, OBSERVE + code, library)
    assert "user.max_inotify_watches=" in told


def test_the_canary_is_heard_through_the_whole_observer(follower: Follower) -> None:
    """And what happened before it is marked by then."""
    touch(follower.root, "film.mkv")
    before_ns = time.time_ns()
    follower.observer.beat()
    deadline = time.monotonic() + PATIENCE_S
    while follower.observer.delivered_until_ns < before_ns:
        assert time.monotonic() < deadline, "it is not heard of"
        follower.hints.wait(0.01)
    assert follower.hints.take() == Hint(relative="", is_recursive=False)
