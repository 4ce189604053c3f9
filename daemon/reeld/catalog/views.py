"""Reads the catalogue for output: dicts whose keys scripts may rely on (`daemon/JSON.md`); unknown is None.

Lists are fetched in pages, so that 100,000 files need the memory of a few hundred.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import JOIN, chunked, fn

from reeld.catalog import candidates, history, media, sidecar_views, verification
from reeld.catalog.models import (
    Episode,
    EpisodeFile,
    JobRow,
    Library,
    Movie,
    PendingValidation,
    Series,
    Trash,
    VideoFile,
    stage_columns,
)
from reeld.database.base import Row
from reeld.database.connection import reading
from reeld.domain.facts import confidence, reading_row
from reeld.domain.files import FileStamp
from reeld.domain.numbers import THING_OF_KIND, Thing, spelled
from reeld.domain.records import place_of
from reeld.domain.states import DecidedBy, FileState, JobState, ValidationStatus
from reeld.domain.times import rfc3339

_PAGE = 500

_LANGUAGES = ("languages", "subtitle_languages")

_PRESENT = VideoFile.state == FileState.PRESENT


# --- files -----------------------------------------------------------------------------------------------


def list_files(ids: Iterable[int]) -> Iterator[Row]:
    """Read these files, in this order. One that has gone meanwhile is left out."""
    for page in chunked(ids, _PAGE):
        with reading():
            rows = {row["id"]: row for row in _file_query(page).dicts()}
            episodes = _episodes_of(page)
            sidecars = sidecar_views.counts_of_files(page)
        for row_id in page:
            if row_id in rows:
                yield _file(rows[row_id], episodes.get(row_id, [])) | sidecars[row_id]


def file_by_id(video_file_id: int) -> Row | None:
    return next(list_files([video_file_id]), None)


def file_ids_at(absolute_path: str, real_path: Callable[[str], str]) -> list[int]:
    """Find the files that the catalogue knows under this path: at most one of each library that contains it.

    Without any, follow links in the folders of the path by `real_path`; a link in the place of the file is kept.
    """
    with reading():
        libraries = list(Library.select(Library.id, Library.path).tuples())
    if ids := _ids_below(absolute_path, libraries):
        return ids
    folder, name = os.path.split(absolute_path)
    return _ids_below(
        os.path.join(real_path(folder), name), [(library_id, real_path(root)) for library_id, root in libraries]
    )


def _ids_below(path: str, libraries: Sequence[tuple[int, str]]) -> list[int]:
    ids = []
    for library_id, root in libraries:
        if path.startswith(root.rstrip("/") + "/"):
            relative = os.path.relpath(path, root)
            ids += _ids((VideoFile.library == library_id) & (VideoFile.path == relative), VideoFile.id)
    return ids


_STAMP = ("size_bytes", "mtime_ns", "ctime_ns", "inode", "device")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownName:
    """What is known of one file without looking at it. `decided_by` is rules, reeld, user or None."""

    path: str
    stamp: FileStamp
    is_present: bool
    decided_by: str | None


def known_names(library_id: int) -> Iterator[KnownName]:
    """List all files of a library, by path."""
    for page in chunked(_ids(VideoFile.library == library_id, VideoFile.path), _PAGE):
        columns = [getattr(VideoFile, name) for name in ("path", "state", "decided_by", *_STAMP)]
        with reading():
            rows = list(VideoFile.select(*columns).where(VideoFile.id.in_(page)).order_by(VideoFile.path).tuples())
        for path, state, decided_by, *stamp in rows:
            yield KnownName(
                path=path,
                stamp=FileStamp(**dict(zip(_STAMP, stamp, strict=True))),
                is_present=state != FileState.MISSING,
                decided_by=decided_by,
            )


def file_details(video_file_id: int) -> Row | None:
    """Collect all that is known of one file: its row, evidence, times, sidecars, history and validations."""
    row = file_by_id(video_file_id)
    if row is None:
        return None
    with reading():
        more = (
            VideoFile.select(
                VideoFile.evidence,
                VideoFile.first_seen_at,
                VideoFile.changed_at,
                VideoFile.missing_since,
                VideoFile.completeness,
                VideoFile.is_in_doubt,
                VideoFile.verified_at,
                VideoFile.verify_details,
            )
            .where(VideoFile.id == video_file_id)
            .dicts()
            .get()
        )
        place = VideoFile.select(VideoFile.library, VideoFile.path).where(VideoFile.id == video_file_id).tuples().get()
        beside = sidecar_views.of_file(*place)
        happened = history.of_file(video_file_id)
        asked = _validations_of(video_file_id)
    more["completeness"] = _completeness(more["completeness"])
    return row | _plain(more) | {"sidecars": beside, "history": happened, "validations": asked}


def _completeness(seen: Row | None) -> Row | None:
    """All checks by name; None for one that said nothing."""
    if seen is None:
        return None
    return {"quiet_s": round(seen["quiet_s"], 1), **{name: seen.get(name) for name in ("writer", "holes", "end")}}


def _file_query(ids: Sequence[int]) -> Any:
    return (
        VideoFile.select(
            VideoFile,
            Library.name.alias("library_name"),
            Library.path.alias("library_path"),
            Movie.title.alias("movie_title"),
            Movie.year.alias("movie_year"),
            Movie.tmdb_id,
            Movie.tvdb_id,
            Movie.imdb_id,
            JobRow.stage,
            JobRow.state.alias("job_state"),
            JobRow.last_error,
        )
        .join(Library)
        .switch(VideoFile)
        .join(Movie, JOIN.LEFT_OUTER)
        .switch(VideoFile)
        .join(JobRow, JOIN.LEFT_OUTER)
        .where(VideoFile.id.in_(ids))
    )


def _episodes_of(file_ids: Sequence[int]) -> dict[int, list[Row]]:
    rows = (
        EpisodeFile.select(
            EpisodeFile.video_file.alias("video_file_id"),
            Episode.season_number,
            Episode.episode_number,
            Episode.absolute_number,
            Episode.air_date,
            Episode.title.alias("episode_title"),
            Series.title.alias("series_title"),
            Series.year,
            Series.country,
            Series.tmdb_id,
            Series.tvdb_id,
            Series.imdb_id,
            Series.tvmaze_id,
        )
        .join(Episode)
        .join(Series)
        .where(EpisodeFile.video_file.in_(file_ids))
        .order_by(Episode.season_number, Episode.episode_number, Episode.absolute_number)
        .dicts()
    )
    found = defaultdict(list)
    for row in rows:
        found[row["video_file_id"]].append(row)
    return found


def _file(row: Row, episodes: list[Row]) -> Row:
    first = episodes[0] if episodes else {}
    work = first or row
    return {
        "id": row["id"],
        "library": row["library_name"],
        "path": os.path.join(row["library_path"], place_of(row["path"])),
        "size_bytes": row["size_bytes"],
        "state": row["state"],
        "kind": row["kind"],
        "title": row["movie_title"] or (first.get("episode_title") if len(episodes) == 1 else None),
        "year": row["movie_year"] if row["movie_year"] is not None else first.get("year"),
        "series": first.get("series_title"),
        "country": first.get("country"),
        "season_number": first.get("season_number"),
        "episode_numbers": _numbers(episodes, "episode_number"),
        "absolute_numbers": _numbers(episodes, "absolute_number"),
        "air_date": first.get("air_date"),
        "edition": row["edition"],
        "part": row["part"],
        "tmdb_id": work["tmdb_id"],
        "tvdb_id": work["tvdb_id"],
        "imdb_id": work["imdb_id"],
        "tvmaze_id": first.get("tvmaze_id"),
        "verdict": row["verdict"],
        "decided_by": row["decided_by"],
        "confidence": confidence(row["confidence"]),
        "reason": _reason(row),
        "stage": row["stage"] if row["job_state"] not in (None, JobState.FAILED) else None,
        "verify_problem": row["verify_problem"],
        **{name: row[name] for name in stage_columns()},
        # An empty list says that there are none; before the headers were read that is not known.
        **({} if row["container"] else dict.fromkeys(_LANGUAGES)),
    }


def _numbers(episodes: list[Row], name: str) -> list[int] | None:
    return [episode[name] for episode in episodes if episode[name] is not None] or None


def _reason(row: Row) -> str | None:
    """Say the most important first: damage, what stops the file, then why it waits, then what is doubtful."""
    if row["verify_problem"]:
        return verification.with_advice(row["id"], row["verify_problem"], row["verify_details"])
    stops = f"failed: {row['last_error']}" if row["job_state"] == "failed" else row["reason"]
    problem = row["media_problem"]
    if stops and problem and problem not in stops:
        return f"{stops}; {problem}"
    reason = stops or problem or row["last_error"] or _doubt(row)
    if reason is None and row["job_state"] == "paused":
        return "paused until it and its library can be read; see `reeld status`"
    return None if reason is None else str(reason)


def _doubt(row: Row) -> str | None:
    """Say when a file in doubt is read again that nothing is queued for: it was read for that reason within a day."""
    if not (row["is_in_doubt"] and row["file_hash"] and row["reread_at"] and row["job_state"] is None):
        return None
    again = rfc3339(row["reread_at"] + timedelta(milliseconds=media.REREAD_PAUSE_MS))
    return f"its hash is in doubt: it was touched again after it was read for that; it is read again after {again}"


# --- works -----------------------------------------------------------------------------------------------


def list_movies(ids: Sequence[int]) -> Iterator[Row]:
    """Read these movies with all their files, in this order."""
    for page in chunked(ids, _PAGE):
        with reading():
            movies = {row["id"]: row for row in Movie.select().where(Movie.id.in_(page)).dicts()}
            links = list(VideoFile.select(VideoFile.movie, VideoFile.id).where(VideoFile.movie.in_(page)).tuples())
        files = _grouped_files(links)
        for movie_id in page:
            if movie_id in movies:  # it may have gone since the list began
                yield _work(Thing.MOVIE, movies[movie_id]) | {"files": files[movie_id]}


def movie_by_id(movie_id: int) -> Row | None:
    return next(list_movies([movie_id]), None)


def list_series(ids: Sequence[int], *, also_missing: bool) -> Iterator[Row]:
    """Read these series with the number of their seasons, episodes and files, in this order.

    Episodes without a present file count only if asked for.
    """
    for page in chunked(ids, _PAGE):
        with reading():
            rows = {row["id"]: row for row in Series.select().where(Series.id.in_(page)).dicts()}
            numbers = (
                Episode.select(
                    Episode.series,
                    fn.COUNT(Episode.season_number.distinct()),
                    fn.COUNT(Episode.id.distinct()),
                    fn.COUNT(EpisodeFile.video_file.distinct()),
                )
                .join(EpisodeFile, JOIN.LEFT_OUTER)
                .join(VideoFile, JOIN.LEFT_OUTER)
                .where(Episode.series.in_(page), True if also_missing else _PRESENT)
                .group_by(Episode.series)
                .tuples()
            )
            counts = {series_id: counted for series_id, *counted in numbers}
        for series_id in page:
            if series_id in rows:
                seasons, episodes, files = counts.get(series_id, (0, 0, 0))
                row = rows[series_id]
                yield _work(Thing.SERIES, row) | {
                    "country": row["country"],
                    "tvmaze_id": row["tvmaze_id"],
                    "season_count": seasons,
                    "episode_count": episodes,
                    "file_count": files,
                }


def series_by_id(series_id: int) -> Row | None:
    return next(list_series([series_id], also_missing=True), None)


def list_episodes(ids: Sequence[int]) -> Iterator[Row]:
    """Read these episodes with all their files, in this order."""
    for page in chunked(ids, _PAGE):
        with reading():
            episodes = {
                row["id"]: row
                for row in Episode.select(
                    Episode,
                    Series.title.alias("series_title"),
                    Series.year,
                    Series.country,
                    Series.tmdb_id,
                    Series.tvdb_id,
                    Series.imdb_id,
                    Series.tvmaze_id,
                )
                .join(Series)
                .where(Episode.id.in_(page))
                .dicts()
            }
            links = list(EpisodeFile.select().where(EpisodeFile.episode.in_(page)).tuples())
        files = _grouped_files(links)
        for episode_id in page:
            if episode_id in episodes:
                yield _episode(episodes[episode_id]) | {"files": files[episode_id]}


def episode_by_id(episode_id: int) -> Row | None:
    return next(list_episodes([episode_id]), None)


def _episode(row: Row) -> Row:
    return {
        "id": spelled(Thing.EPISODE, row["id"]),
        "series_id": spelled(Thing.SERIES, row["series"]),
        "series": row["series_title"],
        "year": row["year"],
        "country": row["country"],
        "season_number": row["season_number"],
        "episode_number": row["episode_number"],
        "absolute_number": row["absolute_number"],
        "air_date": row["air_date"],
        "title": row["title"],
        "tmdb_id": row["tmdb_id"],
        "tvdb_id": row["tvdb_id"],
        "imdb_id": row["imdb_id"],
        "tvmaze_id": row["tvmaze_id"],
    }


def _work(thing: Thing, row: Row) -> Row:
    names = ("title", "original_title", "year", "tmdb_id", "tvdb_id", "imdb_id", "genres")
    return {"id": spelled(thing, row["id"])} | {name: row[name] for name in names}


def _grouped_files(links: Sequence[tuple[int, int]]) -> dict[int, list[Row]]:
    files = {row["id"]: row for row in list_files(sorted({file_id for _, file_id in links}))}
    grouped = defaultdict(list)
    for work_id, file_id in links:
        if file_id in files:
            grouped[work_id].append(files[file_id])
    return grouped


# --- pending validations and decisions -------------------------------------------------------------------


def list_pending() -> Iterator[Row]:
    """List pending validations, oldest first, with their candidates; those of missing files are left out.

    One that is answered while the list is read is left out too.
    """
    with reading():
        ids = [row_id for (row_id,) in _pending(PendingValidation.id).tuples()]
    for page in chunked(ids, _PAGE):
        with reading():
            found = list(_pending(PendingValidation).where(PendingValidation.id.in_(page)).dicts())
            file_ids = [row["video_file"] for row in found]
            first = first_candidates(file_ids)
        files = {row["id"]: row for row in list_files(file_ids)}
        for row in found:
            if row["video_file"] in files:
                yield {
                    "id": row["video_file"],
                    "reason": row["reason"],
                    "candidates": _candidates(row["candidates"], first[row["video_file"]]),
                    "created_at": rfc3339(row["created_at"]),
                    "file": files[row["video_file"]],
                }


def _pending(*columns: Any) -> Any:
    return (
        PendingValidation.select(*columns)
        .join(VideoFile)
        .where(PendingValidation.validation_status == ValidationStatus.PENDING, VideoFile.state == FileState.PRESENT)
        .order_by(PendingValidation.created_at, PendingValidation.id)
    )


def first_candidates(video_file_ids: Sequence[int]) -> dict[int, int]:
    """Return, by file, the number that the first candidate of its pending validation has.

    A file without one is there, too, with the number that its next candidate would get. A file's candidates are
    numbered through all its validations. So a number that a user has seen never means another candidate, even if reeld
    found other ones meanwhile.
    """
    decided = PendingValidation.validation_status != ValidationStatus.PENDING
    earlier = (
        PendingValidation.select(
            PendingValidation.video_file, fn.SUM(fn.json_array_length(PendingValidation.candidates))
        )
        .where(PendingValidation.video_file.in_(video_file_ids), decided)
        .group_by(PendingValidation.video_file)
        .tuples()
    )
    return dict.fromkeys(video_file_ids, 1) | {file_id: 1 + number for file_id, number in earlier}


def decision_by_id(validation_id: int) -> Row | None:
    """A validation that was answered, with its file."""
    with reading():
        row = PendingValidation.get_or_none(
            PendingValidation.id == validation_id, PendingValidation.validation_status != ValidationStatus.PENDING
        )
        if row is None:
            return None
        number = spelled(Thing.DECISION, validation_id)
        (decision,) = [each for each in _validations_of(row.video_file_id) if each["id"] == number]
    return decision | {"file": file_by_id(row.video_file_id)}


def _validations_of(video_file_id: int) -> list[Row]:
    """All validations of a file, oldest first."""
    found = PendingValidation.select().where(PendingValidation.video_file == video_file_id)
    validations, first = [], 1
    for row in found.order_by(PendingValidation.id).dicts():
        is_pending = row["validation_status"] == ValidationStatus.PENDING
        number = first_candidates([video_file_id])[video_file_id] if is_pending else first
        selected = row["selected_candidate_id"]
        validations.append(
            {
                "id": None if is_pending else spelled(Thing.DECISION, row["id"]),
                "state": row["validation_status"],
                "reason": row["reason"],
                "candidates": _candidates(row["candidates"], number, selected),
                "selected": None if selected is None else number + selected - 1,
                "decided_by": None if is_pending else DecidedBy.REELD if row["auto_validated"] else DecidedBy.USER,
                "created_at": rfc3339(row["created_at"]),
                "decided_at": None if row["resolved_at"] is None else rfc3339(row["resolved_at"]),
            }
        )
        first += len(row["candidates"])
    return validations


def _candidates(stored: Sequence[Row], first: int, selected: int | None = None) -> list[Row]:
    """Return the candidates that reeld proposed last, and the one that the user chose."""
    return [
        {"number": first + row["id"] - 1, **reading_row(row), "evidence": list(row["evidence"])}
        for row in stored
        if candidates.is_offered(row) or row["id"] == selected
    ]


# --- trash -----------------------------------------------------------------------------------------------

_TRASHED = (
    "title",
    "year",
    "country",
    "season_number",
    "episode_number",
    "absolute_number",
    "air_date",
    "tmdb_id",
    "tvdb_id",
    "imdb_id",
    "tvmaze_id",
)


def list_trash(trash_id: int | None = None) -> Iterator[Row]:
    """List what was removed, or this entry of it, oldest first; an episode's `series` may be in the trash too."""
    with reading():
        rows = list(Trash.select().order_by(Trash.id).dicts())
        titles = dict(Series.select(Series.id, Series.title).tuples())
    titles |= {row["original_id"]: row["entity_metadata"]["title"] for row in rows if row["entity_type"] == "series"}
    for row in rows:
        was = row["entity_metadata"]
        if trash_id in (None, row["id"]):
            yield {
                "id": spelled(Thing.TRASH, row["id"]),
                "kind": row["entity_type"],
                "work_id": spelled(THING_OF_KIND[row["entity_type"]], row["original_id"]),
                "series": titles.get(was.get("series")),
                **{name: was.get(name) for name in _TRASHED},
                "deleted_at": rfc3339(row["deleted_at"]),
                "reason": row["deletion_reason"],
            }


# --- small things ----------------------------------------------------------------------------------------


def _ids(wanted: Any, order: Any) -> list[int]:
    """List the ids of files in order: eight bytes each, so that the rows themselves can be fetched page by page."""
    with reading():
        return [row_id for (row_id,) in VideoFile.select(VideoFile.id).where(wanted).order_by(order).tuples()]


def _plain(row: Row) -> Row:
    """With times as text."""
    return {name: rfc3339(value) if isinstance(value, datetime) else value for name, value in row.items()}
