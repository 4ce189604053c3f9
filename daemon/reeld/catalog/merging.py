"""Which work is another one, now that it is called otherwise?

A work that forgets its year, or an id, may fit one that it was told apart from by that: a fresh look at all files would
make one of both. Only where a single other one fits is that certain; nothing is guessed between several. All that files
say, a person's words among it, goes with them.
"""

from collections.abc import Sequence

from reeld.catalog.models import BaseModel, Episode, Movie, Row
from reeld.catalog.statements import change, rows, update_row
from reeld.catalog.trash import discard
from reeld.catalog.works import known_episode, learn, matches_of

MERGED = "it is the same as another one, now that nothing tells them apart"

_NAMES = ("season_number", "episode_number", "absolute_number", "air_date", "title")


def merge(model: type[BaseModel], work_id: int, now_ms: int) -> Sequence[tuple[str, int]]:
    """Let the work go into the only other one that fits it, if there is one.

    What took something over, as types and ids: the work that both are now, and its episodes.
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
        # Before the other learns: no two episodes of one series may have one number.
        discard("episode", [episode_id], MERGED, now_ms)
        learn(Episode, known, facts, now_ms)
        taken_over.append(int(known["id"]))
    return taken_over


def _known_by(facts: Row) -> Row:
    """As `episode_names` in `works.py`."""
    if facts["season_number"] is not None:
        return {name: facts[name] for name in ("season_number", "episode_number", "absolute_number")}
    name = "absolute_number" if facts["absolute_number"] is not None else "air_date"
    return {name: facts[name]}
