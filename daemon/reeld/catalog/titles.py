"""Recomputes what films, series and episodes are called, from the claims of all their files.

A new file adds facts to its work (`works.py`). If a file changes its claims, or moves to another
work, the facts that it alone had claimed must go. The works must be those that a fresh scan of
all files would make. So each file keeps its claims. The user's claims win, the latest first; then
those of the file that came first. If one file's claims are unknown, since an older reeld assigned
it, nothing is forgotten.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from reeld.catalog.models import Episode, Movie, Series
from reeld.catalog.trash import discard
from reeld.catalog.works import IDS, episode_names, episode_title, known_episode, learn, matches_of
from reeld.database.base import BaseModel, Row
from reeld.database.fields import utc_from_ms
from reeld.database.statements import change, rows, update_row
from reeld.domain.identity import Reading

_FACTS = ("title", "title_key", "year", "country", *IDS)

# Each distinct claim once, since nearly always all files of a series claim the same.
_OF_WORK = """
    SELECT claimed_work FROM (
        SELECT claimed_work, decided_by = 'user' AS is_users, id,
               (SELECT MAX(resolved_at) FROM pending_validations WHERE video_file_id = video_files.id) AS decided_at
        FROM video_files WHERE id <> ? AND
"""
_IN_ORDER = """
    ) GROUP BY claimed_work ORDER BY MAX(is_users) DESC, MAX(CASE WHEN is_users THEN decided_at END) DESC, MIN(id)
"""

_OF_MOVIE = "movie_id = ?"
_OF_SERIES = """id IN (
    SELECT video_file_id FROM episode_files JOIN episodes ON episodes.id = episode_id WHERE series_id = ?
)"""

_SAME = "SELECT 1 FROM video_files AS file WHERE file.id <> ? AND movie_id = ?"
_SAME_OF_SERIES = """
    SELECT 1 FROM video_files AS file JOIN episode_files ON video_file_id = file.id
    JOIN episodes ON episodes.id = episode_id WHERE file.id <> ? AND series_id = ?
"""
_WORDS = " AND claimed_work = (SELECT claimed_work FROM video_files WHERE id = ?) LIMIT 1"

_OF_EPISODE = """
    SELECT claimed_episode FROM video_files JOIN episode_files ON video_file_id = id
    WHERE id <> ? AND episode_id = ?
    ORDER BY decided_by = 'user' DESC, id
"""

_WORKS = """
    SELECT 'movie', movie_id FROM video_files WHERE id = ? AND movie_id IS NOT NULL
    UNION
    SELECT 'series', series_id FROM episode_files JOIN episodes ON episodes.id = episode_id WHERE video_file_id = ?
    UNION
    SELECT 'episode', episode_id FROM episode_files WHERE video_file_id = ?
"""

_SAID = """
    SELECT claimed_work, claimed_episode,
           movie_id IS NOT NULL OR EXISTS (SELECT 1 FROM episode_files WHERE video_file_id = video_files.id)
    FROM video_files WHERE id = ?
"""

Works = Sequence[tuple[str, int]]
"""Types (movie, series, episode) and ids."""


def claims_of(reading: Reading | None, title_key: str) -> Row:
    """Return the claim columns of a file with this reading, or with none."""
    if reading is None:
        return {"claimed_work": None, "claimed_episode": None}
    facts = {"title": reading.title or "", "title_key": title_key}
    facts |= {name: getattr(reading, name) for name in _FACTS if name not in facts}
    episodes = [names | {"title": episode_title(reading)} for names in episode_names(reading)]
    return {"claimed_work": facts, "claimed_episode": episodes or None}


def works_of(video_file_id: int) -> Works:
    """Return the works that the file belongs to."""
    return rows(_WORKS, video_file_id, video_file_id, video_file_id)


def claims_by(video_file_id: int) -> Row:
    """Return the claim columns of this file."""
    ((of_work, of_episode),) = rows("SELECT claimed_work, claimed_episode FROM video_files WHERE id = ?", video_file_id)
    claims = {"claimed_work": of_work, "claimed_episode": of_episode}
    return {name: None if text is None else json.loads(text) for name, text in claims.items()}


def has_other_claims(video_file_id: int, words: Row) -> bool:
    """Tell whether the file belongs to a work and has other claims than these so far."""
    ((*before, is_linked),) = rows(_SAID, video_file_id)
    return bool(is_linked) and before != [None if each is None else json.dumps(each) for each in words.values()]


def only_of(video_file_id: int, kind: str) -> int | None:
    """Return the file's film, or series, if no other file belongs to it."""
    kind, others = ("movie", _SAME) if kind == "movie" else ("series", _SAME_OF_SERIES)
    mine = (work_id for each, work_id in works_of(video_file_id) if each == kind)
    return next((work_id for work_id in mine if not rows(others + " LIMIT 1", video_file_id, work_id)), None)


def recompute_titles(works: Works, now_ms: int, *, leaving: int = 0) -> None:
    """Recompute the titles of these works from the claims of their files, without the file
    `leaving`.

    A work without files stays as it is. A work that now fits another one is merged with it.
    """
    merged: set[tuple[str, int]] = set()
    waiting = list(works)
    while waiting:
        kind, work_id = work = waiting.pop(0)
        if kind == "episode":
            _recompute_episode(work_id, now_ms, leaving)
            continue
        model, files_of, others = (
            (Series, _OF_SERIES, _SAME_OF_SERIES) if kind == "series" else (Movie, _OF_MOVIE, _SAME)
        )
        # Usually another file has the same claims, and nothing changes: so a series of 10,000
        # files is cheap.
        if not leaving or work in merged or not rows(others + _WORDS, leaving, work_id, leaving):
            claims = rows(_OF_WORK + files_of + _IN_ORDER, leaving, work_id)
            if _recompute_work(model, work_id, claims, now_ms):
                came = merge(model, work_id, now_ms)
                merged.update(came)
                waiting += came


def _recompute_work(model: type[BaseModel], work_id: int, claims: Sequence[tuple[str | None]], now_ms: int) -> bool:
    """Recompute a film or series. Tell whether anything changed."""
    words = [json.loads(text) for (text,) in claims if text is not None]
    if not words or len(words) < len(claims):
        return False
    names = [name for name in _FACTS if hasattr(model, name)]
    return _update(model, work_id, {name: _first(each[name] for each in words) for name in names}, now_ms)


def _recompute_episode(episode_id: int, now_ms: int, leaving: int) -> None:
    """Recompute an episode's title, and its absolute number unless that is its only number."""
    claims = rows(_OF_EPISODE, leaving, episode_id)
    if not claims or None in {text for (text,) in claims}:
        return
    ((season, number, absolute, aired),) = rows(
        "SELECT season_number, episode_number, absolute_number, air_date FROM episodes WHERE id = ?", episode_id
    )
    known = {"season_number": season, "episode_number": number, "absolute_number": absolute, "air_date": aired}
    its = [names for (text,) in claims for names in json.loads(text) if _is_of(names, known)]
    facts = {"title": _first(names["title"] for names in its)}
    if season is not None:
        facts["absolute_number"] = _first(names.get("absolute_number") for names in its)
    _update(Episode, episode_id, facts, now_ms)


def _is_of(names: Row, known: Row) -> bool:
    if names.get("season_number") is not None:
        return all(names[name] == known[name] for name in ("season_number", "episode_number"))
    return any(
        names.get(name) not in (None, "") and names[name] == known[name] for name in ("absolute_number", "air_date")
    )


def _first(values: Iterable[Any]) -> Any:
    return next((value for value in values if value is not None), None)


def _update(model: type[BaseModel], row_id: int, facts: Row, now_ms: int) -> bool:
    table = model._meta.table_name  # noqa: SLF001 - peewee's documented way to ask
    ((*before,),) = rows(f"SELECT {', '.join(facts)} FROM {table} WHERE id = ?", row_id)  # noqa: S608 - names of ours
    if before == list(facts.values()):
        return False
    update_row(model, row_id, updated_at=utc_from_ms(now_ms), **facts)
    return True


MERGED = "it is the same as another one, now that nothing tells them apart"

_NAMES = ("season_number", "episode_number", "absolute_number", "air_date", "title")


def merge(model: type[BaseModel], work_id: int, now_ms: int) -> Sequence[tuple[str, int]]:
    """Merge the work into the one other work that fits it, if there is exactly one.

    Returns types and ids of what grew: the merged work, and its episodes.
    """
    work, others = matches_of(model, work_id)
    if len(others) != 1:
        return ()
    (other,) = others
    if model is Movie:
        change("UPDATE video_files SET movie_id = ? WHERE movie_id = ?", other["id"], work_id)
        kind, episodes = "movie", []
    else:
        kind, episodes = "series", _take_over_episodes(work_id, other["id"], now_ms)
    learn(model, other, work, now_ms)
    discard(kind, [work_id], MERGED, now_ms)
    return [(kind, other["id"]), *(("episode", each) for each in episodes)]


def _take_over_episodes(series_id: int, other_id: int, now_ms: int) -> list[int]:
    taken_over = []
    sql = f"SELECT id, {', '.join(_NAMES)} FROM episodes WHERE series_id = ? ORDER BY id"  # noqa: S608 - names of ours
    for episode_id, *values in rows(sql, series_id):
        facts = dict(zip(_NAMES, values, strict=True))
        known = known_episode(other_id, _known_by(facts))
        if known is None:
            update_row(Episode, episode_id, series=other_id)
            continue
        change("UPDATE OR IGNORE episode_files SET episode_id = ? WHERE episode_id = ?", known["id"], episode_id)
        change("DELETE FROM episode_files WHERE episode_id = ?", episode_id)
        # Discard first: no two episodes of one series may have one number.
        discard("episode", [episode_id], MERGED, now_ms)
        learn(Episode, known, facts, now_ms)
        taken_over.append(int(known["id"]))
    return taken_over


def _known_by(facts: Row) -> Row:
    """Return the numbers of an episode, as `episode_names` in `works.py` does."""
    if facts["season_number"] is not None:
        return {name: facts[name] for name in ("season_number", "episode_number", "absolute_number")}
    name = "absolute_number" if facts["absolute_number"] is not None else "air_date"
    return {name: facts[name]}
