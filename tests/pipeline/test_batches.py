"""Many files go through the real stages together: what is read once, asked once, and stays the business of one file."""

import errno
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from reeld.catalog import queue
from reeld.catalog.models import JobRow, VideoFile
from reeld.database.base import database
from reeld.database.connection import writing
from reeld.domain.records import FileRecord
from reeld.errors import WorkerDied, WorkerTimeout
from reeld.identify import child
from reeld.pipeline.context import StageContext
from reeld.pipeline.disk_health import DiskHealth
from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import LANES, STAGES
from tests.scanner.test_compare import World
from tests.scanner.test_moved_files import runner_in, tools, world, worlds
from tests.videos import make_video, remux

__all__ = ["tools", "world", "worlds"]  # the fixtures of test_moved_files.py

NAMES = [
    "Alien (1979).mkv",
    "Dune (2021).mkv",
    "Fargo (1996).mkv",
    "Heat (1995).mkv",
    "Memento (2000).mkv",
    "Ronin (1998).mkv",
    "Solaris (1972).mkv",
    "Vertigo (1958).mkv",
]


@pytest.fixture
def batch(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A library of eight films that wait, where one worker takes all that wait."""
    monkeypatch.setattr(queue, "SHARERS", 1)
    for seed, name in enumerate(NAMES):
        make_video(world.root / name, seed=seed)
    world.be_quiet()
    return world


def run_to_the_end(runner: Runner) -> None:
    while any(runner.step(lane) for lane in LANES):
        pass


def hashed() -> list[str]:
    return [row.path for row in VideoFile.select().where(VideoFile.file_hash.is_null(False)).order_by(VideoFile.path)]


def harming(runner: Runner, stage: str, harm: Any) -> Runner:
    """A runner that calls `harm` with the file's record once this stage has run for it."""

    def after(record: FileRecord, context: StageContext) -> Any:
        result = chosen.run(record, context)
        harm(record)
        return result

    (chosen,) = [each for each in STAGES if each.name == stage]
    return replace(runner, stages=[replace(each, run=after) if each.name == stage else each for each in runner.stages])


# --- one opening -----------------------------------------------------------------------------------------


def test_a_small_file_is_opened_once_and_its_bytes_are_read_once(
    batch: World, tools: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For its ends, its headers and its hash. One that is larger than its ends is hashed in its own lane."""
    make_video(batch.root / "Zulu (1964).mkv", seed=9, padding_bytes=3 << 20)
    batch.be_quiet()
    runner = runner_in(batch, tools)
    runner.step("names")
    opened: list[str] = []
    really = os.open

    def noting(path: Any, *rest: Any, **more: Any) -> int:
        if os.fspath(path).endswith(".mkv"):
            opened.append(os.path.basename(path))
        return really(path, *rest, **more)

    monkeypatch.setattr(os, "open", noting)
    assert runner.step("light")
    assert sorted(opened) == sorted([*NAMES, "Zulu (1964).mkv"])
    assert hashed() == NAMES
    assert [(job.stage, job.lane) for job in JobRow.select()] == [("hash", "heavy")]
    assert runner.step("heavy")
    assert opened.count("Zulu (1964).mkv") == 2


def test_a_file_that_cannot_be_closed_costs_nothing(
    batch: World, tools: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FUSE and network file systems fail there, too. What was read is checked before."""
    really = os.close

    def fail(descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        really(descriptor)
        if path.endswith(NAMES[3]):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    runner = runner_in(batch, tools)
    runner.step("names")
    monkeypatch.setattr(os, "close", fail)
    assert runner.step("light")
    assert hashed() == NAMES


def test_the_disk_is_named_while_a_file_is_opened_and_closed(
    batch: World, tools: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a dead mount either may wait for ever, which is no fault of the thread."""
    at_disk: list[str] = []
    waited: list[tuple[str, bool]] = []
    really_open, really_close = os.open, os.close

    @contextmanager
    def naming(record: FileRecord) -> Iterator[None]:
        at_disk.append(record.absolute_path)
        yield
        at_disk.pop()

    def note_open(path: Any, *rest: Any, **more: Any) -> int:
        if os.fspath(path).endswith(".mkv"):
            waited.append(("open", at_disk == [path]))
        return really_open(path, *rest, **more)

    def note_close(descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if path.endswith(".mkv"):
            waited.append(("close", at_disk == [path]))
        really_close(descriptor)

    runner = runner_in(batch, replace(tools, at_disk=naming))
    runner.step("names")
    monkeypatch.setattr(os, "open", note_open)
    monkeypatch.setattr(os, "close", note_close)
    assert runner.step("light")
    assert waited == [("open", True), ("close", True)] * len(NAMES)


def test_what_is_read_of_a_batch_is_one_commit(batch: World, tools: StageContext) -> None:
    runner = runner_in(batch, tools)
    began: list[str] = []
    database.connection().set_trace_callback(lambda sql: began.append(sql) if sql.startswith("BEGIN") else None)
    try:
        run_to_the_end(runner)
    finally:
        database.connection().set_trace_callback(None)
    assert hashed() == NAMES
    # A claim and a commit in two lanes, and claims that find nothing: a lane says so by one.
    assert len(began) <= 2 * 2 + 2 * len(LANES)


def test_a_stage_that_fails_behind_others_costs_only_its_own_result(batch: World, tools: StageContext) -> None:
    """What was read before is stored, and the file waits at the stage that failed, with one attempt counted."""

    def ask(request: dict[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
        if os.path.basename(os.readlink(f"/proc/self/fd/{descriptors[0]}")) == NAMES[2]:
            raise WorkerTimeout("it hung")
        return tools.ask_prober(request, descriptors)

    (batch.root / NAMES[2]).write_bytes(remux("mpegts"))  # whose headers the prober reads
    batch.be_quiet()
    run_to_the_end(runner_in(batch, replace(tools, ask_prober=ask)))
    row = VideoFile.get(VideoFile.path == NAMES[2])
    assert row.fingerprint is not None
    assert (row.container, row.file_hash, list(row.stages_done)) == (None, None, ["fingerprint"])
    (job,) = JobRow.select()
    assert (job.video_file_id, job.stage, job.state, job.attempts) == (row.id, "probe", "waiting", 1)
    assert "it hung" in job.last_error
    assert hashed() == [name for name in NAMES if name != NAMES[2]]


# --- one file of a batch ---------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["fingerprint", "probe"])
def test_one_file_of_a_batch_that_changes_meanwhile_waits_alone(batch: World, tools: StageContext, stage: str) -> None:
    """Between two stages that share its opening: what was read of other bytes is not stored."""
    looked: list[str] = []

    def grow(record: FileRecord) -> None:
        if record.path == NAMES[3]:
            with open(record.absolute_path, "ab") as file:
                file.write(b"more")

    runner = replace(harming(runner_in(batch, tools), stage, grow), rescan_directory=looked.append)
    runner.step("names")
    runner.step("light")
    assert hashed() == [name for name in NAMES if name != NAMES[3]]
    (job,) = JobRow.select()
    # After the probe, what fails in a lane that is not its own is found again there.
    assert (job.stage, job.state) == ("probe" if stage == "fingerprint" else "hash", "waiting")
    assert looked == ([str(batch.root / NAMES[3])] if stage == "fingerprint" else [])
    while any(runner.step(lane) for lane in LANES):
        pass
    assert looked == [str(batch.root / NAMES[3])]
    assert JobRow.get().attempts == 0, "it was not at fault"
    assert NAMES[3] not in hashed()


def test_one_file_of_a_batch_that_is_reset_meanwhile_loses_only_its_own_result(
    batch: World, tools: StageContext
) -> None:
    """Its token is void, while those of the others, which are the same, still count."""

    def reset(record: FileRecord) -> None:
        if record.path == NAMES[5]:
            with writing():
                queue.enqueue(record.id, stage="name", lane="names", now_ms=batch.now_ms())

    runner = harming(runner_in(batch, tools), "probe", reset)
    runner.step("names")
    runner.step("light")
    assert hashed() == [name for name in NAMES if name != NAMES[5]]
    row = VideoFile.get(VideoFile.path == NAMES[5])
    assert (row.fingerprint, row.container, row.stages_done) == (None, None, {})
    (job,) = JobRow.select()
    assert (job.video_file_id, job.stage, job.state) == (row.id, "name", "waiting")


def test_a_library_that_goes_away_within_a_batch_rests_with_what_was_not_begun(
    batch: World, tools: StageContext
) -> None:
    health = DiskHealth()
    root = str(batch.root)

    def stall(record: FileRecord) -> None:
        if record.path == NAMES[1]:
            health.do_not_answer({root: "a read"}, frozenset({root}))

    runner = harming(runner_in(batch, tools, health), "probe", stall)
    runner.step("names")
    runner.step("light")
    done = hashed()
    assert NAMES[1] in done
    assert {(job.state, job.attempts) for job in JobRow.select()} == {("paused", 0)}
    assert JobRow.select().count() == len(NAMES) - len(done)


def test_a_disk_that_answers_only_after_a_reload_has_nothing_of_its_library_paused(
    batch: World, tools: StageContext
) -> None:
    """The thread that it held belongs to a daemon that has ended. The next one knows of no trouble."""
    health, root, has_ended = DiskHealth(), str(batch.root), threading.Event()

    def stall(_record: FileRecord) -> None:
        if not has_ended.is_set():
            health.do_not_answer({root: "a read"}, frozenset({root}))
            has_ended.set()
            with writing():  # as the next daemon does at its start
                queue.recover(lambda _attempts: batch.now_ms())

    runner = harming(runner_in(batch, replace(tools, should_stop=has_ended.is_set), health), "fingerprint", stall)
    runner.step("names")
    runner.step("light")
    assert [(job.state, job.stage) for job in JobRow.select()] == [("waiting", "fingerprint")] * len(NAMES)
    assert hashed() == []


def test_one_result_of_a_batch_that_cannot_be_stored_fails_alone(batch: World, tools: StageContext) -> None:
    (probe,) = [each for each in STAGES if each.name == "probe"]

    def fill(record: FileRecord, facts: Any) -> Any:
        if record.path == NAMES[4]:
            raise ValueError("a bug")
        assert probe.fill is not None
        return probe.fill(record, facts)

    runner = runner_in(batch, tools)
    runner = replace(runner, stages=[replace(probe, fill=fill) if each is probe else each for each in STAGES])
    runner.step("names")
    runner.step("light")
    assert hashed() == [name for name in NAMES if name != NAMES[4]]
    (job,) = JobRow.select()
    assert (job.stage, job.state, job.attempts) == ("probe", "waiting", 1)
    assert VideoFile.get(VideoFile.path == NAMES[4]).fingerprint is not None


# --- one question ----------------------------------------------------------------------------------------


def test_the_names_of_a_batch_are_asked_in_one_question(batch: World, tools: StageContext) -> None:
    asked: list[int] = []

    def ask(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(len(request["clues"]))
        return child.answer(request)

    assert runner_in(batch, replace(tools, ask_identifier=ask)).step("names")
    assert asked[0] == len(NAMES)  # a slow child answers for the first of them, and is asked again for the others
    assert {(row.verdict, row.path) for row in VideoFile.select()} == {("accepted", name) for name in NAMES}


def test_only_the_name_that_kills_its_reader_is_not_read(batch: World, tools: StageContext) -> None:
    """After a question that ended the child each name is asked alone. The user is asked about the culprit."""

    def ask(request: dict[str, Any]) -> dict[str, Any]:
        if any(clues["path"] == NAMES[6] for clues in request["clues"]):
            raise WorkerDied("it crashed")
        return child.answer(request)

    assert runner_in(batch, replace(tools, ask_identifier=ask)).step("names")
    assert {row.path: row.verdict for row in VideoFile.select()} == {
        name: "pending" if name == NAMES[6] else "accepted" for name in NAMES
    }


def test_names_whose_reader_gives_no_proper_answer_are_read_alone_the_next_time(
    batch: World, tools: StageContext
) -> None:
    """So that only the name that it is about fails at last."""

    def ask(request: dict[str, Any]) -> dict[str, Any]:
        if any(clues["path"] == NAMES[6] for clues in request["clues"]):
            raise ZeroDivisionError("a bug")
        return child.answer(request)

    runner = runner_in(batch, replace(tools, ask_identifier=ask))
    runner = replace(runner, now_ms=_Ahead(runner.now_ms))
    run_to_the_end(runner)
    assert [(job.video_file.path, job.state) for job in JobRow.select()] == [(NAMES[6], "failed")]
    assert VideoFile.select().where(VideoFile.verdict == "accepted").count() == len(NAMES) - 1


class _Ahead:
    """A clock that runs an hour ahead with each look at it, so that what waits is due."""

    def __init__(self, now_ms: Any) -> None:
        self._now_ms, self._looks, self._lock = now_ms, 0, threading.Lock()

    def __call__(self) -> int:
        with self._lock:
            self._looks += 1
            return int(self._now_ms()) + 60_000 * self._looks
