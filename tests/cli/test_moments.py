"""What is said of moments while the machine's clock is put right."""

from datetime import UTC, datetime

import pytest

from reeld.cli import status
from reeld.config import Library, WatchSettings
from reeld.scanner.root_check import why_unmounted
from reeld.watch.fs_identity import FilesystemIdentity
from reeld.watch.hints import DirtyDirectories
from reeld.watch.observer_health import ObserverHealth
from reeld.watch.rescan import RescanSchedule
from reeld.watch.rules import Rules

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("jump_s", [400 * 86_400, -400 * 86_400])
def test_a_walk_was_as_long_ago_as_it_was_though_the_clock_was_set(jump_s: int) -> None:
    monotonic, wall_s = 1000.0, 1_800_000_000
    library, hints = Library(name="L", path="/nowhere"), DirtyDirectories()
    schedule = RescanSchedule(
        root=library.path,
        settings=WatchSettings(),
        hints=hints,
        observer_health=ObserverHealth(library, hints, Rules(extensions=frozenset(), minimum_size_bytes=0)),
        monotonic=lambda: monotonic,
        wall_ns=lambda: wall_s * 10**9,
    )
    assert schedule.status().last_walk is None
    schedule.walked(monotonic, is_whole=True)
    assert schedule.status().last_walk == wall_s
    monotonic, wall_s = monotonic + 60, wall_s + 60 + jump_s
    assert schedule.status().last_walk == wall_s - 60
    assert schedule.status().last_quick_scan == wall_s - 60


def test_a_moment_that_is_still_to_come_is_not_said_to_be_so_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "utc_now", lambda: NOW)
    assert status._ago("2026-11-24T11:57:00Z") == "3 min ago"
    assert status._since("2026-11-24T11:57:00Z") == "for 3 min"
    # A second more than now: both were rounded.
    assert status._ago("2026-11-24T12:00:01Z") == "0 s ago"
    assert status._ago("2027-12-29T12:00:00Z") == "at 2027-12-29 12:00 UTC (by a clock that was put back)"
    assert status._since("2027-12-29T12:00:00Z") == "since 2027-12-29 12:00 UTC (by a clock that was put back)"


NO_DISK = FilesystemIdentity(source="/dev/reeld0", is_mount_point=True)


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (NO_DISK, FilesystemIdentity(source="overlay", is_mount_point=False), "its disk /dev/reeld0 is not mounted"),
        # Its folder went with the disk: it lay somewhere below the mount point.
        (FilesystemIdentity(source="/dev/reeld0", is_mount_point=False), None, "its disk /dev/reeld0 is not mounted"),
        (FilesystemIdentity(source="nas:/films"), None, "its disk nas:/films is not mounted"),
        (
            FilesystemIdentity(source="stick", is_mount_point=True),
            FilesystemIdentity(is_mount_point=False),
            "its disk is not mounted at /films",
        ),
        (FilesystemIdentity(source="stick", is_mount_point=False), None, None),
        (FilesystemIdentity(source="stick", is_mount_point=True), FilesystemIdentity(is_mount_point=True), None),
    ],
)
def test_an_unmounted_disk_is_one_short_sentence(
    before: FilesystemIdentity, now: FilesystemIdentity | None, words: str | None
) -> None:
    assert why_unmounted("/films", before, now) == words
