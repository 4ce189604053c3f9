"""Test that a running daemon hears what comes after its verdicts: a .nfo, and another kind of library."""

import signal
from pathlib import Path

from tests.service.harness import RunningDaemon, World, new_world
from tests.videos import make_video, video_bytes

NFO = "<movie><title>Heat</title><year>1995</year><uniqueid type='tmdb' default='true'>949</uniqueid></movie>"


def test_a_nfo_is_heard_after_its_film_was_accepted() -> None:
    """Also if it changed while reeld was stopped."""
    with new_world() as world, RunningDaemon(world) as daemon:
        film = make_video(world.library / "Heat (1995).mkv", seed=1)
        nfo = film.with_suffix(".nfo")
        daemon.assert_true()
        assert (world.file(film)["verdict"], _tmdb_ids(world)) == ("accepted", [None])
        nfo.write_text(NFO)
        daemon.wait_until(lambda: _tmdb_ids(world) == [949], "the id of the .nfo")
        daemon.stop()
        nfo.write_text(NFO.replace("1995", "1979"))
        daemon.start()
        daemon.wait_until(lambda: world.file(film)["verdict"] == "pending", "the contradiction")
        nfo.unlink()
        daemon.wait_until(lambda: world.file(film)["verdict"] == "accepted", "the name alone")
        assert _tmdb_ids(world) == [None]


def test_another_kind_of_library_is_heard_while_the_end_of_a_file_is_awaited() -> None:
    with new_world(patience_h=24) as world, RunningDaemon(world) as daemon:
        film = _cut_off(world.library / "Casablanca (1942).mp4")
        daemon.wait_for("file.incomplete", path=film.name)
        assert world.file(film)["verdict"] == "accepted"
        world.library_extra = 'kind = "series"\n'
        world.write_config()
        daemon.signal(signal.SIGHUP)
        daemon.wait_until(lambda: world.file(film)["verdict"] == "pending", "the name is read again")
        is_awaited = "SELECT stage, state, awaited_until_ms > 0 FROM jobs"
        daemon.wait_until(lambda: world.ask_database(is_awaited) == [("probe", "waiting", 1)], "the end is awaited")


def _cut_off(path: Path) -> Path:
    content = video_bytes("mp4", seed=2)
    path.write_bytes(content[: len(content) * 3 // 4])
    return path


def _tmdb_ids(world: World) -> list[int | None]:
    return [row["tmdb_id"] for row in world.rows("list", "movies")]
