"""Killed at any moment, is the work done once, and all of it, after the next start?"""

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from reeld.catalog.models import stage_columns
from reeld.config import Config
from reeld.database.connection import close_catalog, open_catalog
from reeld.pipeline.context import StageContext
from reeld.pipeline.stages import IDENTIFY, STAGES, stages
from reeld.service.stage_context import open_stage_context
from tests.catalog.rows import rows
from tests.pipeline import toy_stage
from tests.pipeline.crash_driver import CONTRADICTED, KNOWN_BEFORE, LISTING, MOMENTS, run_pipeline
from tests.service.warm_start import warm_start
from tests.template import copy_template
from tests.videos import make_video

# Everything that the catalogue says, but for numbers of rows and times. One line for each fact.
EVERYTHING = {
    "files": """
        SELECT path, state, size_bytes, inode, verdict, fingerprint, file_hash, {columns}, kind, part,
            edition, decided_by, confidence, evidence, reason, movies.title, movies.year,
            (SELECT GROUP_CONCAT(done) FROM (SELECT key || ':' || value AS done FROM json_each(stages_done) ORDER BY 1))
        FROM video_files LEFT JOIN movies ON movies.id = movie_id ORDER BY path""",
    "movies": "SELECT title, year, title_key, tmdb_id FROM movies ORDER BY 1, 2",
    "series": "SELECT title, year, country, title_key FROM series ORDER BY 1, 2",
    "episodes": """
        SELECT series.title, season_number, episode_number, episodes.title, path
        FROM episodes JOIN series ON series.id = series_id
            LEFT JOIN episode_files ON episode_id = episodes.id LEFT JOIN video_files ON video_files.id = video_file_id
        ORDER BY 1, 2, 3, 5""",
    "questions": """
        SELECT path, candidates, pending_validations.reason, validation_status
        FROM pending_validations JOIN video_files ON video_files.id = video_file_id ORDER BY 1""",
    "history": "SELECT event, path, path_before FROM file_history ORDER BY 1, 2",
    "jobs": "SELECT * FROM jobs",
    "trash": "SELECT entity_type, entity_metadata ->> 'title', deletion_reason FROM trash ORDER BY 1, 2",
    "integrity": "PRAGMA integrity_check",
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film in two files, a file of two episodes, one nobody can tell, a sample, a text that is no video.

    One film is so large that it is not hashed with its ends.
    """
    root = tmp_path_factory.mktemp("videos")
    names = [
        "Heat (1995)/Heat (1995).mkv",
        "Heat (1995)/Heat (1995) - Director's Cut.mp4",
        "Fargo/Season 01/Fargo - S01E01-E02.mkv",
        "Fargo/Season 01/Fargo - S01E03.avi",
        "DSC_0042.mkv",
        os.fsdecode(b"Am\xe9lie (2001)/Am\xe9lie (2001).mkv"),
    ]
    for seed, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make_video(path, seed=seed, padding_bytes=0 if seed else 3 << 20)
    for name in CONTRADICTED:
        (root / name).write_bytes(f"#EXTM3U\nhttp://example.invalid/{name}\n".encode())
    return root


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StageContext]:
    config = Config(source=None, libraries=(), database_path="")
    with open_stage_context(config, threading.Event()) as opened:
        yield opened


def _run_to_the_end(
    database: Path, videos: Path, tools: StageContext, known_before: Sequence[str] = KNOWN_BEFORE
) -> list[tuple[str, str]]:
    """The stages that ran, each once for a file."""
    told: list[tuple[str, str]] = []
    open_catalog(str(database), create=True)
    try:
        run_pipeline(str(videos), tools, lambda stage, moment: told.append((stage, moment)), known_before=known_before)
    finally:
        close_catalog()
    return told


def _everything(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    columns = ", ".join(stage_columns())
    return {name: rows(database, query.replace("{columns}", columns)) for name, query in EVERYTHING.items()}


@pytest.fixture(scope="module")
def undisturbed_catalogue(tmp_path_factory: pytest.TempPathFactory, videos: Path, tools: StageContext) -> Path:
    database = tmp_path_factory.mktemp("undisturbed") / "reeld.db"
    _run_to_the_end(database, videos, tools)
    return database


@pytest.fixture(scope="module")
def undisturbed(undisturbed_catalogue: Path) -> dict[str, Any]:
    return _everything(undisturbed_catalogue)


@pytest.fixture(scope="module")
def undisturbed_with_toy(tmp_path_factory: pytest.TempPathFactory, videos: Path, tools: StageContext) -> dict[str, Any]:
    database = tmp_path_factory.mktemp("undisturbed_with_toy") / "reeld.db"
    with toy_stage.installed():
        _run_to_the_end(database, videos, tools)
        return _everything(database)


def test_an_undisturbed_run_finds_what_is_there(undisturbed: dict[str, Any]) -> None:
    """So that the comparisons below compare something."""
    assert len(undisturbed["files"]) == 8
    assert [(event, path) for event, path, _ in undisturbed["history"] if event == "paired"] == [
        ("paired", path) for path in KNOWN_BEFORE
    ]
    assert all(row[4] and row[5] and row[6] for row in undisturbed["files"])
    assert ("Heat", 1995) in [row[:2] for row in undisturbed["movies"]]
    assert [row[1:3] for row in undisturbed["episodes"]] == [(1, 1), (1, 2), (1, 3)]
    assert len(undisturbed["questions"]) >= 2
    assert (undisturbed["jobs"], undisturbed["integrity"]) == ([], [("ok",)])


@pytest.mark.parametrize("how", ["alone", "together"])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("stage", [stage.name for stage in STAGES])
def test_killed_at_any_moment_of_any_stage_nothing_is_lost_or_there_twice(
    tmp_path: Path, videos: Path, tools: StageContext, undisturbed: dict[str, Any], stage: str, moment: str, how: str
) -> None:
    """Killed at any moment of any stage nothing is lost and nothing is there twice.

    Row 23. On both sides of each commit: `unsaved` is the last moment before it, `committed` the
    first after.
    """
    database = tmp_path / "reeld.db"
    copy_template(database)
    _kill(database, videos, stage, moment, how)
    left = _left(database)
    # The last commit of all may be one of all files that were left.
    assert left or (stage, moment, how) == (STAGES[-1].name, MOMENTS[-1], "together")
    told = _run_to_the_end(database, videos, tools)
    assert _everything(database) == undisturbed
    # What was committed before the kill is not done again, what was not is done once more.
    assert _committed(told) == _still_to_do(left)


@pytest.mark.parametrize("how", ["alone", "together"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_while_large_files_are_hashed_nothing_is_lost_or_there_twice(
    tmp_path: Path, tools: StageContext, moment: str, how: str
) -> None:
    """Killed while large files are hashed nothing is lost and nothing is there twice.

    Row 23. Their hash is a commit of its own, in another lane. That of small files is one with what else is read.
    """
    root = tmp_path / "large"
    root.mkdir()
    for seed in range(3):
        make_video(root / f"Film {seed} (2001).mkv", seed=seed, padding_bytes=3 << 20)
    undisturbed = tmp_path / "undisturbed" / "reeld.db"
    _run_to_the_end(undisturbed, root, tools, known_before=())
    database = tmp_path / "reeld.db"
    copy_template(database)
    _kill(database, root, "hash", moment, how, "none")
    left = _left(database)
    # What went together is either all done or all there.
    assert {stage for stage, _, _ in left} <= {"hash"}
    told = _run_to_the_end(database, root, tools, known_before=())
    assert _everything(database) == _everything(undisturbed)
    assert [stage for stage, at in told if at == "committed"] == ["hash"] * len(left)


@pytest.mark.parametrize("how", ["alone", "together"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_of_an_added_stage_nothing_is_lost_or_there_twice(
    tmp_path: Path, videos: Path, tools: StageContext, undisturbed_with_toy: dict[str, Any], moment: str, how: str
) -> None:
    """Killed at any moment of an added stage nothing is lost and nothing is there twice.

    The toy stage of `toy_stage.py`, which is in the table and nowhere else.
    """
    database = tmp_path / "reeld.db"
    with toy_stage.installed():
        _kill(database, videos, toy_stage.TOY.name, moment, how)
        left = _left(database)
        assert left
        told = _run_to_the_end(database, videos, tools)
        assert _everything(database) == undisturbed_with_toy
        assert _committed(told) == _still_to_do(left)


@pytest.mark.parametrize("how", ["alone", "together"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_while_an_added_stage_fills_in_it_runs_once_for_each_file(
    tmp_path: Path,
    videos: Path,
    tools: StageContext,
    undisturbed_catalogue: Path,
    undisturbed_with_toy: dict[str, Any],
    moment: str,
    how: str,
) -> None:
    """Killed while an added stage fills in what an older catalogue lacks it runs once for each file."""
    database = tmp_path / "reeld.db"
    shutil.copy(undisturbed_catalogue, database)
    with toy_stage.installed():
        _kill(database, videos, toy_stage.TOY.name, moment, how)
        ((done,),) = rows(database, "SELECT COUNT(*) FROM video_files WHERE stages_done ->> '$.toy' = 1")
        assert done < len(undisturbed_with_toy["files"]) or (moment, how) == (MOMENTS[-1], "together")
        told = _run_to_the_end(database, videos, tools)
        assert _everything(database) == undisturbed_with_toy
        ran = [stage for stage, at in told if at == "committed"]
        assert ran == ["toy"] * (len(undisturbed_with_toy["files"]) - done)


@pytest.fixture(scope="module")
def more_videos(tmp_path_factory: pytest.TempPathFactory, videos: Path) -> Path:
    """Those videos in some more folders, so that their first scan has several commits."""
    root = tmp_path_factory.mktemp("more") / "videos"
    shutil.copytree(videos, root)
    for number in range(6):
        (root / f"Folder {number}").mkdir()
        make_video(root / f"Folder {number}" / f"Film {number} (2001).mkv", seed=100 + number)
    return root


@pytest.fixture(scope="module")
def undisturbed_folders(
    tmp_path_factory: pytest.TempPathFactory, more_videos: Path, tools: StageContext
) -> dict[str, Any]:
    database = tmp_path_factory.mktemp("undisturbed_folders") / "reeld.db"
    _run_to_the_end(database, more_videos, tools)
    return _everything(database)


@pytest.mark.parametrize("number", range(1, 4))
@pytest.mark.parametrize("moment", [moment for moment in MOMENTS if moment != "stored"])
def test_killed_at_any_commit_of_a_listing_each_file_is_listed_once(
    tmp_path: Path,
    more_videos: Path,
    tools: StageContext,
    undisturbed_folders: dict[str, Any],
    moment: str,
    number: int,
) -> None:
    """Killed at any commit of a first scan each file is listed once, and with its job.

    Row 23. What was committed before the kill stays, and the next scan lists what was not.
    """
    database = tmp_path / "reeld.db"
    copy_template(database)
    _kill(database, more_videos, LISTING, moment, str(number))
    ((files, jobs),) = rows(
        database,
        "SELECT COUNT(*), COUNT(jobs.id) FROM video_files LEFT JOIN jobs ON video_file_id = video_files.id "
        "WHERE path NOT LIKE 'before/%'",
    )
    commits = number if moment == "committed" else number - 1
    assert files == jobs
    assert bool(files) == bool(commits)
    assert files < len(undisturbed_folders["files"])
    _run_to_the_end(database, more_videos, tools)
    assert _everything(database) == undisturbed_folders


def _kill(database: Path, videos: Path, stage: str, moment: str, how: str, known_before: str = "some") -> None:
    """Run the driver until it ends itself at this moment."""
    killed = warm_start.run(
        [str(database), str(videos), stage, moment, how, known_before],
        directory=Path("/"),
        environment=os.environ,
        module="tests.pipeline.crash_driver",
        is_strict=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()


def _left(database: Path) -> list[tuple[str, str, str]]:
    """The stage and path of every file that has a job, and which stages have run for it, as JSON."""
    return rows(
        database, "SELECT stage, path, stages_done FROM jobs JOIN video_files ON video_files.id = video_file_id"
    )


def _still_to_do(left: list[tuple[str, str, str]]) -> int:
    """How many stages have something to do for these files. Those that ran together with another are done."""
    return sum(len(set(_stages_of(path, at)) - set(json.loads(done))) for at, path, done in left)


def _committed(told: list[tuple[str, str]]) -> int:
    return [moment for _, moment in told].count("committed")


def _stages_of(path: str, first: str) -> list[str]:
    """Those that have something to do for a file, from the one on at which it stands."""
    names = [stage.name for stage in stages()]
    needless = {IDENTIFY.name} - {IDENTIFY.name for name in CONTRADICTED if name == path}
    if path not in KNOWN_BEFORE:
        needless.add(names[-1])
    return [name for name in names[names.index(first) :] if name not in needless]
