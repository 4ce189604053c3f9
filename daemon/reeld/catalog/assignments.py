"""To which film or which episodes does a file belong, and what does it ask a person?

Everything here runs inside one transaction of its caller: a verdict, the movie or episodes that it needs and
the question that it asks or answers appear together.
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
from reeld.domain.identity import Accepted, Ignored, Reading, Uncertain, Verdict
from reeld.errors import NotFoundError

LAST_FILE = "its last file is taken for something else now, or for nothing"
LAST_EPISODE = "its last episode went"

BROUGHT_BACK = "a person brought back from the trash what it was taken for"

KeyOf = Callable[[str], str]
"""Title to the key under which its spellings are one."""


def file_verdict(video_file_id: int, verdict: Verdict, key_of: KeyOf, now_ms: int) -> None:
    """Store what reeld found out by itself. What a person decided about the file stands."""
    is_provisional = isinstance(verdict, Uncertain) and verdict.is_provisional
    update_row(VideoFile, video_file_id, identified_at=None if is_provisional else utc_from_ms(now_ms))
    if rows("SELECT 1 FROM video_files WHERE id = ? AND decided_by = 'user'", video_file_id):
        return
    match verdict:
        case Accepted(reading=reading, others=others):
            doubt = _take_for(video_file_id, reading, "reeld", key_of, now_ms)
            if doubt is None:
                _close_question(video_file_id, "validated", auto=True, now_ms=now_ms)
            else:
                _ask(video_file_id, Uncertain(reason=doubt, candidates=(reading, *others)), now_ms)
        case Uncertain():
            _ask(video_file_id, verdict, now_ms)
        case Ignored(reason=reason, evidence=evidence):
            _unlink(video_file_id, now_ms)
            _decide(video_file_id, "ignored", "reeld", None, reason, evidence)
            _close_question(video_file_id, "rejected", auto=True, now_ms=now_ms)


def is_filed_for_good(video_file_id: int) -> bool:
    """Whether its name was read since its content is what it is, and nothing in that speaks against the verdict."""
    sql = (
        "SELECT 1 FROM video_files WHERE id = ? AND verdict IS NOT NULL AND identified_at >= changed_at "
        "AND NOT (verdict = 'accepted' AND decided_by = 'reeld' AND codec_video IS NULL AND media_problem IS NOT NULL)"
    )
    return bool(rows(sql, video_file_id))


def ignore_by_rules(video_file_ids: Sequence[int], reason: str, now_ms: int) -> None:
    """The library's rules leave these files alone: they belong to no work and ask nothing.

    What a person decided stands. Files that are ignored for this reason already cost nothing.
    """
    by_person = VideoFile.decided_by == "user"
    already = (VideoFile.decided_by == "rules") & (VideoFile.reason == reason)
    is_settled = fn.COALESCE(by_person | already, 0)
    for ids in chunked(video_file_ids, 500):
        for (file_id,) in list(VideoFile.select(VideoFile.id).where(VideoFile.id.in_(ids), ~is_settled).tuples()):
            _unlink(file_id, now_ms)
            _decide(file_id, "ignored", "rules", None, reason)
            _close_question(file_id, "rejected", auto=True, now_ms=now_ms)


def transfer(new_id: int, old_id: int, now_ms: int) -> None:
    """The file `new_id` is `old_id`, which was known before: what the old one is stays if a person decided it.

    Else it is what the new one's name says. All questions about the new one become the old one's: their numbers may
    be before a person's eyes, and must never mean another file. So does what is in the trash and was the new one's,
    but for that of a file of which its row spoke before.
    """
    is_decided = bool(rows("SELECT 1 FROM video_files WHERE id = ? AND decided_by = 'user'", old_id))
    if is_decided:
        _unlink(new_id, now_ms)
        _close_question(new_id, "rejected", auto=True, now_ms=now_ms)
    else:
        _adopt_verdict(new_id, old_id, now_ms)
    PendingValidation.update(video_file=old_id).where(PendingValidation.video_file == new_id).execute()
    trash.transfer(new_id, old_id, since=next((each.happened_at for each in history.replaced(new_id)), ""))


def forget_verdict(video_file_id: int, now_ms: int) -> None:
    """What the file is must be found out anew. Its open question, if it has one, is another's already."""
    _unlink(video_file_id, now_ms)
    _decide(video_file_id, None, None, None, None)


def open_question(video_file_id: int, now_ms: int) -> int:
    """The id of the question about this file; asked here if nobody did, since a person wants to decide."""
    latest = (
        PendingValidation.select()
        .where(PendingValidation.video_file == video_file_id)
        .order_by(PendingValidation.id.desc())
        .first()
    )
    if latest is not None:
        return int(latest.id)
    reason = "opened by a person"
    return int(
        PendingValidation.insert(video_file=video_file_id, reason=reason, created_at=utc_from_ms(now_ms)).execute()
    )


def is_open(question_id: int) -> bool:
    """Whether the question still waits for its answer."""
    return str(_question(question_id).validation_status) == "pending"


def file_of(question_id: int) -> int:
    """The id of the file that the question is about."""
    return int(_question(question_id).video_file_id)


def candidates_of(question_id: int) -> tuple[Reading, ...]:
    """The readings of a question in the order of their numbers, which begin with 1."""
    return tuple(_reading(candidate) for candidate in _question(question_id).candidates)


def validate(question_id: int, reading: Reading, *, candidate: int | None, key_of: KeyOf, now_ms: int) -> None:
    """A person says what the file is; `candidate` is its number when it was one of those offered.

    Where two works fit the person's words equally, the older one is meant. Of what the person did not speak, the part
    of a film in several files, stays as it was.
    """
    video_file_id = _question(question_id).video_file_id
    if reading.part is None and reading.kind == "movie":
        ((part,),) = rows("SELECT part FROM video_files WHERE id = ?", video_file_id)
        reading = replace(reading, part=part)
    _take_for(video_file_id, reading, "user", key_of, now_ms)
    _answer(question_id, "validated", candidate, now_ms)
    titles.recompute_titles(titles.works_of(video_file_id), now_ms)


def reject(question_id: int, now_ms: int) -> None:
    """A person says that the file is none of these, and nothing to be filed."""
    video_file_id = _question(question_id).video_file_id
    _unlink(video_file_id, now_ms)
    _decide(video_file_id, "rejected", "user", None, "rejected by a person")
    _answer(question_id, "rejected", None, now_ms)


def restore(trash_id: int, now_ms: int) -> trash.Restored:
    """A person wants a movie, series or episode back: with the files that it had, if they are nothing else by now.

    Its type, its id, and those files. Raises NotFoundError if it is not in the trash, or is there again.
    """
    back = trash.take_out(trash_id)
    taken = [file_id for file_id in back.file_ids if _is_free_for(back, file_id)]
    for file_id in taken:
        if back.entity_type == "movie":
            update_row(VideoFile, file_id, movie=back.id)
        else:
            change("INSERT OR IGNORE INTO episode_files (episode_id, video_file_id) VALUES (?, ?)", back.id, file_id)
        _decide(file_id, "accepted", "user", None, None, [BROUGHT_BACK])
        update_row(VideoFile, file_id, kind=back.entity_type, **back.taken_for)
        _close_question(file_id, "validated", auto=False, now_ms=now_ms)
    return replace(back, file_ids=taken)


def _is_free_for(back: trash.Restored, video_file_id: int) -> bool:
    """Whether the file is taken for nothing, or got only episodes back so far that it held together with this one."""
    file = VideoFile.get_or_none(VideoFile.id == video_file_id)
    if file is None or file.verdict != "accepted":
        return file is not None
    held = {episode for (episode,) in rows("SELECT episode_id FROM episode_files WHERE video_file_id = ?", file.id)}
    return file.evidence == [BROUGHT_BACK] and bool(held) and held.issubset(back.left_with)


def _question(question_id: int) -> Any:
    question = PendingValidation.get_or_none(PendingValidation.id == question_id)
    if question is None:
        raise NotFoundError(f"there is no question with the number {question_id}", "see `reeld pending`")
    return question


# --- the file's own row ----------------------------------------------------------------------------------


def _take_for(
    video_file_id: int, reading: Reading, by: Literal["reeld", "user"], key_of: KeyOf, now_ms: int
) -> str | None:
    """The file is this film, or these episodes, which learn what it says, and forget what it does not say any more.

    Returns why it cannot be that: two works fit equally well. It belongs to what it did, then.
    """
    key = key_of(reading.title or "")
    words = titles.words_of(reading, key)
    has_other_claims = titles.has_other_claims(video_file_id, words)
    only = None
    if has_other_claims:
        titles.recompute_titles(titles.works_of(video_file_id), now_ms, leaving=video_file_id)
        only = titles.only_of(video_file_id, reading.kind)
    left = _link(video_file_id, reading, key, now_ms, person=by == "user", leaving=only)
    if isinstance(left, Ambiguous):
        return left.reason
    _decide(video_file_id, "accepted", by, reading, None, words=words)
    titles.recompute_titles(titles.works_of(video_file_id) if has_other_claims else left, now_ms)
    return None


def _link(
    video_file_id: int, reading: Reading, key: str, now_ms: int, *, person: bool, leaving: int | None
) -> titles.Works | Ambiguous:
    """Connect the file with the film or the episodes of the reading, made if need be.

    Returns what it left, or why it cannot: two works fit equally well. Nothing was changed then.
    """
    if reading.kind == "movie":
        movie = find_or_make_movie(reading, key, now_ms, take_oldest=person, leaving=leaving)
        if isinstance(movie, Ambiguous):
            return movie
        left = _unassign(video_file_id, now_ms, keep_movie=movie)
        update_row(VideoFile, video_file_id, movie=movie)
        return left
    episodes = find_or_make_episodes(reading, key, now_ms, take_oldest=person, leaving=leaving)
    if isinstance(episodes, Ambiguous):
        return episodes
    left = _unassign(video_file_id, now_ms, keep_episodes=episodes)
    for episode in episodes:
        change("INSERT OR IGNORE INTO episode_files (episode_id, video_file_id) VALUES (?, ?)", episode, video_file_id)
    return left


def _decide(
    video_file_id: int,
    verdict: str | None,
    decided_by: str | None,
    reading: Reading | None,
    reason: str | None,
    evidence: Sequence[str] = (),
    *,
    words: Row | None = None,
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
        **(words or titles.words_of(None, "")),
    )


_VERDICT = (
    "verdict, decided_by, reason, kind, part, edition, confidence, evidence, movie_id, identified_at, claimed_work, "
    "claimed_episode"
)


def _adopt_verdict(new_id: int, old_id: int, now_ms: int) -> None:
    ((movie,),) = rows("SELECT movie_id FROM video_files WHERE id = ?", new_id)
    episodes = [episode for (episode,) in rows("SELECT episode_id FROM episode_files WHERE video_file_id = ?", new_id)]
    _unlink(old_id, now_ms, keep_movie=movie, keep_episodes=episodes)
    _close_question(old_id, "rejected", auto=True, now_ms=now_ms)
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
    """Take the file from works that it does not belong to, which forget what it alone had said."""
    left = _unassign(video_file_id, now_ms, keep_movie=keep_movie, keep_episodes=keep_episodes)
    titles.recompute_titles(left, now_ms, leaving=video_file_id)


def _unassign(
    video_file_id: int, now_ms: int, *, keep_movie: int | None = None, keep_episodes: Sequence[int] = ()
) -> titles.Works:
    """Take the file from works that it does not belong to, and say which; those have not forgotten anything yet.

    One of them may be merged with another when it does, so whoever keeps ids of works links the file before.

    A work that has no file left goes to the trash. But not one that was made for this file alone, by its name, while
    nobody knew that it holds no video.
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
    is_by_name_alone = codec is None and problem is not None and decided_by != "user"
    made_since = VideoFile.changed_at.python_value(changed_at) if is_by_name_alone else None
    throw_away = partial(
        discard,
        reason=LAST_FILE,
        now_ms=now_ms,
        file_id=video_file_id,
        taken_for={"part": part, "edition": edition, **titles.words_by(video_file_id)},
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


# --- the question ----------------------------------------------------------------------------------------


def _ask(video_file_id: int, verdict: Uncertain, now_ms: int) -> None:
    _unlink(video_file_id, now_ms)
    _decide(video_file_id, "pending", "reeld", None, verdict.reason)
    values = {"candidates": _as_dicts(verdict.candidates), "reason": verdict.reason}
    asked = PendingValidation.get_or_none(
        PendingValidation.video_file == video_file_id, PendingValidation.validation_status == "pending"
    )
    if asked is not None and _as_dicts(candidates_of(asked.id)) == values["candidates"]:
        PendingValidation.update(reason=verdict.reason).where(PendingValidation.id == asked.id).execute()
        return
    # Other candidates are another question: whoever read the old one must not answer the new one with its numbers.
    _close_question(video_file_id, "rejected", auto=True, now_ms=now_ms)
    PendingValidation.insert(video_file=video_file_id, created_at=utc_from_ms(now_ms), **values).execute()


def _answer(question_id: int, status: str, candidate: int | None, now_ms: int) -> None:
    """Store a person's answer. It may be to an old question of the file: the open one is answered with it."""
    PendingValidation.update(
        validation_status=status,
        selected_candidate_id=candidate,
        auto_validated=False,
        resolved_at=utc_from_ms(now_ms),
    ).where(PendingValidation.id == question_id).execute()
    _close_question(_question(question_id).video_file_id, status, auto=False, now_ms=now_ms)


def _close_question(video_file_id: int, status: str, *, auto: bool, now_ms: int) -> None:
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
