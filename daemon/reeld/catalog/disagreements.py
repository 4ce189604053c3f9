"""Finds files with the same bytes whose names say different works, so that the user is asked.

Of such files one may keep its verdict: that which a user decided, else that whose name says most, else the first by its
path. The others wait for the user. So the outcome depends on the files alone, and not on the order in which they came.

Triggers write down which contents are to be compared (`copied_contents`). `settle` compares them: it has a name
read again if its verdict is not as it should be. `assignments.store_verdict` asks `with_regard_to_copies`, so that a
name is not read again without end.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from reeld.catalog import candidates
from reeld.catalog.claims import claims_of, may_be_one, parsed, readings_by
from reeld.catalog.models import Library, VideoFile
from reeld.catalog.queue import read_name_again
from reeld.database.base import Row
from reeld.database.connection import work_has_come
from reeld.database.statements import change, rows
from reeld.domain.files import readable
from reeld.domain.identity import Accepted, Reading, Uncertain, Verdict
from reeld.domain.states import DecidedBy, FileVerdict
from reeld.domain.titles import title_key
from reeld.log import get_logger

log = get_logger()

# Contents that are compared in one transaction.
_AT_ONCE = 100

_REASON = "it has the same bytes as "

_FILES = """
    SELECT f.id, f.verdict, f.decided_by, f.confidence, libraries.path, f.path, f.kind, claimed_work, claimed_episode,
        f.reason
    FROM video_files AS f JOIN libraries ON libraries.id = library_id
    WHERE f.size_bytes > 0 AND f.file_hash = ? AND f.size_bytes = ? AND f.state = 'present' AND NOT f.is_in_doubt
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    """One of several files with the same bytes."""

    id: int
    verdict: str | None
    decided_by: str | None
    score: float
    path: str
    kind: str | None
    work: Row | None
    episodes: list[Row] | None
    reason: str | None

    @property
    def rank(self) -> tuple[float, str]:
        """The lowest keeps its verdict."""
        return -self.score, self.path

    @property
    def is_asked_for_copies(self) -> bool:
        return self.verdict == FileVerdict.PENDING and (self.reason or "").startswith(_REASON)

    def is_of_the_same_work(self, other: "_Copy") -> bool:
        if self.work is None or other.work is None or self.kind != other.kind or not may_be_one(self.work, other.work):
            return False
        return _numbers(self.episodes) == _numbers(other.episodes)


def with_regard_to_copies(video_file_id: int, verdict: Verdict) -> Verdict:
    """Let the user decide if a copy of the file is another work and outranks it; within the caller's transaction."""
    if not isinstance(verdict, Accepted):
        return verdict
    ((path, file_hash, size_bytes),) = rows(
        "SELECT path, file_hash, size_bytes FROM video_files WHERE id = ?", video_file_id
    )
    files = [] if file_hash is None else _files(file_hash, size_bytes)
    itself = next((file for file in files if file.id == video_file_id), None)
    other = itself and _contradicting(_read_as(itself, verdict.reading), files)
    if other is None:
        return verdict
    its, *_ = readings_by(other.id)
    offered = replace(its, evidence=(f"its copy {readable(other.path)} is this",))
    reason = _reason(other)
    log.info("verdict.uncertain", path=readable(VideoFile.path.python_value(path)), reason=reason)
    return Uncertain(reason=reason, candidates=(verdict.reading, offered, *verdict.others))


def settle(now_ms: int) -> None:
    """Compare the contents that wait for it; within the caller's transaction. Nearly always there are none."""
    waiting = "SELECT size_bytes, file_hash FROM copied_contents WHERE is_to_compare = 1 LIMIT ?"
    contents = rows(waiting, _AT_ONCE)
    for size_bytes, file_hash in contents:
        for file_id in _wrong(_files(file_hash, size_bytes)):
            read_name_again(file_id, now_ms)
        its = (size_bytes, file_hash)
        if len(rows("SELECT 1 FROM video_files WHERE size_bytes = ? AND file_hash = ? LIMIT 2", *its)) > 1:
            change("UPDATE copied_contents SET is_to_compare = 0 WHERE size_bytes = ? AND file_hash = ?", *its)
        else:
            change("DELETE FROM copied_contents WHERE size_bytes = ? AND file_hash = ?", *its)
    if len(contents) == _AT_ONCE:
        work_has_come()  # Else the others would wait for the next job.


def _wrong(files: list[_Copy]) -> Iterator[int]:
    """Yield the files whose verdicts are not as their copies demand."""
    for file in files:
        if file.decided_by != DecidedBy.REELD:
            continue
        if file.verdict == FileVerdict.ACCEPTED:
            if _contradicting(file, files) is not None:
                yield file.id
        elif file.is_asked_for_copies:
            own = _read_as(file, _first_candidate(file.id))
            other = _contradicting(own, files)
            if other is None or _reason(other) != file.reason:
                yield file.id


def _contradicting(file: _Copy, files: list[_Copy]) -> _Copy | None:
    """Return the copy that outranks this file and is another work."""
    others = [each for each in files if each.id != file.id and each.verdict == FileVerdict.ACCEPTED]
    decided = sorted((each for each in others if each.decided_by == DecidedBy.USER), key=lambda each: each.path)
    if decided:
        return None if any(map(file.is_of_the_same_work, decided)) else decided[0]
    first = min((each for each in others if each.rank < file.rank), key=lambda each: each.rank, default=None)
    return None if first is None or file.is_of_the_same_work(first) else first


def _files(file_hash: str, size_bytes: int) -> list[_Copy]:
    return [
        _Copy(
            id=row_id,
            verdict=verdict,
            decided_by=decided_by,
            score=confidence or 0.0,
            path=os.path.join(Library.path.python_value(root), VideoFile.path.python_value(path)),
            kind=kind,
            work=parsed(work),
            episodes=parsed(episodes),
            reason=reason,
        )
        for row_id, verdict, decided_by, confidence, root, path, kind, work, episodes, reason in rows(
            _FILES, file_hash, size_bytes
        )
    ]


def _read_as(file: _Copy, reading: Reading) -> _Copy:
    claims = claims_of(reading, (), title_key(reading.title or ""))
    work, episodes = claims["claimed_work"], claims["claimed_episode"]
    return replace(file, kind=reading.kind, work=work, episodes=episodes, score=reading.score)


def _first_candidate(video_file_id: int) -> Reading:
    """What the file is by its name."""
    ((text,),) = rows(
        "SELECT candidates FROM pending_validations WHERE video_file_id = ? AND validation_status = 'pending'",
        video_file_id,
    )
    return candidates.reading_of(json.loads(text)[0])


def _numbers(episodes: list[Row] | None) -> list[tuple[object, ...]]:
    names = ("season_number", "episode_number", "absolute_number", "air_date")
    return [tuple(episode.get(name) for name in names) for episode in episodes or ()]


def _reason(other: _Copy) -> str:
    work = other.work or {}
    year = f" ({work['year']})" if work.get("year") else ""
    return f"{_REASON}{readable(other.path)}, which is {readable(str(work.get('title')))}{year}"
