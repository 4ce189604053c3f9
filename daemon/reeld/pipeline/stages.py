"""What happens to one file, in order? START READING HERE.

`compare.py` hands a file over once it is complete. From then on it goes through the stages of this table, one
after the other. A stage's `run` looks at the file and never sees the database; its `save` stores what was
found and never sees the file. `runner.py` commits a save together with the job's move to the next stage, so
that a kill at any moment leaves a stage done or not begun.

To add a stage: one function to run, one to save, one line here. The crash tests read this table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reeld.catalog import assignments, copies
from reeld.catalog import media as stored
from reeld.content.hashing import full_hash, quick_hashes
from reeld.content.opening import open_video, require_expected
from reeld.content.probing import probe
from reeld.domain.content import MediaFacts, QuickHashes
from reeld.domain.identity import Verdict
from reeld.domain.records import FileRecord
from reeld.errors import FileIncomplete
from reeld.identify.titles import title_key
from reeld.pipeline.context import StageContext
from reeld.pipeline.identify_file import identify_file

Lane = Literal["names", "light", "heavy"]
"""Work that needs no more of a file than its name, work of milliseconds that reads its ends, and work that reads all of
it. The lanes do not wait for each other: thousands of new files are all filed before their headers are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One line of the table. `run` may raise any of our errors; `retry.py` says what follows."""

    name: str
    lane: Lane
    run: Callable[[FileRecord, StageContext], Any]
    save: Callable[[int, Any, int], None]
    """Given the file's id, what `run` returned, and when it began, in milliseconds; runs in a transaction."""
    give_up: Callable[[str], Any] | None = None
    """What to save when `run` failed for good, given the reason; None: the file is set aside."""
    reads_file: bool = False
    """Whether `run` reads the file's bytes, so that its success says that the disk is well."""
    is_done: Callable[[int], bool] = lambda _video_file_id: False
    """Given the file's id: whether what `run` would find out is stored already, so that it can be left out."""
    is_undone: Callable[[int], bool] = lambda _video_file_id: False
    """Given the file's id: whether another stage has contradicted what this one found."""
    may_undo: str | None = None
    """The name of an earlier stage whose findings `save` may contradict; it is done again then."""


LANES: tuple[Lane, ...] = ("names", "light", "heavy")


def stages(*, with_full_hash: bool = True) -> Sequence[Stage]:
    """The stages in order, with or without the full hash."""
    return STAGES if with_full_hash else [stage for stage in STAGES if stage is not HASH]


def _fingerprint(record: FileRecord, _tools: StageContext) -> QuickHashes:
    return quick_hashes(record.absolute_path, record.stamp)


def _save_fingerprint(video_file_id: int, hashes: QuickHashes, now_ms: int) -> None:
    stored.contradict(video_file_id, "fingerprint", hashes.fingerprint, now_ms)
    stored.save_quick_hashes(video_file_id, hashes)


def _probe(record: FileRecord, tools: StageContext) -> MediaFacts:
    facts = probe(record.absolute_path, record.stamp, tools.ask_prober)
    if facts.end == "missing":
        _wait_for_the_end(record, tools)
    return facts


def _wait_for_the_end(record: FileRecord, tools: StageContext) -> None:
    """FileIncomplete unless the file has not changed for as long as its library's patience lasts.

    A last change that lies further in the future than that is no evidence (the clock was put back): nobody waits.
    """
    unchanged_s = (tools.wall_ns() - record.stamp.ctime_ns) / 1e9
    patience_s = tools.patience_s(record.library_path)
    if abs(unchanged_s) < patience_s:
        raise FileIncomplete(record.absolute_path, unchanged_s=unchanged_s, patience_s=patience_s)


def _save_media_facts(video_file_id: int, facts: MediaFacts, _now_ms: int) -> None:
    stored.save_media_facts(video_file_id, facts)


def _without_media_facts(reason: str) -> MediaFacts:
    return MediaFacts(problem=f"its media facts could not be read: {reason}")


def _save_verdict(video_file_id: int, verdict: Verdict, now_ms: int) -> None:
    assignments.store_verdict(video_file_id, verdict, title_key, now_ms)


def _full_hash(record: FileRecord, tools: StageContext) -> str:
    return full_hash(
        record.absolute_path,
        record.stamp,
        on_progress=tools.on_bytes_hashed,
        should_stop=tools.should_stop,
        keep_pace=tools.keep_pace,
    )


def _save_full_hash(video_file_id: int, file_hash: str, now_ms: int) -> None:
    stored.contradict(video_file_id, "file_hash", file_hash, now_ms)
    stored.save_full_hash(video_file_id, file_hash)


def _require_unchanged(record: FileRecord, _tools: StageContext) -> None:
    with open_video(record.absolute_path) as descriptor:
        require_expected(record.absolute_path, descriptor, record.stamp)


def _save_matched_copy(video_file_id: int, _nothing: None, now_ms: int) -> None:
    copies.match_copy(video_file_id, now_ms)


NAME = Stage(name="name", lane="names", run=identify_file, save=_save_verdict)
"""Where a new file begins. The save files the verdict: as a movie, as episodes, as a question to a person, or as
ignored."""
IDENTIFY = Stage(name="identify", lane="names", run=identify_file, save=_save_verdict, is_done=assignments.is_final)
"""The same, once it is known what the file holds, if that says otherwise. Where a file begins of which only the name is
new."""

# A file that was only renamed is not read again. One whose ctime changed in its place is: see `catalog/media.py`.
HASH = Stage(
    name="hash",
    lane="heavy",
    run=_full_hash,
    save=_save_full_hash,
    is_done=stored.has_full_hash,
    reads_file=True,
    may_undo="probe",
)

STAGES: Sequence[Stage] = (
    NAME,
    Stage(name="fingerprint", lane="light", run=_fingerprint, save=_save_fingerprint, reads_file=True),
    Stage(
        name="probe",
        lane="light",
        run=_probe,
        save=_save_media_facts,
        give_up=_without_media_facts,
        is_done=stored.has_media_facts,
        is_undone=stored.lacks_media_facts,
        reads_file=True,
    ),
    IDENTIFY,
    HASH,
    # Is it a file that was known elsewhere? Then the file's row goes, and its job with it.
    Stage(
        name=copies.STAGE,
        lane=copies.LANE,
        run=_require_unchanged,
        save=_save_matched_copy,
        is_done=copies.has_no_copy_to_match,
    ),
)

AFTER_IDENTIFY = tuple(stage.name for stage in STAGES[STAGES.index(IDENTIFY) + 1 :])
"""A job at one of these has its last reading of the name behind it."""
