"""Assigns files to films and episodes, and keeps the pending validations.

Everything here runs inside one transaction of its caller. So a verdict, the movie or episodes
that it needs, and the validation that it opens or closes appear together.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

from peewee import chunked, fn

from reeld.catalog import candidates, disagreements, history, titles, trash, unchanged
from reeld.catalog.claims import (
    CLAIM_COLUMNS,
    NO_CLAIMS,
    Held,
    WorkKind,
    as_columns,
    claims_of,
    held_by,
    may_be_one,
    readings_by,
)
from reeld.catalog.links import Works, unlink
from reeld.catalog.models import PendingValidation, VideoFile
from reeld.database.base import Row
from reeld.database.fields import utc_from_ms
from reeld.database.statements import change, rows, update_row
from reeld.domain.identity import Accepted, ClueDigests, Ignored, Reading, Uncertain, Verdict
from reeld.domain.states import DecidedBy, FileVerdict, ValidationStatus
from reeld.errors import NotFoundError

BROUGHT_BACK = "the user restored its work from the trash"

IS_FINAL = (
    "verdict IS NOT NULL AND identified_at >= changed_at "
    "AND NOT (verdict = 'accepted' AND decided_by = 'reeld' AND codec_video IS NULL AND media_problem IS NOT NULL)"
)
"""Whether the verdict of a row is final: the name was read after the content changed, and nothing contradicts it."""

KeyOf = Callable[[str], str]
"""Maps a title to the key under which all its spellings are one work."""


def store_verdict(
    video_file_id: int, verdict: Verdict, key_of: KeyOf, now_ms: int, digests: ClueDigests | None = None
) -> None:
    """Store reeld's own verdict, with the digests of its clues. A user's decision about the file stands.

    Without digests the next scan of the folder has the name read again.
    """
    is_provisional = isinstance(verdict, Uncertain) and verdict.is_provisional
    also: Row = {
        "identified_at": None if is_provisional else utc_from_ms(now_ms),
        "clues": digests and digests.file,
        "folder_clues": digests and digests.folder,
    }
    before = held_by(video_file_id)
    if before.decided_by == DecidedBy.USER:
        update_row(VideoFile, video_file_id, **also)
        return
    match verdict := disagreements.with_regard_to_copies(video_file_id, verdict):
        case Accepted(reading=reading, others=others):
            _assign(video_file_id, reading, others, DecidedBy.REELD, key_of, now_ms, before=before, also=also)
        case Uncertain():
            _request_validation(video_file_id, verdict, now_ms, also)
        case Ignored(reason=reason, evidence=evidence):
            _unlink(video_file_id, now_ms)
            _decide(video_file_id, FileVerdict.IGNORED, DecidedBy.REELD, None, reason, evidence, also=also)
            _close_validation(video_file_id, ValidationStatus.REJECTED, auto=True, now_ms=now_ms)


def ignore_by_rules(video_file_ids: Sequence[int], reason: str, now_ms: int) -> None:
    """Ignore files by the library's rules: they belong to no work, and no validation is pending.

    A user's decision stands. Files that are ignored for this reason already cost nothing.
    """
    by_user = VideoFile.decided_by == DecidedBy.USER
    already = (VideoFile.decided_by == DecidedBy.RULES) & (VideoFile.reason == reason)
    is_settled = fn.COALESCE(by_user | already, 0)
    for ids in chunked(video_file_ids, 500):
        for (file_id,) in list(VideoFile.select(VideoFile.id).where(VideoFile.id.in_(ids), ~is_settled).tuples()):
            _unlink(file_id, now_ms)
            _decide(file_id, FileVerdict.IGNORED, DecidedBy.RULES, None, reason)
            _close_validation(file_id, ValidationStatus.REJECTED, auto=True, now_ms=now_ms)


def transfer(new_id: int, old_id: int, now_ms: int) -> None:
    """Transfer the assignment of row `new_id` to `old_id`, which is the same file, known before.

    If the user decided about the old row, that stands. Otherwise the new row's verdict replaces
    it. All validations of the new row move to the old one: the user may see their numbers, which
    must never mean another file. So do the new row's entries in the trash, except those from
    before its content was replaced.
    """
    is_decided = bool(rows("SELECT 1 FROM video_files WHERE id = ? AND decided_by = 'user'", old_id))
    if is_decided:
        _unlink(new_id, now_ms)
        _close_validation(new_id, ValidationStatus.REJECTED, auto=True, now_ms=now_ms)
    else:
        _adopt_verdict(new_id, old_id, now_ms)
    PendingValidation.update(video_file=old_id).where(PendingValidation.video_file == new_id).execute()
    trash.transfer(new_id, old_id, since=next((each.happened_at for each in history.replaced(new_id)), ""))


def count_again(video_file_ids: Sequence[int], now_ms: int) -> None:
    """Make the works those of the files that are there, since these came back or went missing."""
    for each in unchanged.affected(video_file_ids):
        _regroup(each.kind, each.claims, [("episode", episode_id) for episode_id in each.episode_ids], now_ms)


def forget_verdict(video_file_id: int, now_ms: int) -> None:
    """Remove the verdict and the assignment to a work, so that the file is identified again.

    This closes no validation. Call it after `transfer`, which moves them all to another row.
    """
    _unlink(video_file_id, now_ms)
    _decide(video_file_id, None, None, None, None)


def open_validation(video_file_id: int, now_ms: int) -> int:
    """Return the id of the file's pending validation, or else of its latest; open one if there is none, for the user
    to decide.
    """
    is_pending = PendingValidation.validation_status == ValidationStatus.PENDING
    # One that came with a copy of the file may be older than those that were closed here.
    latest = (
        PendingValidation.select()
        .where(PendingValidation.video_file == video_file_id)
        .order_by(is_pending.desc(), PendingValidation.id.desc())
        .first()
    )
    if latest is not None:
        return int(latest.id)
    reason = "opened by the user"
    return int(
        PendingValidation.insert(video_file=video_file_id, reason=reason, created_at=utc_from_ms(now_ms)).execute()
    )


def is_open(validation_id: int) -> bool:
    """Tell whether the validation is still pending."""
    return str(_validation(validation_id).validation_status) == ValidationStatus.PENDING


def candidates_of(validation_id: int) -> tuple[Reading, ...]:
    """Return the readings that reeld proposes, best first."""
    found = _validation(validation_id).candidates
    return tuple(candidates.reading_of(row) for row in found if candidates.is_offered(row))


def numbers_of(validation_id: int) -> list[int]:
    """Return the numbers of the readings that reeld proposes, best first."""
    return [row["id"] for row in _validation(validation_id).candidates if candidates.is_offered(row)]


def candidate_of(validation_id: int, number: int) -> Reading | None:
    """Return the reading of this number, which begin with 1, also if reeld proposes it no longer."""
    found = _validation(validation_id).candidates
    return next((candidates.reading_of(row) for row in found if row["id"] == number), None)


def validate(validation_id: int, reading: Reading, *, candidate: int | None, key_of: KeyOf, now_ms: int) -> None:
    """Store that the user says what the file is. `candidate` is its number, if it was one of those
    offered.

    If several works fit equally well, the oldest by year is meant. It stays the one that is meant
    while it is known. The part of a film in several files stays, unless the user gave another.
    """
    video_file_id = _validation(validation_id).video_file_id
    if reading.part is None and reading.kind == "movie":
        ((part,),) = rows("SELECT part FROM video_files WHERE id = ?", video_file_id)
        reading = replace(reading, part=part)
    _answer(validation_id, ValidationStatus.VALIDATED, candidate, now_ms)
    _assign(video_file_id, reading, (), DecidedBy.USER, key_of, now_ms, before=held_by(video_file_id), also={})


def reject(validation_id: int, now_ms: int) -> None:
    """Store that the user rejects all candidates: the file belongs to no work."""
    video_file_id = _validation(validation_id).video_file_id
    _unlink(video_file_id, now_ms)
    _decide(video_file_id, FileVerdict.REJECTED, DecidedBy.USER, None, "rejected by the user")
    _answer(validation_id, ValidationStatus.REJECTED, None, now_ms)


def restore(trash_id: int, now_ms: int) -> trash.Restored:
    """Restore a movie, series or episode, with the files that it had, unless they belong to other
    works now.

    Returns its type, its id, and those files. Raises NotFoundError if it is not in the trash, or
    exists again.
    """
    back = trash.take_out(trash_id)
    taken = [file_id for file_id in back.file_ids if _is_free_for(back, file_id)]
    for file_id in taken:
        if back.entity_type == "movie":
            update_row(VideoFile, file_id, movie=back.id)
        else:
            change("INSERT OR IGNORE INTO episode_files (episode_id, video_file_id) VALUES (?, ?)", back.id, file_id)
        _decide(file_id, FileVerdict.ACCEPTED, DecidedBy.USER, None, None, [BROUGHT_BACK])
        update_row(VideoFile, file_id, kind=back.entity_type, **as_columns(back.taken_for))
        _close_validation(file_id, ValidationStatus.VALIDATED, auto=False, now_ms=now_ms)
    if back.entity_type == "episode":
        ((work_id,),) = rows("SELECT series_id FROM episodes WHERE id = ?", back.id)
    else:
        work_id = back.id
    kind: WorkKind = "movie" if back.entity_type == "movie" else "series"
    _regroup(kind, titles.seeds_of_row(kind, work_id), [("episode", back.id)] * (back.entity_type == "episode"), now_ms)
    return replace(back, file_ids=taken)


def _is_free_for(back: trash.Restored, video_file_id: int) -> bool:
    """Tell whether the file belongs to no work, or only to restored episodes that it had together
    with this one.
    """
    file = VideoFile.get_or_none(VideoFile.id == video_file_id)
    if file is None or file.verdict != "accepted":
        return file is not None
    held = {episode for (episode,) in rows("SELECT episode_id FROM episode_files WHERE video_file_id = ?", file.id)}
    return _was_restored(file.evidence or ()) and bool(held) and held.issubset(back.left_with)


def _was_restored(evidence: Sequence[str]) -> bool:
    """Tell whether `restore` made the assignment. Rows of an older reeld have a longer sentence."""
    return len(evidence) == 1 and " from the trash" in evidence[0]


def _validation(validation_id: int) -> Any:
    validation = PendingValidation.get_or_none(PendingValidation.id == validation_id)
    if validation is None:
        raise NotFoundError(f"there is no pending validation with the number {validation_id}", "see `reeld pending`")
    return validation


# --- the file's own row ----------------------------------------------------------------------------------


def _assign(
    video_file_id: int,
    reading: Reading,
    others: Sequence[Reading],
    by: Literal[DecidedBy.REELD, DecidedBy.USER],
    key_of: KeyOf,
    now_ms: int,
    *,
    before: Held,
    also: Row,
) -> None:
    """Assign the file to this film or these episodes, or ask the user if it fits several works.

    `before` is what it held until now. `also` are further columns of its row.
    """
    claims = claims_of(reading, others, key_of(reading.title or ""))
    if reading.kind == "episode" and claims["claimed_episode"] is None:
        reason = f"the name does not say which episode of {reading.title!r} it is"
        _request_validation(video_file_id, Uncertain(reason=reason, candidates=(reading, *others)), now_ms, also)
        return
    kind: WorkKind = "movie" if reading.kind == "movie" else "series"
    if by == DecidedBy.USER:
        # Of several that fit, the oldest is meant.
        claims["claimed_work"]["meant"] = {}
    is_known = (before.claims, before.decided_by) == (claims, by) and before.row_id is not None
    left: Works = ()
    if before.row_id is not None and not is_known and not (before.kind == kind and _may_stay(before, claims)):
        left = unlink(video_file_id, now_ms)
    _decide(video_file_id, FileVerdict.ACCEPTED, by, reading, None, claims=claims, also=also)
    is_asked = not is_known and _find_works(video_file_id, kind, before, claims, left, now_ms)
    if by == DecidedBy.USER:
        meant = titles.facts_beyond(video_file_id, claims["claimed_work"])
        update_row(VideoFile, video_file_id, claimed_work=claims["claimed_work"] | {"meant": meant})
    elif not is_asked:
        _close_validation(video_file_id, ValidationStatus.VALIDATED, auto=True, now_ms=now_ms)


def _may_stay(before: Held, claims: Row) -> bool:
    """Tell whether the file's new claims may be of the work that it belongs to."""
    claimed = before.claims["claimed_work"]
    return claimed is not None and may_be_one(claimed, claims["claimed_work"])


def _find_works(video_file_id: int, kind: WorkKind, before: Held, claims: Row, left: Works, now_ms: int) -> bool:
    """Assign the accepted file to the works that it claims, and other files where that changes works.

    Tell whether the file is in question.
    """
    claimed = claims["claimed_work"]
    if before.kind is None:
        quick = (unchanged.join_alike, unchanged.make_alone)
        if "meant" not in claimed and any(assign(video_file_id, kind, claims, now_ms) for assign in quick):
            return False
    elif before.kind != kind:
        _regroup(before.kind, titles.seeds_of(before), left, now_ms)
        left = ()
    seeds = titles.seeds_of(before) if before.kind == kind else []
    return video_file_id in _regroup(kind, [claimed, *seeds], left, now_ms, renumbered=video_file_id)


def _regroup(
    kind: WorkKind, seeds: Iterable[Row], left: Works, now_ms: int, *, renumbered: int | None = None
) -> Collection[int]:
    """Make the works with these claims those of their files; `left` are works that a file has left.

    Returns the files that are in question since.
    """
    episodes = [work_id for each, work_id in left if each == "episode"]
    outcome = titles.regroup(kind, seeds, now_ms, left=episodes, renumbered=renumbered)
    for file_id, reason in outcome.asked.items():
        _ask(file_id, reason, now_ms)
    for file_id in outcome.answered:
        _take_first_candidate(file_id, now_ms)
    return outcome.asked


def _decide(
    video_file_id: int,
    verdict: FileVerdict | None,
    decided_by: DecidedBy | None,
    reading: Reading | None,
    reason: str | None,
    evidence: Sequence[str] = (),
    *,
    claims: Row | None = None,
    also: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    update_row(
        VideoFile,
        video_file_id,
        verdict=verdict,
        decided_by=decided_by,
        reason=reason,
        kind=reading.kind if reading else None,
        part=reading.part if reading else None,
        edition=reading.edition if reading else None,
        confidence=reading.score if reading else None,
        evidence=list(reading.evidence if reading else evidence),
        **as_columns(NO_CLAIMS if claims is None else claims),
        **also,
    )


_VERDICT = (
    "verdict, decided_by, reason, kind, part, edition, confidence, evidence, movie_id, identified_at, clues, "
    f"folder_clues, {', '.join(CLAIM_COLUMNS)}"
)


def _adopt_verdict(new_id: int, old_id: int, now_ms: int) -> None:
    _unlink(old_id, now_ms)
    _close_validation(old_id, ValidationStatus.REJECTED, auto=True, now_ms=now_ms)
    change(
        f"UPDATE video_files SET ({_VERDICT}) = (SELECT {_VERDICT} FROM video_files WHERE id = ?) WHERE id = ?",  # noqa: S608
        new_id,
        old_id,
    )
    change("UPDATE episode_files SET video_file_id = ? WHERE video_file_id = ?", old_id, new_id)
    # Its claims count once.
    update_row(VideoFile, new_id, movie=None, **as_columns(NO_CLAIMS))


def _unlink(video_file_id: int, now_ms: int) -> None:
    """Unassign the file from its works, and forget its claims. The works become those of their other files."""
    held = held_by(video_file_id)
    if held.kind is None:
        return
    seeds, changes_works = titles.seeds_of(held), not unchanged.is_one_of_many(video_file_id, held)
    left = unlink(video_file_id, now_ms)
    update_row(VideoFile, video_file_id, **as_columns(NO_CLAIMS))
    if changes_works:
        _regroup(held.kind, seeds, left, now_ms)
    else:
        titles.recompute_episodes((work_id for kind, work_id in left if kind == "episode"), now_ms)


# --- pending validations ----------------------------------------------------------------------------------------


def _request_validation(video_file_id: int, verdict: Uncertain, now_ms: int, also: Row) -> None:
    _unlink(video_file_id, now_ms)
    _decide(video_file_id, FileVerdict.PENDING, DecidedBy.REELD, None, verdict.reason, also=also)
    _open(video_file_id, verdict.reason, verdict.candidates, now_ms)


def _ask(video_file_id: int, reason: str, now_ms: int) -> None:
    """Ask which work is meant. The file keeps its claims, so that it is assigned when one work is left."""
    ((verdict,),) = rows("SELECT verdict FROM video_files WHERE id = ?", video_file_id)
    if verdict == FileVerdict.PENDING:
        update_row(VideoFile, video_file_id, reason=reason)
        change(
            "UPDATE pending_validations SET reason = ? WHERE video_file_id = ? AND validation_status = 'pending'",
            reason,
            video_file_id,
        )
        return
    readings = readings_by(video_file_id)
    _decide(video_file_id, FileVerdict.PENDING, DecidedBy.REELD, None, reason, claims={})
    _open(video_file_id, reason, readings, now_ms)


def _take_first_candidate(video_file_id: int, now_ms: int) -> None:
    """Accept what reeld had read, now that its work is known."""
    ((validation_id,),) = rows(
        "SELECT id FROM pending_validations WHERE video_file_id = ? AND validation_status = 'pending'", video_file_id
    )
    _decide(video_file_id, FileVerdict.ACCEPTED, DecidedBy.REELD, candidates_of(validation_id)[0], None, claims={})
    _close_validation(video_file_id, ValidationStatus.VALIDATED, auto=True, now_ms=now_ms)


def _open(video_file_id: int, reason: str, readings: Sequence[Reading], now_ms: int) -> None:
    """Open a validation, or bring the pending one up to date: an answer to it means what its user has seen."""
    pending = PendingValidation.get_or_none(
        PendingValidation.video_file == video_file_id, PendingValidation.validation_status == ValidationStatus.PENDING
    )
    if pending is not None and len(pending.candidates) < candidates.MOST:
        values: Row = {"reason": reason}
        if candidates_of(pending.id) != tuple(readings):
            values["candidates"] = candidates.renumbered(pending.candidates, readings)
        PendingValidation.update(**values).where(PendingValidation.id == pending.id).execute()
        return
    _close_validation(video_file_id, ValidationStatus.REJECTED, auto=True, now_ms=now_ms)
    PendingValidation.insert(
        video_file=video_file_id,
        candidates=candidates.renumbered((), readings),
        reason=reason,
        created_at=utc_from_ms(now_ms),
    ).execute()


def _answer(validation_id: int, status: ValidationStatus, candidate: int | None, now_ms: int) -> None:
    """Store the user's answer. If it is to an old validation of the file, the pending one is closed
    with it.
    """
    PendingValidation.update(
        validation_status=status,
        selected_candidate_id=candidate,
        auto_validated=False,
        resolved_at=utc_from_ms(now_ms),
    ).where(PendingValidation.id == validation_id).execute()
    _close_validation(_validation(validation_id).video_file_id, status, auto=False, now_ms=now_ms)


def _close_validation(video_file_id: int, status: ValidationStatus, *, auto: bool, now_ms: int) -> None:
    pending = "SELECT 1 FROM pending_validations WHERE video_file_id = ? AND validation_status = 'pending'"
    if not rows(pending, video_file_id):
        return
    change(
        "UPDATE pending_validations SET validation_status = ?, auto_validated = ?, resolved_at = ? "
        "WHERE video_file_id = ? AND validation_status = 'pending'",
        status,
        auto,
        PendingValidation.resolved_at.db_value(utc_from_ms(now_ms)),
        video_file_id,
    )
