"""Does the running daemon fill the search index by itself?"""

from tests.service.harness import RunningDaemon, new_world
from tests.videos import make_video


def test_the_daemon_fills_the_search_index_when_no_file_waits() -> None:
    with new_world() as world, RunningDaemon(world) as daemon:
        make_video(world.library / "Heat (1995).mkv")
        daemon.assert_true()

        def has_it() -> bool:
            words = world.ask_database("SELECT words FROM movie_words")
            return words == [("heat",)] and world.ask_database("SELECT count(*) FROM search_queue") == [(0,)]

        daemon.wait_until(has_it, "the title is in the index")
        assert world.ask_database("SELECT sort_key FROM movies") == [("heat",)]
        (world.library / "Heat (1995).mkv").rename(world.library / "Ronin (1998).mkv")
        daemon.wait_until(
            lambda: world.ask_database("SELECT words FROM movie_words") == [("ronin",)], "the new title is there alone"
        )
