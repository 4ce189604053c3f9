"""Assigns files to episodes of their series, and says what the episodes are called.

An episode is known by season and number. A file that states only an absolute number belongs to
the episode that has this number by the claims of other files. It is an episode of its own if there
is none, and a question if there are two. Else an episode is known by the day when it was aired.

Of an episode's files, those that the user decided count first, the latest before the others. Then
counts what more files claim, then a fixed order. Missing files do not count, unless the episode has
no others: they keep an episode of their claims, and number none that other files have.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from reeld.catalog.claims import COUNTS, parsed
from reeld.catalog.links import unlink
from reeld.catalog.models import Episode
from reeld.catalog.trash import discard
from reeld.catalog.works import spelling_order
from reeld.database.base import Row
from reeld.database.fields import utc_from_ms
from reeld.database.statements import change, insert_row, rows, update_row

_CLAIMS = f"""
    SELECT video_file_id, {COUNTS}, claimed_episode, decided_by = 'user', CASE WHEN decided_by = 'user' THEN
        (SELECT MAX(resolved_at) FROM pending_validations WHERE video_file_id = video_files.id) END
    FROM episode_files JOIN video_files ON video_files.id = video_file_id WHERE episode_id = ?
"""  # noqa: S608 - a condition of ours
# An episode whose number only missing files state is not there for others.
_WITH_ABSOLUTE = f"""
    series_id = ? AND absolute_number = ? AND (season_number IS NULL OR EXISTS (
        SELECT 1 FROM episode_files JOIN video_files ON video_files.id = video_file_id
        WHERE episode_id = episodes.id AND {COUNTS}
    ))
"""  # noqa: S608 - a condition of ours
_NAMES = ("season_number", "episode_number", "absolute_number", "air_date", "title")

_NO_SEASON: Row = {"season_number": None, "episode_number": None}

_FILES_WITH = """
    SELECT DISTINCT video_file_id, claimed_episode
    FROM episode_files JOIN video_files ON video_files.id = video_file_id
    WHERE episode_id = ? OR episode_id IN (SELECT id FROM episodes WHERE series_id = ? AND absolute_number = ?)
"""


class Episodes:
    """What happens to episodes in one transaction. `finish` must follow the last change."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._grown: set[int] = set()
        self._numbers: set[tuple[int, int, int]] = set()
        """Series, absolute number, and the episode that has it now, or had it."""
        self._asked: dict[int, tuple[int, str]] = {}

    @property
    def asked(self) -> dict[int, str]:
        """The files that fit several episodes of their series, with the reason. They belong to none."""
        return {file_id: reason for file_id, (_, reason) in self._asked.items()}

    def place(self, video_file_id: int, series_id: int) -> None:
        """Assign a file that has none to the episodes that it claims, if none of those is in question."""
        counts, _, names = self._claimed(video_file_id)
        for each in names:
            if (found := self._found(series_id, each, counts=counts)) is not None:
                self._link(video_file_id, found)
                continue
            made = self._make(series_id, each)
            self._link(video_file_id, made)
            if each.get("absolute_number") is None:
                # It says what its only file says, and no other file speaks of its number.
                self._grown.discard(made)

    def assign(self, video_file_id: int, series_id: int) -> None:
        """Assign the file to the episodes that it claims, and to no others.

        It is `asked` if it fits several, unless it is missing, or decided by the user.
        """
        counts, is_users, names = self._claimed(video_file_id)
        reason = None
        if counts and not is_users:
            reason = next(filter(None, (self._ambiguity(series_id, each) for each in names)), None)
        if reason:
            self._asked[video_file_id] = (series_id, reason)
            found = []
        else:
            self._asked.pop(video_file_id, None)
            found = [self._found_or_made(series_id, each, counts=counts) for each in names]
        for episode_id in found:
            self._link(video_file_id, episode_id)
        self.leave(video_file_id, keep=found)

    def renumber(self, video_file_id: int, series_id: int) -> None:
        """Do the same for a file whose claims on episodes of its series are new."""
        self.assign(video_file_id, series_id)
        for (episode_id,) in rows("SELECT episode_id FROM episode_files WHERE video_file_id = ?", video_file_id):
            self.grew(episode_id)

    def leave(self, video_file_id: int, keep: Sequence[int] = ()) -> None:
        """Take the file out of all works but these episodes."""
        for kind, work_id in unlink(video_file_id, self._now_ms, keep_episodes=keep):
            if kind == "episode":
                self.grew(work_id)

    def move(self, video_file_id: int, series_id: int) -> None:
        """Move the file from another series to this one, with the episodes that only it has."""
        for episode_id, *values in rows(
            f"SELECT id, {', '.join(_NAMES)} FROM episodes JOIN episode_files ON episode_id = id "  # noqa: S608
            "WHERE video_file_id = ? AND series_id <> ? AND 1 = ("
            "SELECT COUNT(*) FROM episode_files WHERE episode_id = episodes.id)",
            video_file_id,
            series_id,
        ):
            if self._same(series_id, dict(zip(_NAMES, values, strict=True))) is None:
                update_row(Episode, episode_id, series=series_id)
                self.grew(episode_id)
        self.assign(video_file_id, series_id)

    def take_over(self, series_id: int, other_id: int, reason: str) -> None:
        """Give all episodes of `series_id` to another series."""
        sql = f"SELECT id, {', '.join(_NAMES)} FROM episodes WHERE series_id = ? ORDER BY id"  # noqa: S608
        for episode_id, *values in rows(sql, series_id):
            same = self._same(other_id, dict(zip(_NAMES, values, strict=True)))
            if same is None:
                update_row(Episode, episode_id, series=other_id)
                self.grew(episode_id)
                continue
            change("UPDATE OR IGNORE episode_files SET episode_id = ? WHERE episode_id = ?", same, episode_id)
            change("DELETE FROM episode_files WHERE episode_id = ?", episode_id)
            discard("episode", [episode_id], reason, self._now_ms)
            self.grew(same)

    def grew(self, episode_id: int) -> None:
        """Note that files came to this episode, or left it."""
        self._grown.add(episode_id)

    def finish(self) -> None:
        """Recompute what changed, and assign again the files that state an absolute number only."""
        self._drain()
        before = None
        while self._asked != before:
            # What a file fits may be an episode that only it, or one after it, had numbered until now.
            before = dict(self._asked)
            for file_id, (series_id, _) in before.items():
                self.assign(file_id, series_id)
            self._drain()

    def _drain(self) -> None:
        while self._grown or self._numbers:
            while self._grown:
                self._recompute(self._grown.pop())
            if self._numbers:
                self._settle(*self._numbers.pop())

    def is_simple(self, series_id: int, names: Iterable[Row]) -> bool:
        """Tell whether a new file with these claims changes no episode but those that it names."""
        for each in names:
            if (number := each.get("absolute_number")) is None:
                continue
            known = self._with_absolute(series_id, number)
            if "season_number" not in each:
                if len([row for row in known if row["season_number"] is not None]) > 1:
                    return False
                continue
            same = self._numbered(series_id, each)
            is_its_own = same is None or same["absolute_number"] in (None, number)
            if not is_its_own or any(same is None or row["id"] != same["id"] for row in known):
                return False
        return True

    # --- finding -----------------------------------------------------------------------------------------

    def _claimed(self, video_file_id: int) -> tuple[bool, bool, Sequence[Row]]:
        """Return whether the file counts, whether the user decided about it, and the episodes that it claims."""
        sql = f"SELECT {COUNTS}, decided_by IS 'user', claimed_episode FROM video_files WHERE id = ?"  # noqa: S608
        ((counts, is_users, text),) = rows(sql, video_file_id)
        return bool(counts), bool(is_users), parsed(text) or []

    def _ambiguity(self, series_id: int, names: Row) -> str | None:
        if "season_number" in names or names.get("absolute_number") is None:
            return None
        number = names["absolute_number"]
        found = [row for row in self._with_absolute(series_id, number) if row["season_number"] is not None]
        if len(found) < 2:
            return None
        which = sorted((row["season_number"], row["episode_number"]) for row in found)
        said = " and ".join(f"S{season:02d}E{episode:02d}" for season, episode in which)
        return f"{len(found)} episodes have the absolute number {number}, {said}; the name does not say which"

    def _found_or_made(self, series_id: int, names: Row, *, counts: bool) -> int:
        found = self._found(series_id, names, counts=counts)
        return self._make(series_id, names) if found is None else found

    def _found(self, series_id: int, names: Row, *, counts: bool) -> int | None:
        """Return the episode of the series that is meant; None if there is none yet."""
        if "season_number" in names:
            if (same := self._numbered(series_id, names)) is not None:
                return int(same["id"])
            number = names["absolute_number"]
            known = [] if number is None else self._with_absolute(series_id, number)
            if counts and len(known) == 1 and known[0]["season_number"] is None:
                # So far known by the absolute number only: its season is added now.
                update_row(Episode, known[0]["id"], **_numbers_in(names))
                return int(known[0]["id"])
        elif names.get("absolute_number") is not None:
            known = self._with_absolute(series_id, names["absolute_number"])
            if known:
                return int(min(known, key=_season_order)["id"])
        elif (aired := self._aired(series_id, names["air_date"])) is not None:
            return int(aired["id"])
        return None

    def _make(self, series_id: int, names: Row) -> int:
        now = utc_from_ms(self._now_ms)
        stated = {name: value for name, value in names.items() if value is not None}
        return insert_row(Episode, series=series_id, created_at=now, updated_at=now, **stated)

    def _same(self, series_id: int, episode: Row) -> int | None:
        """Return the series' episode that has the same number."""
        if episode["season_number"] is not None:
            found = self._numbered(series_id, episode)
        elif episode["absolute_number"] is not None:
            lone = self._with_absolute(series_id, episode["absolute_number"])
            found = next((row for row in lone if row["season_number"] is None), None)
        else:
            found = self._aired(series_id, episode["air_date"])
        return None if found is None else int(found["id"])

    def _numbered(self, series_id: int, names: Row) -> Row | None:
        numbers = (names["season_number"], names["episode_number"])
        found = self._where("series_id = ? AND season_number = ? AND episode_number = ?", series_id, *numbers)
        return next(iter(found), None)

    def _with_absolute(self, series_id: int, number: int) -> list[Row]:
        return self._where(_WITH_ABSOLUTE, series_id, number)

    def _aired(self, series_id: int, day: str) -> Row | None:
        found = self._where("series_id = ? AND air_date = ? ORDER BY season_number IS NULL, id", series_id, day)
        return next(iter(found), None)

    def _where(self, condition: str, *values: object) -> list[Row]:
        names = ("id", "series_id", *_NAMES)
        sql = f"SELECT {', '.join(names)} FROM episodes WHERE {condition}"  # noqa: S608 - names of ours
        return [dict(zip(names, row, strict=True)) for row in rows(sql, *values)]

    def _link(self, video_file_id: int, episode_id: int) -> None:
        if change(
            "INSERT OR IGNORE INTO episode_files (episode_id, video_file_id) VALUES (?, ?)", episode_id, video_file_id
        ):
            self.grew(episode_id)

    # --- what follows from the claims --------------------------------------------------------------------

    def _recompute(self, episode_id: int) -> None:
        """Recompute an episode's title and numbers from the claims of its files."""
        files = rows(_CLAIMS, episode_id)
        known = next(iter(self._where("id = ?", episode_id)), None)
        if known is None or not files or any(text is None for _, _, text, *_ in files):
            return
        claims = [claim for _, counts, *claim in files if counts] or [claim for _, _, *claim in files]
        its = [(bool(user), at or "", names) for text, user, at in claims for names in json.loads(text)]
        facts: Row = {}
        if known["season_number"] is not None:
            numbered = [each for each in its if _is_numbered_as(each[2], known)]
            if numbered:
                facts["absolute_number"] = _chosen((*each[:2], each[2]["absolute_number"]) for each in numbered)
            elif known["absolute_number"] is not None and self._same(known["series_id"], known | _NO_SEASON) is None:
                facts = dict(_NO_SEASON)  # the files that numbered it have left
        number = facts.get("absolute_number", known["absolute_number"])
        mine = [each for each in its if _is_of(each[2], known, number)]
        facts["title"] = _chosen((*each[:2], each[2]["title"]) for each in mine)
        if any(known[name] != value for name, value in facts.items()):
            update_row(Episode, episode_id, updated_at=utc_from_ms(self._now_ms), **facts)
        for each in {number, known["absolute_number"]} - {None}:
            self._numbers.add((known["series_id"], each, episode_id))
        for file_id, counts, text, *_ in files:
            if not counts and not any(_is_of(names, known | facts, number) for names in json.loads(text)):
                self.assign(file_id, known["series_id"])

    def _settle(self, series_id: int, number: int, episode_id: int) -> None:
        """Assign again the files that claim this absolute number alone."""
        for file_id, text in rows(_FILES_WITH, episode_id, series_id, number):
            names = parsed(text) or []
            if not any("season_number" not in each and each.get("absolute_number") == number for each in names):
                continue
            self.assign(file_id, series_id)


def _is_numbered_as(names: Row, known: Row) -> bool:
    return all(
        names.get(name) is not None and names[name] == known[name] for name in ("season_number", "episode_number")
    )


def _is_of(names: Row, known: Row, number: int | None) -> bool:
    if names.get("season_number") is not None:
        return _is_numbered_as(names, known)
    if names.get("absolute_number") is not None:
        return bool(names["absolute_number"] == number)
    return bool(names["air_date"] == known["air_date"])


def _chosen(said: Iterable[tuple[bool, str, Any]]) -> Any:
    """Return the value that counts most, of those that are said: by the user, at that time."""
    known = [each for each in said if each[2] is not None]
    by_user = [(at, value) for is_users, at, value in known if is_users]
    if by_user:
        latest = max(at for at, _ in by_user)
        return min((value for at, value in by_user if at == latest), key=_value_order)
    counts = Counter(value for *_, value in known)
    return min(counts, key=lambda value: (-counts[value], _value_order(value)), default=None)


def _value_order(value: Any) -> Any:
    return spelling_order(value) if isinstance(value, str) else (value,)


def _season_order(row: Row) -> tuple[int, int]:
    if row["season_number"] is None:
        return (1 << 62, 0)
    return (row["season_number"], row["episode_number"] or 0)


def _numbers_in(names: Row) -> Row:
    return {name: names[name] for name in ("season_number", "episode_number")}
