"""Who works on a catalogue, and what does it say of itself? Locks of real processes."""

import errno
import fcntl
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reeld.domain.status import RunningStatus
from reeld.errors import CatalogInUse, CatalogUnavailable, NotFoundError
from reeld.service.instance_lock import InstanceLock, status_of, who_works

HOLD = """
import sys
from reeld.domain.status import RunningStatus
from reeld.service.instance_lock import InstanceLock
with InstanceLock(sys.argv[1]) as lock:
    lock.publish(RunningStatus())
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "deep" / "reeld.db")


def test_nobody_is_there_at_first(database: str) -> None:
    assert status_of(database) is None


def test_what_the_owner_tells_can_be_read_while_it_lives(database: str) -> None:
    with InstanceLock(database) as instance_lock:
        assert status_of(database) == RunningStatus(pid=os.getpid(), command="run")
        instance_lock.publish(RunningStatus(config_error="é\udce9"))
        assert status_of(database) == RunningStatus(pid=os.getpid(), command="run", config_error="é\udce9")
    assert status_of(database) is None
    assert os.listdir(os.path.dirname(database)) == ["reeld.db.lock"]


def test_a_second_process_is_refused_and_told_who_the_first_is(database: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(CatalogInUse, match=f"process {other.pid}"), InstanceLock(database):
            pass
        other.kill()
        other.wait()
    # The kernel took the lock back; what the dead process said of itself counts no more.
    assert status_of(database) is None
    with InstanceLock(database):
        assert status_of(database) is not None


def test_a_lock_whose_file_was_removed_or_replaced_is_taken_anew(database: str) -> None:
    with InstanceLock(database) as instance_lock:
        instance_lock.keep()
        os.unlink(f"{database}.lock")
        instance_lock.keep()
        with pytest.raises(CatalogInUse), InstanceLock(database):
            pass
        (other := Path(f"{database}.other")).touch()
        other.rename(f"{database}.lock")
        assert status_of(database) is None
        instance_lock.keep()
        assert status_of(database) == RunningStatus(pid=os.getpid(), command="run")
        os.rename(os.path.dirname(database), f"{os.path.dirname(database)} away")
        instance_lock.keep()
        os.rename(f"{os.path.dirname(database)} away", os.path.dirname(database))
        assert status_of(database) == RunningStatus(pid=os.getpid(), command="run")
    assert status_of(database) is None


def test_who_finds_another_owner_under_a_new_lock_gives_way(database: str) -> None:
    with InstanceLock(database) as instance_lock:
        os.unlink(f"{database}.lock")
        with InstanceLock(database) as other:
            other.publish(RunningStatus(config_error="theirs"))
            with pytest.raises(CatalogInUse, match="was removed while reeld ran"):
                instance_lock.keep()
            instance_lock.publish(RunningStatus(config_error="ours"))
            instance_lock.__exit__()
            assert status_of(database) == RunningStatus(pid=os.getpid(), command="run", config_error="theirs")


def test_a_lock_that_is_removed_while_it_is_taken_is_no_lock(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    take, removed = fcntl.flock, list[str]()

    def remove_first(descriptor: int, how: int) -> None:
        if not removed:
            removed.append(f"{database}.lock")
            os.unlink(removed[0])
        take(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", remove_first)
    with InstanceLock(database), pytest.raises(CatalogInUse), InstanceLock(database):
        pass


@pytest.mark.parametrize("can_write", [True, False])
def test_an_owner_takes_the_word_from_one_that_was_killed(database: str, *, can_write: bool) -> None:
    """An owner takes the word from one that was killed before it says anything itself."""
    os.makedirs(os.path.dirname(database))
    Path(f"{database}.status").write_text('{"pid": 1, "config_error": "what the dead one said"}')
    if not can_write:  # as on a full disk
        os.mkdir(f"{database}.status.new")
    with InstanceLock(database, "scan"):
        assert status_of(database) == (RunningStatus(pid=os.getpid(), command="scan") if can_write else RunningStatus())


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (RunningStatus(pid=5, command="run"), "reeld runs as process 5"),
        (RunningStatus(pid=5), "reeld runs as process 5"),
        (RunningStatus(), "reeld runs"),
        (
            RunningStatus(pid=5, command="scan"),
            "reeld scan works on the catalogue as process 5; the daemon does not run",
        ),
    ],
)
def test_who_works_is_said_by_what_it_does_and_no_process_is_made_up(status: RunningStatus, words: str) -> None:
    assert who_works(status) == words


def test_somebody_who_only_looks_turns_no_daemon_away(database: str) -> None:
    os.makedirs(os.path.dirname(database))
    descriptor = os.open(f"{database}.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_SH)  # what a `reeld status` does, for longer than it ever takes
    timer = threading.Timer(0.15, os.close, (descriptor,))
    timer.start()
    with InstanceLock(database):
        pass
    timer.join()


def test_a_status_that_cannot_be_written_or_read_is_no_trouble(database: str) -> None:
    with InstanceLock(database) as instance_lock:
        os.unlink(f"{database}.status")
        os.mkdir(f"{database}.status.new")
        instance_lock.publish(RunningStatus())
        assert status_of(database) == RunningStatus()
        Path(f"{database}.status").write_bytes(b"\xff{")
        assert status_of(database) == RunningStatus()
        Path(f"{database}.status").write_text("[1]")
        assert status_of(database) == RunningStatus()


def test_a_draft_that_another_user_left_silences_nobody(database: str) -> None:
    """One of root's, which wrote on a full disk: the service may not write to it, and may remove it."""
    os.makedirs(os.path.dirname(database))
    elsewhere = Path(f"{database}.elsewhere")
    elsewhere.write_text("of another user")
    os.symlink(elsewhere, f"{database}.status.new")
    with InstanceLock(database) as instance_lock:
        instance_lock.publish(RunningStatus(started=5))
        assert status_of(database) == RunningStatus(pid=os.getpid(), command="run", started=5)
    assert elsewhere.read_text() == "of another user"


def test_a_disk_that_knows_no_locks_is_not_another_reeld(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(CatalogUnavailable, match="No locks available"), InstanceLock(database):
        pass
    assert status_of(database) is None


def test_who_is_refused_leaves_no_folder_behind_that_was_not_there(tmp_path: Path) -> None:
    def refused(folder: Path, *made: str) -> None:
        def give_up() -> None:
            for name in made:
                (folder / name).touch()
            raise NotFoundError("there is no backup")

        with pytest.raises(NotFoundError), InstanceLock(str(folder / "reeld.db")):
            give_up()

    (tmp_path / "there").mkdir()
    refused(tmp_path / "there" / "mistyped" / "deep")
    assert os.listdir(tmp_path / "there") == []
    refused(tmp_path / "there")
    assert (tmp_path / "there").exists()
    refused(tmp_path / "new", "reeld.db")
    assert sorted(os.listdir(tmp_path / "new")) == ["reeld.db", "reeld.db.lock"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(CatalogUnavailable, match=re.escape(str(tmp_path / "file" / "reeld.db"))) as caught,
        InstanceLock(str(tmp_path / "file" / "reeld.db")),
    ):
        pass
    assert caught.value.hint is not None
    assert "[database] path" in caught.value.hint
