"""Assigns files to films and episodes, and keeps the pending validations.

Everything here runs inside one transaction of its caller. So a verdict, the movie or episodes
that it needs, and the validation that it opens or closes appear together.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Literal

from peewee import chunked, fn

from reeld.catalog import history, titles, trash
from reeld.catalog.models import Episode, EpisodeFile, PendingValidation, VideoFile
from reeld.catalog.trash import discard
from reeld.catalog.works import Ambiguous, find_or_make_episodes, find_or_make_movie
from reeld.database.base import Row
from reeld.database.fields import utc_from_ms
from reeld.database.statements import change, rows, update_row
from reeld.domain.identity import Accepted, ClueDigests, Ignored, Reading, Uncertain, Verdict
from reeld.domain.states import DecidedBy, FileVerdict, ValidationStatus
from reeld.errors import NotFoundError

LAST_FILE = "its last file is assigned to another work now, or to none"
LAST_EPISODE = "its last episode was removed"

BROUGHT_BACK = "the user restored its work from the trash"

KeyOf = Callable[[str], str]
"""Maps a title to the key under which all its spellings are one work."""


def store_verdict(
    video_file_id: int, verdict: Verdict, key_of: KeyOf, now_ms: int, digests: ClueDigests | None = None
) -> None:
    """Store reeld's own verdict, with the digests of its clues. A user's decision about the file stands.

    Without digests the next scan of the folder has the name read again.
    """
    is_provisional = isinstance(verdict, Uncertain) and verdict.is_provisional
    update_row(
        VideoFile,
        video_file_id,
        identified_at=None if is_provisional else utc_from_ms(now_ms),
        clues=digests and digests.file,
        folder_clues=digests and digests.folder,
    )
    if rows("SELECT 1 FROM video_files WHERE id = ? AND decided_by = 'user'", video_file_id):
        return
    match verdict:
        case Accepted(reading=reading, others=others):
            ambiguity = _assign(video_file_id, reading, DecidedBy.REELD, key_of, now_ms)
            if ambiguity is None:
                _close_validation(video_file_id, ValidationStatus.VALIDATED, auto=True, now_ms=now_ms)
            else:
                _request_validation(video_file_id, Uncertain(reason=ambiguity, candidates=(reading, *others)), now_ms)
        case Uncertain():
            _request_validation(video_file_id, verdict, now_ms)
        case Ignored(reason=reason, evidence=evidence):
            _unlink(video_file_id, now_ms)
            _decide(video_file_id, FileVerdict.IGNORED, DecidedBy.REELD, None, reason, evidence)
            _close_validation(video_file_id, ValidationStatus.REJECTED, auto=True, now_ms=now_ms)


def is_final(video_file_id: int) -> bool:
    """Tell whether the verdict is final: the name was read after the content changed, and nothing
    contradicts it.
    """
    sql = (
        "SELECT 1 FROM video_files WHERE id = ? AND verdict IS NOT NULL AND identified_at >= changed_at "
        "AND NOT (verdict = 'accepted' AND decided_by = 'reeld' AND codec_video IS NULL AND media_problem IS NOT NULL)"
    )
    return bool(rows(sql, video_file_id))


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


def forget_verdict(video_file_id: int, now_ms: int) -> None:
    """Remove the verdict and the assignment to a work, so that the file is identified again.

    This closes no validation. Call it after `transfer`, which moves them all to another row.
    """
    _unlink(video_file_id, now_ms)
    _decide(video_file_id, None, None, None, None)


def open_validation(video_file_id: int, now_ms: int) -> int:
    """Return the id of the file's latest validation; open one if there is none, for the user to
    decide.
    """
    latest = (
        PendingValidation.select()
        .where(PendingValidation.video_file == video_file_id)
        .order_by(PendingValidation.id.desc())
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
    """Return the candidates of a validation, in the order of their numbers, which begin with 1."""
    return tuple(_reading(candidate) for candidate in _validation(validation_id).candidates)


def validate(validation_id: int, reading: Reading, *, candidate: int | None, key_of: KeyOf, now_ms: int) -> None:
    """Store that the user says what the file is. `candidate` is its number, if it was one of those
    offered.

    If two works fit equally well, the older one is meant. The part of a film in several files
    stays, unless the user gave another.
    """
    video_file_id = _validation(validation_id).video_file_id
    if reading.part is None and reading.kind == "movie":
        ((part,),) = rows("SELECT part FROM video_files WHERE id = ?", video_file_id)
        reading = replace(reading, part=part)
    _assign(video_file_id, reading, DecidedBy.USER, key_of, now_ms)
    _answer(validation_id, ValidationStatus.VALIDATED, candidate, now_ms)
    titles.recompute_titles(titles.works_of(video_file_id), now_ms)


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
        update_row(VideoFile, file_id, kind=back.entity_type, **back.taken_for)
        _close_validation(file_id, ValidationStatus.VALIDATED, auto=False, now_ms=now_ms)
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
    video_file_id: int, reading: Reading, by: Literal[DecidedBy.REELD, DecidedBy.USER], key_of: KeyOf, now_ms: int
) -> str | None:
    """Assign the file to this film or these episodes, and recompute the titles of both old and new
    works.

    Returns the reason if two works fit equally well. Then the assignment stays as it was.
    """
    key = key_of(reading.title or "")
    claims = titles.claims_of(reading, key)
    has_other_claims = titles.has_other_claims(video_file_id, claims)
    only = None
    if has_other_claims:
        titles.recompute_titles(titles.works_of(video_file_id), now_ms, leaving=video_file_id)
        only = titles.only_of(video_file_id, reading.kind)
    left = _link(video_file_id, reading, key, now_ms, by_user=by == DecidedBy.USER, leaving=only)
    if isinstance(left, Ambiguous):
        return left.reason
    _decide(video_file_id, FileVerdict.ACCEPTED, by, reading, None, claims=claims)
    titles.recompute_titles(titles.works_of(video_file_id) if has_other_claims else left, now_ms)
    return None


def _link(
    video_file_id: int, reading: Reading, key: str, now_ms: int, *, by_user: bool, leaving: int | None
) -> titles.Works | Ambiguous:
    """Link the file to the film or the episodes of the reading, creating them if needed.

    Returns the works that it left. If two works fit equally well, it returns why, and nothing has
    changed.
    """
    if reading.kind == "movie":
        movie = find_or_make_movie(reading, key, now_ms, take_oldest=by_user, leaving=leaving)
        if isinstance(movie, Ambiguous):
            return movie
        left = _unassign(video_file_id, now_ms, keep_movie=movie)
        update_row(VideoFile, video_file_id, movie=movie)
        return left
    episodes = find_or_make_episodes(reading, key, now_ms, take_oldest=by_user, leaving=leaving)
    if isinstance(episodes, Ambiguous):
        return episodes
    left = _unassign(video_file_id, now_ms, keep_episodes=episodes)
    for episode in episodes:
        change("INSERT OR IGNORE INTO episode_files (episode_id, video_file_id) VALUES (?, ?)", episode, video_file_id)
    return left


def _decide(
    video_file_id: int,
    verdict: FileVerdict | None,
    decided_by: DecidedBy | None,
    reading: Reading | None,
    reason: str | None,
    evidence: Sequence[str] = (),
    *,
    claims: Row | None = None,
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
        **(claims or titles.claims_of(None, "")),
    )


_VERDICT = (
    "verdict, decided_by, reason, kind, part, edition, confidence, evidence, movie_id, identified_at, clues, "
    "folder_clues, claimed_work, claimed_episode"
)


def _adopt_verdict(new_id: int, old_id: int, now_ms: int) -> None:
    ((movie,),) = rows("SELECT movie_id FROM video_files WHERE id = ?", new_id)
    episodes = [episode for (episode,) in rows("SELECT episode_id FROM episode_files WHERE video_file_id = ?", new_id)]
    _unlink(old_id, now_ms, keep_movie=movie, keep_episodes=episodes)
    _close_validation(old_id, ValidationStatus.REJECTED, auto=True, now_ms=now_ms)
    change(
        f"UPDATE video_files SET ({_VERDICT}) = (SELECT {_VERDICT} FROM video_files WHERE id = ?) WHERE id = ?",  # noqa: S608
        new_id,
        old_id,
    )
    change("UPDATE OR IGNORE episode_files SET video_file_id = ? WHERE video_file_id = ?", old_id, new_id)
    change("DELETE FROM episode_files WHERE video_file_id = ?", new_id)


def _unlink(
    video_file_id: int, now_ms: int, *, keep_movie: int | None = None, keep_episodes: Sequence[int] = ()
) -> None:
    """Unassign the file from other works, and recompute their titles without its claims."""
    left = _unassign(video_file_id, now_ms, keep_movie=keep_movie, keep_episodes=keep_episodes)
    titles.recompute_titles(left, now_ms, leaving=video_file_id)


def _unassign(
    video_file_id: int, now_ms: int, *, keep_movie: int | None = None, keep_episodes: Sequence[int] = ()
) -> titles.Works:
    """Unassign the file from other works, and return those. Their titles are not recomputed yet.

    Recomputing may merge one of them with another work. So a caller that holds ids of works links
    the file first. A work without a file goes to the trash, except one that was created by this
    file's name alone before it was known to hold no video.
    """
    ((movie_id, codec, problem, changed_at, part, edition, decided_by),) = rows(
        "SELECT movie_id, codec_video, media_problem, changed_at, part, edition, decided_by "
        "FROM video_files WHERE id = ?",
        video_file_id,
    )
    wrong_movie = movie_id if movie_id != keep_movie else None
    links = rows("SELECT episode_id FROM episode_files WHERE video_file_id = ?", video_file_id)
    wrong = [episode_id for (episode_id,) in links if episode_id not in keep_episodes]
    if wrong_movie is None and not wrong:
        return ()
    before = titles.works_of(video_file_id)
    is_by_name_alone = codec is None and problem is not None and decided_by != DecidedBy.USER
    made_since = VideoFile.changed_at.python_value(changed_at) if is_by_name_alone else None
    throw_away = partial(
        discard,
        reason=LAST_FILE,
        now_ms=now_ms,
        file_id=video_file_id,
        taken_for={"part": part, "edition": edition, **titles.claims_by(video_file_id)},
        made_since=made_since,
    )
    if wrong_movie is not None:
        VideoFile.update(movie=None).where(VideoFile.id == video_file_id).execute()
        if not VideoFile.select().where(VideoFile.movie == wrong_movie).exists():
            throw_away("movie", [wrong_movie])
    if wrong:
        EpisodeFile.delete().where(EpisodeFile.video_file == video_file_id, EpisodeFile.episode.in_(wrong)).execute()
        linked = EpisodeFile.select(EpisodeFile.episode).where(EpisodeFile.episode.in_(wrong))
        empty = list(Episode.select().where(Episode.id.in_(wrong), Episode.id.not_in(linked)))
        throw_away("episode", [row.id for row in empty], left_with=wrong)
        for series_id in {row.series_id for row in empty}:
            if not Episode.select().where(Episode.series == series_id).exists():
                discard("series", [series_id], LAST_EPISODE, now_ms, made_since=made_since)
    after = titles.works_of(video_file_id)
    return [work for work in before if work not in after]


# --- pending validations ----------------------------------------------------------------------------------------


def _request_validation(video_file_id: int, verdict: Uncertain, now_ms: int) -> None:
    _unlink(video_file_id, now_ms)
    _decide(video_file_id, FileVerdict.PENDING, DecidedBy.REELD, None, verdict.reason)
    values = {"candidates": _as_dicts(verdict.candidates), "reason": verdict.reason}
    pending = PendingValidation.get_or_none(
        PendingValidation.video_file == video_file_id, PendingValidation.validation_status == ValidationStatus.PENDING
    )
    if pending is not None and _as_dicts(candidates_of(pending.id)) == values["candidates"]:
        PendingValidation.update(reason=verdict.reason).where(PendingValidation.id == pending.id).execute()
        return
    # Other candidates make a new validation: an answer to the old one must not pick from the new
    # numbers.
    _close_validation(video_file_id, ValidationStatus.REJECTED, auto=True, now_ms=now_ms)
    PendingValidation.insert(video_file=video_file_id, created_at=utc_from_ms(now_ms), **values).execute()


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
    change(
        "UPDATE pending_validations SET validation_status = ?, auto_validated = ?, resolved_at = ? "
        "WHERE video_file_id = ? AND validation_status = 'pending'",
        status,
        auto,
        PendingValidation.resolved_at.db_value(utc_from_ms(now_ms)),
        video_file_id,
    )


def _as_dicts(candidates: Sequence[Reading]) -> list[Row]:
    return [{"id": number, **asdict(reading)} for number, reading in enumerate(candidates, start=1)]


def _reading(candidate: Row) -> Reading:
    fields = {key: value for key, value in candidate.items() if key != "id"}
    lists = ("episode_numbers", "absolute_numbers", "evidence")
    return Reading(**fields | {key: tuple(fields[key]) for key in lists})
