"""Whatever befalls a library's watching, its catalogue becomes equal to the disk, and the status says what is wrong.

The daemon is the real one. Where a fault cannot be brought about from outside, a few lines of Python break the one
function that is to fail before the daemon starts.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.service.harness import RunningDaemon, World, hash_of, new_world
from tests.videos import make_video

needs_root = pytest.mark.needs_root
skip_without_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount and turn the kernel's knobs")

MOST_QUEUED = Path("/proc/sys/fs/inotify/max_queued_events")

# The waiting is the daemon's own; only its length is changed.
IMPATIENT = """
from reeld.service import watcher
from reeld.watch import event_probe, observer_health
event_probe.BEAT_S, event_probe.LATE_S = 0.2, 1.0
watcher.CHECK_S, observer_health.AUDIT_AGAIN_S, observer_health.RETRY = 0.2, 0.1, (0.1, 1.0)
"""


@dataclass(kw_only=True)
class TamperedWorld(World):
    """A world whose daemon runs some Python before it starts, or is started by another command."""

    tampering: str = ""
    starter: tuple[str, ...] = ()

    def command(self, *arguments: str) -> list[str]:
        code = f"{self.tampering}\nfrom reeld.cli.app import main\nmain()"
        return [*self.starter, sys.executable, "-c", code, *arguments]

    def faults(self) -> str | None:
        return None if self.starter or self.is_humble else json.dumps({"code": self.tampering})


@contextlib.contextmanager
def tampered_world(tampering: str = "", **settings: Any) -> Iterator[TamperedWorld]:
    with new_world() as plain:
        yield TamperedWorld(root=plain.root, tampering=tampering, **settings)


def watching_of(world: World, library: str = "L") -> dict[str, Any]:
    (found,) = [row for row in world.rows("status")[0]["libraries"] if row["name"] == library]
    return dict(found["watching"] or {})


def burst(directory: Path, count: int) -> None:
    for number in range(count):
        (directory / f"{number}.txt").touch()


def overflow(daemon: RunningDaemon, directory: Path, queued: int) -> None:
    """Events beyond what the queue holds, while nobody takes any out."""
    daemon.signal(signal.SIGSTOP)
    try:
        burst(directory, queued + 1000)
        for seed in range(3):
            make_video(directory / f"Film {seed} (1999).mkv", seed=seed)
    finally:
        daemon.signal(signal.SIGCONT)


def assert_rebuilt_once(daemon: RunningDaemon, reason: str) -> None:
    failed = daemon.wait_for("watch.failed")
    assert reason in failed["reason"]
    daemon.wait_for("watch.rebuilt")
    daemon.assert_true()
    made = make_video(daemon.world.library / "Afterwards (2001).mkv", seed=77)
    daemon.wait_for("file.finished", path=made.name)
    daemon.assert_true()
    assert daemon.count("watch.failed") == daemon.count("watch.rebuilt") == 1
    daemon.wait_until(lambda: watching_of(daemon.world)["rebuild_count"] == 1, "the status is published each second")


# --- events are lost --------------------------------------------------------------------------------------


@needs_root
@skip_without_root
def test_after_an_overflow_of_a_small_queue_the_observer_is_rebuilt_once() -> None:
    """After an overflow of a small queue the observer is rebuilt once and all is known.

    Row 1. The knob is latched when the descriptor is made, so it is lowered only for the start.
    """
    with new_world(library_extra='watch = "events"\n') as world:
        before = MOST_QUEUED.read_text()
        daemon = RunningDaemon(world)
        try:
            MOST_QUEUED.write_text("128")
            daemon.start()
        finally:
            MOST_QUEUED.write_text(before)
        with contextlib.ExitStack() as stack:
            stack.push(daemon.__exit__)
            overflow(daemon, world.library, 4000)
            assert_rebuilt_once(daemon, "events were lost")


def test_after_an_overflow_with_many_directories_the_observer_is_rebuilt_once() -> None:
    """After an overflow with many directories the observer is rebuilt once and all is known.

    Row 2. watchdog 7.1 itself adds all watches anew, which overflows the queue again, without
    end.
    """
    capacity = int(MOST_QUEUED.read_text())
    if capacity > 100_000:
        pytest.skip(f"fs.inotify.max_queued_events is {capacity}: too many files for a test")
    with new_world(library_extra='watch = "events"\n') as world:
        for number in range(2000):
            (world.library / f"{number % 50}" / f"{number}").mkdir(parents=True)
        with RunningDaemon(world) as daemon:
            overflow(daemon, world.library / "1", capacity)
            assert_rebuilt_once(daemon, "events were lost")
            daemon.wait_until(lambda: watching_of(world)["mode"] == "events", "the status is published each second")


def test_a_start_on_many_directories_while_others_walk_them_loses_nothing() -> None:
    """Row 3. With watchdog's default mask 5,000 directories overflow the queue at the start."""
    with new_world() as world:
        for number in range(6000):
            (world.library / f"{number % 60}" / f"{number}").mkdir(parents=True)
        walking = f"while :; do find {world.library} -type f -newer /; done"
        others = [subprocess.Popen(["sh", "-c", walking], stdout=subprocess.DEVNULL) for _ in range(3)]
        try:
            with RunningDaemon(world) as daemon:
                make_video(world.library / "7/67/Heat (1995).mkv")
                daemon.assert_true()
                daemon.wait_until(lambda: watching_of(world)["walked_at"], "the library was walked")
                daemon.wait_until(
                    lambda: watching_of(world)["directory_count"] == 6061, "the status is published each second"
                )
                assert daemon.find("watch.failed") is None
        finally:
            for other in others:
                other.kill()
                other.wait()


LOSE_EVENTS = """
from reeld.watch.observer import _Marker
tell = _Marker.on_any_event
_Marker.on_any_event = lambda self, event: None if b"lost" in event.src_path.encode() else tell(self, event)
"""


def test_what_no_event_told_is_found_by_the_next_look_at_the_directories() -> None:
    """I5. Files that come, go and are renamed, and whole new folders."""
    with tampered_world(
        LOSE_EVENTS.replace("event.src_path.encode()", "__import__('os').fsencode(event.src_path)"),
        extra="[watch]\nreconcile_s = 1.0\n",
    ) as world:
        folder = world.library / "lost"
        folder.mkdir()
        gone = make_video(folder / "Gone (1990).mkv", seed=1)
        named = make_video(folder / "Before (1991).mkv", seed=2)
        with RunningDaemon(world) as daemon:
            daemon.assert_true()
            gone.unlink()
            named.rename(folder / "After (1991).mkv")
            (folder / "new" / "deep").mkdir(parents=True)
            make_video(folder / "new" / "deep" / "Heat (1995).mkv", seed=3)
            make_video(folder / "Ran (1985).mkv", seed=4)
            daemon.assert_true()
            shutil.rmtree(folder / "new")
            daemon.assert_true()


# --- the observer itself fails ---------------------------------------------------------------------------

# The first file named `poison` meets the fault, and the observer that replaces the first one does not.
POISON = """
import os, threading
from reeld.watch.observer import InotifyFD, _Marker
poisoned = []
def is_poison(name):
    if b"poison" in os.fsencode(name) and not poisoned:
        poisoned.append(name)
        return True
def fail():
    raise RuntimeError("a bug")
def poison(cls, method, name_of, fault):
    healthy = getattr(cls, method)
    def work(self, event):
        if is_poison(name_of(event)):
            fault()
        healthy(self, event)
    setattr(cls, method, work)
"""
FAULTS = {
    "reader": 'poison(InotifyFD, "handle_event", lambda event: event.name, fail)',
    "handler": 'poison(_Marker, "on_any_event", lambda event: event.src_path, fail)',
    "blocked": 'poison(InotifyFD, "handle_event", lambda event: event.name, threading.Event().wait)',
}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("reader", "thread InotifyFD has ended"),
        ("handler", "thread BaseObserver has ended"),
        ("blocked", "the event of a change that reeld made itself did not arrive"),
    ],
)
def test_an_observer_whose_thread_dies_or_hangs_is_replaced(fault: str, reason: str) -> None:
    """Row 5, row 6 (the handler). A thread that hangs is alive; only the canary tells."""
    tampering = POISON + FAULTS[fault] + IMPATIENT
    with tampered_world(tampering, library_extra='watch = "events"\n') as world, RunningDaemon(world) as daemon:
        (world.library / "poison.txt").touch()
        make_video(world.library / "Heat (1995).mkv", seed=1)
        assert_rebuilt_once(daemon, reason)


FORGET_A_DIRECTORY = """
from reeld.watch.observer import _Tree
enter = _Tree._enter
_Tree._enter = lambda self, parent, name: None if name == b"blind" else enter(self, parent, name)
"""


def test_a_directory_without_a_watch_is_found_and_if_need_be_looked_at_by_the_clock() -> None:
    """I2. Three observers in a row leave the same directory out; then the library is polled."""
    settings = {"library_extra": 'watch = "events"\n', "extra": "[watch]\npoll_s = 0.5\n"}
    with tampered_world(FORGET_A_DIRECTORY + IMPATIENT, **settings) as world:
        (world.library / "blind" / "below").mkdir(parents=True)
        (world.library / "seen").mkdir()
        with RunningDaemon(world) as daemon:
            doubted = daemon.wait_for("watch.unreliable")
            assert "2 directories without a watch of the kernel, blind among them" in doubted["reason"]
            assert daemon.count("watch.failed") == 2
            make_video(world.library / "blind" / "below" / "Heat (1995).mkv")
            daemon.assert_true()
            watching = watching_of(world)
            assert (watching["mode"], watching["is_degraded"]) == ("events and polling", True)
            assert "degraded: watched and polled: 2 directories" in world.said("status")


# --- too few watches -------------------------------------------------------------------------------------


def test_at_the_watch_limit_a_library_is_polled_until_the_limit_is_raised() -> None:
    """At the watch limit a library is polled until the limit is raised and others are watched.

    Row 4, I17. The user namespace has a limit of its own.
    """
    limit = "user/max_inotify_watches"
    lowered = ("unshare", "-Ur", "sh", "-c", f'echo 40 > /proc/sys/{limit} && exec "$@"', "sh")
    if subprocess.run([*lowered, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces here")
    settings = {"library_extra": 'watch = "events"\n', "extra": "[watch]\npoll_s = 0.5\n"}
    with tampered_world(IMPATIENT, starter=lowered, **settings) as world:
        world.libraries = {"L": world.library, "small": world.root / "small"}
        world.write_config()
        for number in range(60):
            (world.library / f"{number}").mkdir()
        (world.root / "small" / "folder").mkdir(parents=True)
        with RunningDaemon(world) as daemon:
            daemon.wait_until(lambda: watching_of(world).get("is_degraded"), "the status says degraded")
            daemon.wait_until(lambda: "61 directories need one each" in str(watching_of(world)["reason"]), "how many")
            watching = watching_of(world)
            assert watching["mode"] == "polling"
            assert "sudo sysctl -w user.max_inotify_watches=524288" in watching["reason"]
            assert "degraded: polling" in world.said("status")
            daemon.wait_until(lambda: watching_of(world, "small").get("mode") == "events", "the other is watched")
            make_video(world.library / "59" / "Heat (1995).mkv", seed=1)
            make_video(world.root / "small" / "folder" / "Ran (1985).mkv", seed=2)
            daemon.assert_true()
            assert (
                watching_of(world, "small")["rebuild_count"] == 0 or daemon.count("watch.failed", library="small") == 1
            )

            raise_it = ["nsenter", "-t", str(daemon.pid), "-U", "--preserve-credentials"]
            subprocess.run([*raise_it, "sh", "-c", f"echo 1000 > /proc/sys/{limit}"], check=True)
            daemon.wait_for("watch.rebuilt", library="L")
            daemon.wait_until(lambda: watching_of(world)["mode"] == "events", "it is watched again")
            daemon.wait_until(lambda: not watching_of(world)["is_degraded"], "the status is published each second")
            make_video(world.library / "1" / "Alien (1979).mkv", seed=3)
            daemon.assert_true()


# --- file systems that do not tell -----------------------------------------------------------------------


@pytest.fixture
def overlay() -> Iterator[Path]:
    """A world's root with an overlay mounted at its library; the lower layer lies at `disk/lower`."""
    with new_world() as world:
        disk = world.root / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "reeld-test", str(disk)], check=True)
        try:
            for name in ("lower", "upper", "work"):
                (disk / name).mkdir()
            (disk / "lower" / "folder").mkdir()
            layers = ",".join(f"{name}dir={disk}/{name}" for name in ("lower", "upper", "work"))
            subprocess.run(["mount", "-t", "overlay", "-o", layers, "reeld-test", str(world.library)], check=True)
            yield world.root
        finally:
            subprocess.run(["umount", "-l", str(world.library)], check=False)
            subprocess.run(["umount", "-l", str(disk)], check=True)


@needs_root
@skip_without_root
def test_what_is_written_behind_an_overlay_is_found_by_the_clock_from_the_start(overlay: Path) -> None:
    """I2. The kernel has no event for what is written behind an overlay."""
    world = World(root=overlay, extra="[watch]\npoll_s = 0.5\n")
    with RunningDaemon(world) as daemon:
        behind = make_video(overlay / "disk" / "lower" / "folder" / "Heat (1995).mkv", seed=1)
        daemon.wait_for("file.finished", path=f"folder/{behind.name}")
        make_video(world.library / "Ran (1985).mkv", seed=2)
        daemon.assert_true()
        watching = watching_of(world)
        assert (watching["mode"], watching["is_degraded"]) == ("events and polling", False)
        assert "overlay" in watching["reason"]


@needs_root
@skip_without_root
def test_a_library_that_is_to_be_polled_or_trusted_is_so_whatever_it_lies_on(overlay: Path) -> None:
    world = World(root=overlay, library_extra='watch = "poll"\n', extra="[watch]\npoll_s = 0.5\n")
    with RunningDaemon(world) as daemon:
        daemon.wait_until(lambda: watching_of(world).get("mode") == "polling", "it is polled")
        assert watching_of(world)["reason"] == 'its configuration says watch = "poll"'
        make_video(world.library / "folder" / "Ran (1985).mkv", seed=2)
        daemon.assert_true()
        world.library_extra = 'watch = "events"\n'
        world.write_config()
        daemon.restart()
        daemon.wait_until(lambda: watching_of(world).get("mode") == "events", "it is watched")
        assert watching_of(world)["reason"] is None


@needs_root
@skip_without_root
def test_a_library_is_polled_once_changes_were_found_that_nothing_told_of(overlay: Path) -> None:
    """The list of file systems that tell nothing is emptied: so would be met one that nobody thought of."""
    tampering = "from reeld.watch import mounts\nmounts._WITHOUT_EVENTS = frozenset()\n" + IMPATIENT
    world = TamperedWorld(root=overlay, tampering=tampering, extra="[watch]\nreconcile_s = 3.0\npoll_s = 0.5\n")
    with RunningDaemon(world) as daemon:
        daemon.wait_until(lambda: watching_of(world).get("mode") == "events", "it is watched")
        for seed in range(6):
            if daemon.find("watch.unreliable"):
                break
            behind = make_video(overlay / "disk" / "lower" / "folder" / f"Film {seed} (1995).mkv", seed=seed)
            daemon.wait_for("file.settled", path=f"folder/{behind.name}")
        assert "no event had reported, last in folder" in daemon.wait_for("watch.unreliable")["reason"]
        daemon.wait_until(lambda: watching_of(world)["mode"] == "events and polling", "it is polled")
        daemon.wait_until(lambda: watching_of(world)["is_degraded"], "the status is published each second")
        daemon.assert_true()


@needs_root
@skip_without_root
def test_what_is_written_at_the_source_of_a_bind_mount_is_told() -> None:
    """The inode is the same, so the event comes."""
    with new_world() as world:
        source = world.root / "source"
        source.mkdir()
        subprocess.run(["mount", "--bind", str(source), str(world.library)], check=True)
        try:
            with RunningDaemon(world) as daemon:
                daemon.wait_until(lambda: watching_of(world).get("walked_at"), "the library was walked")
                made = make_video(source / "Heat (1995).mkv")
                daemon.wait_for("file.finished", path=made.name)
                daemon.assert_true()
        finally:
            subprocess.run(["umount", "-l", str(world.library)], check=True)


# --- the catalogue fails ---------------------------------------------------------------------------------


@needs_root
@skip_without_root
def test_while_the_catalogue_cannot_be_written_the_library_is_walked_ever_less() -> None:
    """While the catalogue cannot be written to the library is walked ever more seldom.

    What was seen meanwhile is recorded once there is space, without a restart.
    """
    with new_world() as world:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4M", "reeld-test", str(world.state)], check=True)
        try:
            with RunningDaemon(world) as daemon:
                make_video(world.library / "Heat (1995).mkv", seed=1)
                daemon.assert_true()
                filler = world.state / "filler"
                with contextlib.suppress(OSError), open(filler, "wb") as file:
                    while True:
                        file.write(bytes(4096))
                        file.flush()
                for seed in range(20):
                    make_video(world.library / f"Film {seed} (1999).mkv", seed=10 + seed)
                daemon.wait_for("catalog.failed", library="L", retry_s=2.0)
                daemon.wait_for("catalog.failed", library="L", retry_s=4.0)
                filler.unlink()
                daemon.assert_true()
        finally:
            subprocess.run(["umount", "-l", str(world.state)], check=True)


def test_what_is_written_under_one_name_of_a_file_is_known_under_all() -> None:
    """Row 22. The kernel tells it of the name that was opened, and of no other."""
    with new_world() as world:
        second = world.root / "second"
        second.mkdir()
        world.libraries["second"] = second
        world.write_config()
        with RunningDaemon(world) as daemon:
            path = make_video(world.library / "Heat (1995).mkv", seed=1, padding_bytes=3 << 20)
            names = (path, world.library / "below/Heat again (1995).mkv", second / "Heat (1995).mkv")
            names[1].parent.mkdir()
            for other in names[1:]:
                os.link(path, other)
            daemon.assert_true()
            with path.open("ab") as file:
                file.write(b"appended")
            daemon.assert_true()
            assert {world.file(name)["size_bytes"] for name in names} == {path.stat().st_size}
            status = path.stat()
            with path.open("r+b") as file:
                file.seek(2 << 20)
                file.write(b"rewritten")
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
            now = hash_of(path)
            daemon.wait_until(
                lambda: {world.file(name)["file_hash"] for name in names} == {now}, "all have the new hash"
            )
            daemon.assert_true()
