"""Videos come into a library in every way that people and programs have. One daemon sees them all."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.harness import RunningDaemon, hash_of, new_world
from tests.videos import make_video, video_bytes


@pytest.fixture(scope="module")
def running() -> Iterator[RunningDaemon]:
    with new_world() as world, RunningDaemon(world) as daemon:
        yield daemon


@pytest.fixture
def daemon(running: RunningDaemon) -> Iterator[RunningDaemon]:
    """The shared daemon; whatever a test did, the catalogue is true at its end."""
    yield running
    running.assert_true()


@pytest.fixture
def library(running: RunningDaemon) -> Path:
    return running.world.library


@pytest.fixture
def outside(running: RunningDaemon) -> Path:
    """A folder beside the library, on the same file system."""
    folder = running.world.root / "outside"
    folder.mkdir(exist_ok=True)
    return folder


def _finished(daemon: RunningDaemon, path: Path, *, since: int = 0) -> None:
    daemon.wait_for("file.finished", path=str(path.relative_to(daemon.world.library)), since=since)


def _reads(daemon: RunningDaemon, mark: int) -> int:
    """How many stages read a file since then; the one that reads names does not count."""
    return sum(daemon.count("stage.finished", stage=stage, since=mark) for stage in ("fingerprint", "probe", "hash"))


def test_what_is_there_at_the_start_is_listed_before_the_work_on_it_begins() -> None:
    with new_world(has_catalog=False, quiet_s=0.01) as world:
        for number in range(40):
            folder = world.library / f"Folder {number}"
            folder.mkdir()
            make_video(folder / f"Film {number} (1995).mkv", seed=number)
        with RunningDaemon(world) as daemon:
            daemon.assert_true()
            events = [row["event"] for row in daemon.log]
        begun = events.index("daemon.listed")
        assert events[:begun].count("file.settled") == 40
        assert "stage.finished" not in events[:begun]


def test_names_and_contents_become_the_right_rows(daemon: RunningDaemon, library: Path) -> None:
    names = [
        "Heat (1995).mkv",
        "Heat.1995.Extended.1080p.BluRay.mp4",
        "Severance.S02E01.mkv",
        "Friends.S10E17E18.avi",
        "Show (2010)/Season 00/Show.S00E01.mkv",
        "The Office (US) (2005)/Season 01/The Office (US) - S01E01.mkv",
        "The Office (2001)/Season 01/The Office - S01E01.mkv",
        "xkcd.mkv",
    ]
    for seed, name in enumerate(names, start=100):
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        make_video(library / name, seed=seed, audio_language="ger")
    for name in names:
        _finished(daemon, library / name)
    world = daemon.world

    (heat,) = [row for row in world.rows("list", "movies") if row["title"] == "Heat"]
    assert (heat["year"], len(heat["files"])) == (1995, 2), "two files of one film are two files of one row"
    offices = [row for row in world.rows("list", "series") if row["title"] == "The Office"]
    assert len(offices) == 2, "the two series of that name stay apart"
    episodes = world.rows("list", "episodes")
    friends = [row for row in episodes if row["series"] == "Friends"]
    assert [(row["season_number"], row["episode_number"]) for row in friends] == [(10, 17), (10, 18)]
    assert {row["files"][0]["id"] for row in friends} == {world.file(library / "Friends.S10E17E18.avi")["id"]}
    assert [row["season_number"] for row in episodes if row["series"] == "Show"] == [0]
    assert world.file(library / "xkcd.mkv")["verdict"] == "pending"

    facts = world.file(library / "Heat (1995).mkv")
    assert (facts["resolution_width"], facts["resolution_height"]) == (64, 48)
    assert facts["languages"] == ["de"]
    assert facts["file_hash"] == hash_of(library / "Heat (1995).mkv")


@pytest.mark.skipif(shutil.which("xxhsum") is None, reason="xxhsum is not installed")
def test_the_hash_is_the_one_that_xxhsum_prints(daemon: RunningDaemon, library: Path) -> None:
    path = make_video(library / "Alien (1979).mkv", seed=7, padding_bytes=3_000_000)
    _finished(daemon, path)
    printed = subprocess.run(["xxhsum", "-H2", str(path)], capture_output=True, text=True, check=True).stdout
    assert daemon.world.file(path)["file_hash"] == printed.split()[0]


def test_a_video_that_is_moved_in_is_noticed(daemon: RunningDaemon, library: Path, outside: Path) -> None:
    path = make_video(outside / "Ronin (1998).mkv", seed=1)
    os.utime(path, (1, 1))
    os.rename(path, library / path.name)
    _finished(daemon, library / path.name)


def test_a_hard_link_is_a_file_of_its_own_with_the_same_hash(
    daemon: RunningDaemon, library: Path, outside: Path
) -> None:
    path = make_video(outside / "Brazil (1985).mkv", seed=2)
    os.link(path, library / path.name)
    _finished(daemon, library / path.name)
    os.link(path, library / "Brazil (1985) again.mkv")
    _finished(daemon, library / "Brazil (1985) again.mkv")
    first, second = (daemon.world.file(library / name) for name in (path.name, "Brazil (1985) again.mkv"))
    assert first["id"] != second["id"]
    assert first["file_hash"] == second["file_hash"]


def test_a_slow_copy_is_read_only_once_it_is_complete(daemon: RunningDaemon, library: Path) -> None:
    content = video_bytes("mkv", seed=3) + bytes(500_000)
    path = library / "Metropolis (1927).mkv"
    step = len(content) // 8 + 1
    pause = daemon.world.quiet_s / 2  # the writer's own pace, which is what this test is about
    with open(path, "wb") as file:
        for begin in range(0, len(content), step):
            file.write(content[begin : begin + step])
            file.flush()
            time.sleep(pause)
            assert daemon.find("file.settled", path=path.name) is None, "settled while it was written"
    _finished(daemon, path)
    assert daemon.count("file.settled", path=path.name) == 1
    assert daemon.count("stage.finished", path=path.name, stage="hash") == 1


def test_a_download_counts_once_it_has_its_own_name(daemon: RunningDaemon, library: Path) -> None:
    partial = library / "Solaris (1972).mkv.part"
    partial.write_bytes(video_bytes("mkv", seed=4))
    before = make_video(library / "Stalker (1979).mkv", seed=5)
    _finished(daemon, before)
    os.rename(partial, library / "Solaris (1972).mkv")
    _finished(daemon, library / "Solaris (1972).mkv")
    assert daemon.count("file.settled", path=partial.name) == 0


def test_a_file_with_a_download_beside_it_waits_and_says_so(daemon: RunningDaemon, library: Path) -> None:
    control = library / "Ran (1985).mkv.aria2"
    control.write_bytes(b"")
    path = make_video(library / "Ran (1985).mkv", seed=6)

    def why() -> bool:
        (waiting,) = [library["waiting"] for library in daemon.world.rows("status")[0]["libraries"]]
        return any(wait["path"] == str(path) and "aria2" in wait["reason"] for wait in waiting)

    daemon.wait_until(why, "the status names the file and the download")
    control.unlink()
    _finished(daemon, path)


def test_a_folder_keeps_its_rows_wherever_it_is_moved(daemon: RunningDaemon, library: Path, outside: Path) -> None:
    season = outside / "Fargo" / "Season 01"
    season.mkdir(parents=True)
    for number in range(1, 6):
        make_video(season / f"Fargo.S01E0{number}.mkv", seed=20 + number)
    os.rename(outside / "Fargo", library / "Fargo")
    for number in range(1, 6):
        _finished(daemon, library / "Fargo" / "Season 01" / f"Fargo.S01E0{number}.mkv")
    before = {Path(row["path"]).name: row["id"] for row in daemon.world.rows("list", "files") if "Fargo" in row["path"]}

    mark = daemon.mark()
    os.rename(library / "Fargo", library / "Fargo (2014)")
    daemon.assert_true()
    after = {Path(row["path"]).name: row["id"] for row in daemon.world.rows("list", "files") if "Fargo" in row["path"]}
    assert after == before
    assert _reads(daemon, mark) == 0, "what only has another name is not read again"

    os.rename(library / "Fargo (2014)", outside / "Fargo")
    daemon.wait_for("file.missing", since=mark)
    daemon.assert_true()
    assert not [row for row in daemon.world.rows("list", "episodes") if row["series"] == "Fargo"]
    assert len([row for row in daemon.world.rows("list", "episodes", "--all") if row["series"] == "Fargo"]) == 5

    os.rename(outside / "Fargo", library / "Fargo")
    daemon.assert_true()
    again = {Path(row["path"]).name: row["id"] for row in daemon.world.rows("list", "files") if "Fargo" in row["path"]}
    assert again == before
    assert _reads(daemon, mark) == 0

    shutil.rmtree(library / "Fargo")
    daemon.assert_true()
    assert {row["state"] for row in daemon.world.rows("list", "files") if "Fargo" in row["path"]} == {"missing"}


def test_a_full_hash_comes_after_everything_else(daemon: RunningDaemon, library: Path) -> None:
    """What a person waits for, the row, does not wait for gigabytes."""
    mark = daemon.mark()
    large = make_video(library / "Napoleon (1927).mkv", seed=11)
    os.truncate(large, 64 << 30)  # sparse; what reads 5 GB/s needs longer for it than the small one takes to settle
    daemon.wait_for("stage.finished", stage="probe", path=large.name, since=mark)
    small = make_video(library / "Vertigo (1958).mkv", seed=12)
    daemon.wait_for("stage.finished", stage="probe", path=small.name, since=mark)
    assert daemon.find("stage.finished", stage="hash", path=large.name) is None
    assert daemon.world.file(small)["kind"] == "movie"
    os.truncate(large, 0)  # whoever hashes it sees its end
    large.unlink()


def test_links_fifos_and_loops_are_left_alone(daemon: RunningDaemon, library: Path) -> None:
    folder = library / "odd"
    folder.mkdir()
    os.symlink(library, folder / "loop")
    os.symlink("loop.mkv", folder / "loop.mkv")
    os.symlink(make_video(library / "Psycho (1960).mkv", seed=13), folder / "Psycho (1960).mkv")
    os.mkfifo(folder / "pipe.mkv")
    (folder / "folder.mkv").mkdir()
    _finished(daemon, make_video(folder / "Rope (1948).mkv", seed=14))
    assert sorted(row["path"] for row in daemon.world.rows("list", "files") if "/odd/" in row["path"]) == [
        str(folder / "Rope (1948).mkv")
    ]


def test_names_of_any_bytes_are_kept_and_never_shown_raw(daemon: RunningDaemon, library: Path) -> None:
    names = [
        b"Am\xe9lie (2001).mkv",
        b"two\nlines (1999).mkv",
        b"\x1b[31mred\x1b[0m (2000).mkv",
        b"x" * 244 + b" (1990).mkv",
        "Tōkyō monogatari (1953) \u202e.mkv".encode(),
        b"S99999999999E88888888888.mkv",
        b" .mkv",
        b"-n --json.mkv",
    ]
    folder = library / "names"
    folder.mkdir()
    for seed, name in enumerate(names, start=40):
        with open(os.fsencode(folder) + b"/" + name, "wb") as file:
            file.write(video_bytes("mkv", seed=seed))
    daemon.assert_true()
    world = daemon.world
    listed = {os.fsencode(row["path"]) for row in world.rows("list", "files")}
    assert {os.fsencode(folder) + b"/" + name for name in names} <= listed
    for command in (["list", "files"], ["pending"], ["list", "movies"], ["status"]):
        shown = world.said(*command)
        assert all(char.isprintable() or char in "\t\n" for char in shown), command
    assert len(world.said("list", "files").splitlines()) == len(world.rows("list", "files"))
    odd = os.fsdecode(os.fsencode(folder) + b"/two\nlines (1999).mkv")
    for arguments in (["show", odd], ["validate", odd, "--movie", "Two Lines", "--year", "1999"]):
        assert all(char.isprintable() or char == "\n" for char in world.said(*arguments))
    assert len(world.said("reject", odd).splitlines()) == 1
    assert b"\x1b" not in "".join(str(row) for row in daemon.log).encode(errors="surrogateescape")


def test_what_is_no_video_is_never_taken_for_a_film(daemon: RunningDaemon, library: Path) -> None:
    folder = library / "broken"
    folder.mkdir()
    (folder / "Casablanca (1942).mkv").write_bytes(b"")
    (folder / "Gilda (1946).mkv").write_bytes(os.urandom(50_000))
    (folder / "Laura (1944).mkv").write_bytes(b"#!/bin/sh\necho hello\n")
    (folder / "Suspicion (1941).mp4").write_bytes(video_bytes("mp4", seed=60)[:300])
    daemon.assert_true()
    rows = [row for row in daemon.world.rows("list", "files") if "/broken/" in row["path"]]
    assert len(rows) == 4
    for row in rows:
        assert row["verdict"] == "pending", row
        assert row["reason"], row
    assert not [movie for movie in daemon.world.rows("list", "movies") if movie["title"] in ("Casablanca", "Gilda")]


def test_three_hundred_files_in_thirty_folders_come_at_once(
    daemon: RunningDaemon, library: Path, outside: Path
) -> None:
    content = video_bytes("mkv", seed=9)
    for season in range(1, 31):
        folder = outside / "Many" / f"Season {season:02}"
        folder.mkdir(parents=True)
        for number in range(1, 11):
            (folder / f"Many.S{season:02}E{number:02}.mkv").write_bytes(content + bytes([season, number]))
    shutil.copytree(outside / "Many", library / "Many")
    daemon.assert_true()
    (many,) = [row for row in daemon.world.rows("list", "series") if row["title"] == "Many"]
    assert (many["season_count"], many["episode_count"], many["file_count"]) == (30, 300, 300)


def test_a_file_created_right_after_ready_is_noticed() -> None:
    with new_world() as world, RunningDaemon(world) as daemon:
        path = make_video(world.library / "Heat (1995).mkv")
        daemon.wait_for("file.finished", path=path.name)
        daemon.assert_true()
        daemon.stop()
        assert "READY=1" in daemon.told[0]
        assert any("STOPPING=1" in message for message in daemon.told[1:])


def test_another_folder_can_be_watched_instead_of_the_configured_ones() -> None:
    with new_world(quiet_s=3600) as world:
        other = world.root / "other"
        other.mkdir()
        with RunningDaemon(world, "--library", str(other)) as daemon:
            path = make_video(other / "Heat (1995).mkv")

            def reasons() -> list[str]:
                libraries = world.rows("status")[0]["libraries"]
                return [wait["reason"] for library in libraries for wait in library.get("waiting", ())]

            daemon.wait_until(lambda: any("less than 3600 s" in why for why in reasons()), "it is said to wait")
            world.quiet_s = 0.2
            world.write_config()
            daemon.restart()
            daemon.wait_for("file.finished", path=path.name)
            assert [library["path"] for library in world.rows("list", "libraries") if library["state"] == "online"] == [
                str(other)
            ]


def test_a_subtitle_that_comes_changes_its_name_or_goes_is_noticed_by_its_event(
    daemon: RunningDaemon, library: Path
) -> None:
    film = library / "Ran (1985)" / "Ran (1985).mkv"
    film.parent.mkdir()
    make_video(film, seed=1985)
    _finished(daemon, film)

    def subtitles() -> list[tuple[str, bool, str]]:
        rows = daemon.world.rows("list", "sidecars")
        return [(row["language"], row["is_forced"], row["video_path"]) for row in rows]

    subtitle = film.with_suffix(".ja.srt")
    subtitle.write_text("1")
    daemon.wait_until(lambda: subtitles() == [("ja", False, str(film))], "the subtitle is listed")
    subtitle.rename(film.with_suffix(".fr.forced.srt"))
    daemon.wait_until(lambda: subtitles() == [("fr", True, str(film))], "it has its new name")
    film.with_suffix(".fr.forced.srt").unlink()
    daemon.wait_until(lambda: subtitles() == [], "it is gone")
