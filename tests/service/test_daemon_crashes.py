"""The daemon ends at any moment, asked or not, and nothing is lost, and nothing is there twice."""

import fcntl
import os
import random
import signal
import threading

from tests.service.harness import RunningDaemon, new_world
from tests.videos import make_video, video_bytes


def test_kills_at_random_moments_lose_no_file_and_double_none() -> None:
    """Row 23. I6."""
    rng = random.Random(1)
    pause = threading.Event()
    with new_world(quiet_s=0.1) as world, RunningDaemon(world) as daemon:
        (world.library / "Show").mkdir()
        done = threading.Event()

        def deliver() -> None:
            for number in range(40):
                name = f"Show/Show.S01E{number:02}.mkv" if number % 2 else f"Film {number} (1999).mp4"
                path = world.library / name
                content = video_bytes("mkv" if number % 2 else "mp4", seed=number)
                with open(path, "wb") as file:
                    file.write(content[:700])
                    file.flush()
                    pause.wait(0.05)  # the writer's own pace: about as long as the kills take together
                    file.write(content[700:])
                pause.wait(0.2)
            done.set()

        writer = threading.Thread(target=deliver)
        writer.start()
        try:
            for _ in range(15):
                # Between nothing and thirty events later: in the middle of any stage, or of the start itself.
                _wait_for_news(daemon, rng.randrange(30), done)
                daemon.kill()
                daemon.start(is_ready=rng.random() < 0.5)
        finally:
            writer.join()
        daemon.assert_true()
        assert len(world.rows("list", "movies")) == 20
        assert len(world.rows("list", "episodes")) == 20
        assert len(world.rows("list", "series")) == 1


def _wait_for_news(daemon: RunningDaemon, number: int, done: threading.Event) -> None:
    enough = daemon.mark() + number
    daemon.wait_until(lambda: len(daemon.log) >= enough or done.is_set(), f"{number} events")


def test_sigterm_ends_it_in_a_large_hash_which_is_done_after_the_restart() -> None:
    """Sigterm ends it in the middle of a large hash which is done after the restart."""
    with new_world() as world, RunningDaemon(world) as daemon:
        path = make_video(world.library / "Napoleon (1927).mkv")
        os.truncate(path, 3 << 30)
        daemon.wait_for("stage.finished", stage="probe")
        assert daemon.stop() < 5
        assert daemon.find("stage.finished", stage="hash") is None
        assert world.file(path)["file_hash"] is None
        mark = daemon.mark()
        daemon.start()
        daemon.wait_for("file.finished", since=mark)
        stages = [row["stage"] for row in daemon.log[mark:] if row["event"] == "stage.finished"]
        assert stages == ["hash"], "what was done before needs not be done again"
        daemon.assert_true()


def test_ctrl_c_ends_it_as_sigterm_does() -> None:
    with new_world() as world, RunningDaemon(world) as daemon:
        daemon.signal(signal.SIGINT)
        assert daemon.wait_for_end() == 0
        assert daemon.find("daemon.stopped")
        assert any("STOPPING=1" in message for message in daemon.told)
        assert not (world.state / "reeld.db.status").exists()
        assert world.rows("status")[0]["running"] is False


def test_a_second_daemon_and_a_scan_are_refused_beside_a_running_one() -> None:
    """Row 31. I12."""
    with new_world() as world, RunningDaemon(world) as daemon:
        for command in ("run", "scan"):
            done = world.reeld(command)
            assert done.returncode == 75, done.stderr
            assert f"process {daemon.pid}" in done.stderr.decode()
            assert b"Traceback" not in done.stderr
        report = world.rows("status")[0]
        assert (report["running"], report["pid"]) == (True, daemon.pid)
        make_video(world.library / "Heat (1995).mkv")
        daemon.wait_for("file.finished")
        daemon.assert_true()


def test_a_lock_file_that_was_removed_lets_nobody_work_beside_a_running_daemon() -> None:
    with new_world() as world, RunningDaemon(world) as daemon:
        os.unlink(f"{world.database}.lock")
        daemon.wait_for("lock.renewed")
        assert world.reeld("scan").returncode == os.EX_TEMPFAIL
        assert world.rows("status")[0]["pid"] == daemon.pid
        with open(f"{world.database}.other", "w") as another:
            fcntl.flock(another, fcntl.LOCK_EX)
            os.rename(another.name, f"{world.database}.lock")
            assert "Another reeld works on the catalogue now" in daemon.wait_for("daemon.failed")["reason"]
            assert daemon.wait_for_end() == os.EX_TEMPFAIL
        daemon.noise.clear()


def test_what_happened_while_it_was_down_is_caught_up_with() -> None:
    with new_world() as world, RunningDaemon(world) as daemon:
        names = ["Alien (1979)", "Brazil (1985)", "Clue (1985)", "Dune (1984)"]
        stays, changes, move_finder, goes = (world.library / f"{name}.mkv" for name in names)
        for seed, path in enumerate((stays, changes, move_finder, goes)):
            make_video(path, seed=seed)
        daemon.assert_true()
        ids = {row["path"]: row["id"] for row in world.rows("list", "files")}
        daemon.stop()

        make_video(changes, seed=10)
        moved = world.library / "below" / move_finder.name
        moved.parent.mkdir()
        os.rename(move_finder, moved)
        goes.unlink()
        mark = daemon.mark()
        daemon.start()
        make_video(world.library / "Eraserhead (1977).mkv", seed=11)
        daemon.assert_true()
        assert world.file(moved)["id"] == ids[str(move_finder)]
        assert world.file(goes)["state"] == "missing"
        read = {row["path"] for row in daemon.log[mark:] if row.get("stage") == "hash"}
        assert read == {changes.name, "Eraserhead (1977).mkv"}
