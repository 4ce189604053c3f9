"""The stage table: what happens to one file, in order.

`scanner/new_files.py` queues a file once it is complete. From then on the file goes through the stages of this table. A
stage's `run` reads the file and never sees the database. Its `save` stores the result and never sees the file.
`runner.py` commits the save together with the job's move to the next stage, so a kill at any moment leaves a stage done
or not begun.

A stage owns its `columns` of `video_files`. They are forgotten when the file's bytes change, go with the bytes to
another row, are shown and exported, and are filled in once for every file that is older than the stage (`backfill.py`).
CONTRIBUTING.md says how to add a stage. The crash tests read this table.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reeld.catalog import assignments, copies, queue, video_files
from reeld.catalog import media as stored
from reeld.catalog.undo_moves import undo_move
from reeld.content.hashing import SMALL_BYTES, full_hash, quick_hashes
from reeld.content.opening import is_as_linked
from reeld.content.probing import probe_open
from reeld.database.base import Row
from reeld.domain.content import MediaFacts, QuickHashes
from reeld.domain.identity import Judged, Verdict
from reeld.domain.records import FileRecord
from reeld.domain.titles import title_key
from reeld.errors import FileIncomplete
from reeld.pipeline.context import StageContext
from reeld.pipeline.identify_file import have_clues_changed, identify_file, judge_names

Lane = Literal["names", "light", "heavy"]
"""Work that needs only a file's name, work of milliseconds that reads its ends, and work that reads all of it. The
lanes do not wait for each other: new files are identified while the bytes of others are still being read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """The values of a stage's columns for one file, as the model takes them."""

    columns: Row
    end: str | None = None
    """The check of the file's end, for the completeness checks. None: the stage makes none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One line of the table. `run` may raise any of our errors; `retry.py` says what follows."""

    name: str
    lane: Lane
    run: Callable[[FileRecord, StageContext], Any]
    save: Callable[[int, Any, int], None]
    """Takes the file's id, what `run` returned, and when it began, in milliseconds; runs in a transaction."""
    answer: Callable[[Sequence[Any], StageContext], Sequence[Any]] | None = None
    """Takes what `run` returned of several files, and returns what to save of each, or its error. For stages that ask a
    child process, which answers many questions at once."""
    fill: Callable[[FileRecord, Any], Filling | None] | None = None
    """Takes the file as it is stored now, and what `run` returned. Returns what to store if that is all that `save`
    would do; else None. So many files are stored by few statements."""
    columns: tuple[str, ...] = ()
    """The columns that `save` fills; of `StageColumns` in `catalog/models.py`, each of one stage."""
    version: int = 1
    """Raise it when the stage finds more than before: it then runs once more for every known file."""
    needs: tuple[str, ...] = ()
    """Earlier stages whose results `run` uses: when one of them runs again, so does this one."""
    give_up: Callable[[str], Any] | None = None
    """Makes what to save when `run` failed for good, from the reason; None: the job fails."""
    reads_file: bool = False
    """Whether `run` reads the file's bytes, so that its success shows that the disk works."""
    shares_opening: Callable[[FileRecord], bool] = lambda _record: False
    """Whether `run` reads this file by `tools.video` alone, and needs no result of the stages just before it. Then it
    runs together with those, whatever its lane: the file is opened once, and all is stored at once."""
    reads_all: bool = False
    """Whether it reads every byte, so that it alone resolves a doubt about them."""
    is_outdated: Callable[[FileRecord, Any], bool] | None = None
    """Takes what `run` returned once it is saved: whether what it came from, beside the file, has changed meanwhile.
    Its event may be over, so the folder is scanned again."""
    done_among: Callable[[Sequence[FileRecord]], Collection[int]] | None = None
    """Takes files, and returns the ids of those for which the stage can be left out. None: those for which it has run,
    if it has columns. A stage with columns is never left out before it has run."""

    def can_be_left_out(self, files: Sequence[FileRecord]) -> set[int]:
        """The ids of those of these files that need nothing of this stage."""
        if self.columns:
            files = [file for file in files if self.has_run(file.stages_done)]
        elif self.done_among is None:
            return set()
        return {file.id for file in files} if self.done_among is None or not files else set(self.done_among(files))

    def has_run(self, done: Mapping[str, int]) -> bool:
        """Whether this version of the stage has run for the file's bytes. `done` are those that have, with versions."""
        return done.get(self.name, 0) >= self.version


LANES: tuple[Lane, ...] = ("names", "light", "heavy")


def stages(*, with_full_hash: bool = True) -> Sequence[Stage]:
    """The stages in order, with or without the full hash."""
    return STAGES if with_full_hash else [stage for stage in STAGES if stage is not HASH]


def dependents(stage: Stage, table: Sequence[Stage]) -> list[Stage]:
    """The stages whose results follow from this one's, directly or not, in order."""
    names = {stage.name}
    found = []
    for each in table:
        if names.intersection(each.needs):
            names.add(each.name)
            found.append(each)
    return found


def _always(_record: FileRecord) -> bool:
    return True


def _fingerprint(record: FileRecord, tools: StageContext) -> QuickHashes:
    with tools.video(record) as video:
        return quick_hashes(video)


def _fill_fingerprint(record: FileRecord, hashes: QuickHashes) -> Filling | None:
    if record.is_in_doubt or record.fingerprint not in (None, hashes.fingerprint):
        return None
    return Filling(columns={"fingerprint": hashes.fingerprint, "oshash": hashes.oshash})


def _save_fingerprint(video_file_id: int, hashes: QuickHashes, now_ms: int) -> None:
    if undo_move(video_file_id, hashes.fingerprint, stage=NAME.name, lane=NAME.lane, now_ms=now_ms):
        return
    if stored.is_damaged(video_file_id):
        return  # whether these ends are of the damaged bytes, of whole ones or of others, only the full hash tells
    stored.contradict(video_file_id, "fingerprint", hashes.fingerprint, now_ms)
    stored.save_quick_hashes(video_file_id, hashes)


def _probe(record: FileRecord, tools: StageContext) -> MediaFacts:
    with tools.video(record) as video:
        facts = probe_open(video, tools.ask_prober)
    if facts.end == "missing":
        _wait_for_the_end(record, tools)
    return facts


def _wait_for_the_end(record: FileRecord, tools: StageContext) -> None:
    """Raise FileIncomplete if the file changed within its library's patience.

    A last change that lies further than that in the future is ignored: the clock was put back.
    """
    unchanged_s = (tools.wall_ns() - record.stamp.ctime_ns) / 1e9
    patience_s = tools.patience_s(record.library_path)
    if abs(unchanged_s) < patience_s:
        raise FileIncomplete(record.absolute_path, unchanged_s=unchanged_s, patience_s=patience_s)


def _fill_media_facts(_record: FileRecord, facts: MediaFacts) -> Filling:
    return Filling(columns=stored.media_columns(facts), end=facts.end)


def _save_media_facts(video_file_id: int, facts: MediaFacts, _now_ms: int) -> None:
    stored.save_media_facts(video_file_id, facts)


def _without_media_facts(reason: str) -> MediaFacts:
    return MediaFacts(problem=f"its media facts could not be read: {reason}")


def _save_verdict(video_file_id: int, found: Judged | Verdict, now_ms: int) -> None:
    """Store a verdict, which comes without digests if a clue could not be read at last."""
    judged = found if isinstance(found, Judged) else Judged(verdict=found, digests=None)
    assignments.store_verdict(video_file_id, judged.verdict, title_key, now_ms, judged.digests)


def _is_verdict_outdated(record: FileRecord, found: Judged | Verdict) -> bool:
    return isinstance(found, Judged) and have_clues_changed(record, found)


def _full_hash(record: FileRecord, tools: StageContext) -> str:
    if record.hash_of_link is not None and is_as_linked(record.absolute_path, record.stamp):
        return record.hash_of_link
    with tools.video(record) as video:
        return full_hash(
            video, on_progress=tools.on_bytes_hashed, should_stop=tools.should_stop, limit_rate=tools.limit_rate
        )


def _is_read_with_its_ends(record: FileRecord) -> bool:
    """Whether all bytes are read with the ends, and nothing but them says what the hash is."""
    return record.stamp.size_bytes <= SMALL_BYTES and record.hash_of_link is None and not record.is_in_doubt


def _fill_full_hash(record: FileRecord, file_hash: str) -> Filling | None:
    has_links = (record.stamp.links or 0) > 1  # which are told
    if record.is_in_doubt or has_links or record.file_hash not in (None, file_hash):
        return None
    return Filling(columns={"file_hash": file_hash})


def _save_full_hash(video_file_id: int, file_hash: str, now_ms: int) -> None:
    stored.note_reread(video_file_id, now_ms)
    if stored.keep_damage(video_file_id, file_hash):
        return
    stored.contradict(video_file_id, "file_hash", file_hash, now_ms)
    stored.save_full_hash(video_file_id, file_hash)
    for link_id in stored.tell_links(video_file_id):
        queue.enqueue_if_idle(link_id, stage=HASH.name, lane=HASH.lane, due_at_ms=now_ms, now_ms=now_ms)


def _find_originals_gone(record: FileRecord, tools: StageContext) -> Sequence[int]:
    with tools.video(record):
        pass
    return tools.gone_from_former_place(record)


def _save_matched_copy(video_file_id: int, gone: Sequence[int], now_ms: int) -> None:
    video_files.record_left_behind(gone, now_ms)
    copies.match_copy(video_file_id, now_ms)


def _none(_files: Sequence[FileRecord]) -> Collection[int]:
    return ()


def _with_final_verdict(files: Sequence[FileRecord]) -> Collection[int]:
    return [file.id for file in files if file.is_verdict_final]


def _with_media_facts(files: Sequence[FileRecord]) -> Collection[int]:
    return [file.id for file in files if file.has_media_facts]


def _with_full_hash(files: Sequence[FileRecord]) -> Collection[int]:
    return [file.id for file in files if file.has_full_hash]


def _without_copy_to_match(files: Sequence[FileRecord]) -> Collection[int]:
    return copies.without_copy_to_match([file.id for file in files])


NAME = Stage(
    name="name",
    lane="names",
    run=identify_file,
    answer=judge_names,
    save=_save_verdict,
    is_outdated=_is_verdict_outdated,
)
"""Where a new file begins. Its save assigns the file to a film or to episodes, asks the user, or ignores the file."""
IDENTIFY = Stage(
    name="identify",
    lane="names",
    run=identify_file,
    answer=judge_names,
    save=_save_verdict,
    is_outdated=_is_verdict_outdated,
    done_among=_with_final_verdict,
)
"""The same, once it is known what the file holds, if that may change the verdict. A file begins here
if only its name is new."""

# A file that was only renamed is not read again. One whose ctime changed in its place is: see `catalog/media.py`.
HASH = Stage(
    name="hash",
    lane="heavy",
    run=_full_hash,
    save=_save_full_hash,
    fill=_fill_full_hash,
    columns=("file_hash",),
    done_among=_with_full_hash,
    reads_file=True,
    shares_opening=_is_read_with_its_ends,
    reads_all=True,
)

STAGES: Sequence[Stage] = (
    NAME,
    Stage(
        name="fingerprint",
        lane="light",
        run=_fingerprint,
        save=_save_fingerprint,
        fill=_fill_fingerprint,
        columns=("fingerprint", "oshash"),
        # Two short reads, which find most changes that a program hid by putting the time back.
        done_among=_none,
        reads_file=True,
        shares_opening=_always,
    ),
    Stage(
        name="probe",
        lane="light",
        run=_probe,
        save=_save_media_facts,
        fill=_fill_media_facts,
        columns=(
            "container",
            "duration_ms",
            "resolution_width",
            "resolution_height",
            "codec_video",
            "codec_audio",
            "hdr",
            "dolby_vision",
            "hdr_fallback",
            "languages",
            "subtitle_languages",
            "media_problem",
        ),
        version=2,
        give_up=_without_media_facts,
        done_among=_with_media_facts,
        reads_file=True,
        shares_opening=_always,
    ),
    IDENTIFY,
    HASH,
    # Is it a file that was known elsewhere? Then the file's row goes, and its job with it.
    Stage(
        name=copies.STAGE,
        lane=copies.LANE,
        run=_find_originals_gone,
        save=_save_matched_copy,
        done_among=_without_copy_to_match,
    ),
)
