"""Finds files that are there more than once, in four kinds that are never mixed.

- **link**: one file under several names. It lies on the disk once.
- **copy**: the same bytes, by size and full hash, in several files.
- **candidate**: perhaps the same. Either the ends and the size agree, and a full hash is not known yet; or two files of
  one work have the same picture and length, as after a change of the container.
- **version**: files of one work that differ.

Nothing is deleted here. What deleting would free depends on all names of a file: one with a name outside the libraries
stays on the disk.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from reeld.database.connection import reading
from reeld.database.statements import rows
from reeld.query.conditions import CLASS

Kind = Literal["link", "copy", "candidate", "version"]
KINDS: tuple[Kind, ...] = ("copy", "candidate", "version", "link")

_PAGE = 500

# Two lengths of one content: containers count their last frame differently.
_SAME_LENGTH_MS = 1000

_HDR_RANK = {"Dolby Vision": 4, "HDR10+": 3, "HDR10": 2, "HLG": 1}

_FACTS = f"""
    f.id, f.size_bytes, f.file_hash, f.device, f.inode, f.links, f.part, f.edition, f.duration_ms, f.codec_video,
    f.resolution_width, f.resolution_height, f.hdr, {CLASS}
"""


@dataclass(frozen=True, slots=True)
class _File:
    id: int
    size_bytes: int
    file_hash: str | None
    device: int
    inode: int
    links: int | None
    part: int | None
    edition: str | None
    duration_ms: int | None
    codec_video: str | None
    width: int | None
    height: int | None
    hdr: str | None
    resolution: int | None

    @property
    def on_disk(self) -> tuple[int, int, int]:
        """What two names of one file have in common. Inode 0 is one that is not to be trusted."""
        return self.device, self.inode, 0 if self.inode else self.id

    @property
    def bitrate(self) -> int:
        """Bits a second, or 0 if the length is not known."""
        return self.size_bytes * 8000 // self.duration_ms if self.duration_ms else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Files that belong together. `best_id` is the one to keep, with the reason; None where all are the same."""

    kind: Kind
    ids: tuple[int, ...]
    deletable_ids: tuple[int, ...]
    """One name each of the files of which deleting would free the space, if one of the group is kept."""
    bytes_freed: int
    """By deleting all of those, as far as names tell: blocks that copies share are not known here."""
    best_id: int | None = None
    reason: str | None = None


def duplicates(kinds: Collection[Kind], only: Collection[int] | None = None) -> Iterator[Group]:
    """Yield the groups of these kinds; those that free most come first in each but the versions, which have no order.

    `only` are the ids of files: a group is left out unless one of them belongs to it.
    """
    wanted = None if only is None else frozenset(only)
    found = {"link": _links, "copy": _copies, "candidate": _candidates, "version": _versions}
    for kind in KINDS:
        if kind in kinds:
            yield from (group for group in found[kind]() if wanted is None or not wanted.isdisjoint(group.ids))


# --- one file, several names -----------------------------------------------------------------------------


def _links() -> Iterator[Group]:
    with reading():
        linked = _files(
            f"SELECT {_FACTS} FROM video_files AS f INDEXED BY video_files_facts "  # noqa: S608 - ours
            "WHERE f.links > 1 AND f.state = 'present'"
        )
    for names in _by(linked, lambda file: file.on_disk):
        if len(names) > 1:
            yield Group(kind="link", ids=_ids(names), deletable_ids=(), bytes_freed=0)


# --- the same bytes --------------------------------------------------------------------------------------


def _copies() -> Iterator[Group]:
    """Yield what frees most first. A group frees at most all its files but one, so the others need not be known yet."""
    with reading():
        contents = rows(
            """SELECT size_bytes, file_hash, size_bytes * ((
                SELECT count(*) FROM video_files AS f WHERE f.size_bytes = copied.size_bytes
                    AND f.file_hash = copied.file_hash
            ) - 1) AS most FROM copied_contents AS copied WHERE size_bytes > 0 ORDER BY most DESC"""
        )
    found: list[Group] = []
    for start in range(0, len(contents), _PAGE):
        page = contents[start : start + _PAGE]
        # What is known now comes before all that is left, or is sorted in with it.
        sure = [group for group in found if group.bytes_freed > page[0][2]]
        yield from sure
        found = _most_first([*found[len(sure) :], *_alike(page)])
    yield from found


def _alike(contents: Sequence[tuple[Any, ...]]) -> Iterator[Group]:
    with reading():
        alike = _files(
            f"""SELECT {_FACTS} FROM json_each(?) AS content CROSS JOIN video_files AS f
                ON f.size_bytes = json_extract(content.value, '$[0]')
                AND f.file_hash = json_extract(content.value, '$[1]') AND f.file_hash IS NOT NULL
            WHERE f.state = 'present' AND NOT f.is_in_doubt""",  # noqa: S608 - ours
            json.dumps([content[:2] for content in contents]),
        )
    for files in _by(alike, lambda file: (file.size_bytes, file.file_hash)):
        if (group := _group("copy", files)) is not None:
            yield group


def _group(kind: Kind, files: Sequence[_File], best: _File | None = None, reason: str | None = None) -> Group | None:
    """Make a group of files that lie on the disk more than once, or return None."""
    on_disk = list(_by(files, lambda file: file.on_disk))
    if len(on_disk) < 2:
        return None
    # A file with a name elsewhere stays in any case. So that one is kept, or the best, or the first.
    freeable = [names for names in on_disk if _is_all_known(names)]
    if best is not None:
        freeable = [names for names in freeable if best not in names]
    elif len(freeable) == len(on_disk):
        freeable = freeable[1:]
    return Group(
        kind=kind,
        ids=_ids(files),
        deletable_ids=tuple(names[0].id for names in freeable),
        bytes_freed=sum(names[0].size_bytes for names in freeable),
        best_id=None if best is None else best.id,
        reason=reason,
    )


def _is_all_known(names: Sequence[_File]) -> bool:
    """Tell whether deleting these names frees the file: none is outside the libraries."""
    return names[0].links == len(names)


# --- perhaps the same ------------------------------------------------------------------------------------

_UNHASHED = "FROM video_files INDEXED BY video_files_unhashed WHERE file_hash IS NULL AND fingerprint IS NOT NULL"


def _candidates() -> Iterator[Group]:
    with reading():
        alike = rows(
            f"""WITH unhashed AS (SELECT size_bytes, fingerprint {_UNHASHED} AND size_bytes > 0)
            SELECT {_FACTS}, f.fingerprint FROM (
                SELECT other.id FROM unhashed JOIN video_files AS other ON other.size_bytes = unhashed.size_bytes
                    AND other.fingerprint = unhashed.fingerprint
                    AND other.file_hash IS NULL AND other.fingerprint IS NOT NULL
                UNION
                SELECT other.id FROM unhashed JOIN video_files AS other ON other.size_bytes = unhashed.size_bytes
                    AND other.file_hash IS NOT NULL AND other.fingerprint = unhashed.fingerprint
            ) AS found JOIN video_files AS f ON f.id = found.id WHERE f.state = 'present'""",  # noqa: S608 - ours
        )
    by_ends: dict[Any, list[_File]] = defaultdict(list)
    for *facts, fingerprint in alike:
        file = _File(*facts)
        by_ends[file.size_bytes, fingerprint].append(file)
    reason = "the size and both ends agree; the full hash is not known"
    groups = [_group("candidate", files, reason=reason) for files in by_ends.values()]
    yield from _most_first(group for group in groups if group is not None)
    for files in _works_with_several():
        for remuxed in _remuxed(files):
            if (
                group := _group("candidate", remuxed, reason="of one work, with the same picture and length")
            ) is not None:
                yield group


def _remuxed(files: Sequence[_File]) -> Iterator[list[_File]]:
    """Yield files of one work that have the same picture and length, and other bytes."""
    known = [file for file in files if file.duration_ms and file.codec_video and file.width]
    for alike in _by(
        known, lambda file: (file.part, file.edition, file.codec_video, file.width, file.height, file.hdr)
    ):
        run: list[_File] = []
        for file in sorted(alike, key=lambda file: file.duration_ms or 0):
            if run and (file.duration_ms or 0) - (run[0].duration_ms or 0) > _SAME_LENGTH_MS:
                yield from _differing(run)
                run = []
            run.append(file)
        yield from _differing(run)


def _differing(files: Sequence[_File]) -> Iterator[list[_File]]:
    contents = _contents(files)
    if len(contents) > 1:
        yield contents


def _contents(files: Sequence[_File]) -> list[_File]:
    """Return one file of each content. Copies and links are one."""
    return [
        alike[0]
        for alike in _by(files, lambda file: (file.size_bytes, file.file_hash) if file.file_hash else file.on_disk)
    ]


# --- versions of one work --------------------------------------------------------------------------------


def _versions() -> Iterator[Group]:
    for files in _works_with_several():
        for versions in _by(files, lambda file: (file.part, file.edition)):
            # Of those that are candidates for one content, one stands for all.
            alike = {file.id for run in _remuxed(versions) for file in run[1:]}
            contents = [file for file in _contents(versions) if file.id not in alike]
            if len(contents) > 1:
                best, reason = _best(contents)
                group = _group("version", contents, best, reason)
                if group is not None:
                    yield group


def _best(files: Sequence[_File]) -> tuple[_File | None, str | None]:
    """Choose the best version, and say by what. None if nothing tells them apart."""
    ranked = sorted(files, key=_rank, reverse=True)
    for (name, best), (_, second) in zip(_named_rank(ranked[0]), _named_rank(ranked[1]), strict=True):
        if best != second:
            return ranked[0], name.format(ranked[0])
    return None, None


def _rank(file: _File) -> tuple[int, ...]:
    return tuple(value for _, value in _named_rank(file))


def _named_rank(file: _File) -> list[tuple[str, int]]:
    return [
        ("the highest resolution", file.resolution or 0),
        ("the widest dynamic range", _HDR_RANK.get(file.hdr or "", 0)),
        ("the highest bitrate", file.bitrate),
    ]


class _Source(NamedTuple):
    """Works with several files, and the files of each. `whole` are how many works a file holds, and the first one."""

    works: str
    files: str
    whole: str


_FILMS = _Source(
    works="SELECT movie_id FROM video_files WHERE movie_id IS NOT NULL GROUP BY movie_id HAVING count(*) > 1",
    files="video_files AS f ON f.movie_id = work.value",
    whole="1, work.value",
)
_EPISODES = _Source(
    works="SELECT episode_id FROM episode_files GROUP BY episode_id HAVING count(*) > 1",
    files="episode_files ON episode_id = work.value JOIN video_files AS f ON f.id = video_file_id",
    whole=(
        "(SELECT count(*) FROM episode_files WHERE video_file_id = f.id), "
        "(SELECT min(episode_id) FROM episode_files WHERE video_file_id = f.id)"
    ),
)


def _works_with_several() -> Iterator[list[_File]]:
    """Yield the present files of each film and each episode that has more than one, page by page."""
    for source in (_FILMS, _EPISODES):
        with reading():
            ids = [work_id for (work_id,) in rows(source.works)]
        for start in range(0, len(ids), _PAGE):
            yield from _of_page(source, ids[start : start + _PAGE])


def _of_page(source: _Source, ids: Sequence[int]) -> Iterator[list[_File]]:
    with reading():
        found = rows(
            f"SELECT {_FACTS}, work.value, {source.whole} FROM json_each(?) AS work CROSS JOIN {source.files} "  # noqa: S608 - ours
            "WHERE f.state = 'present'",
            f"[{','.join(map(str, ids))}]",
        )
    by_work: dict[tuple[int, int], list[_File]] = defaultdict(list)
    for *facts, work_id, works, first in found:
        # A file of two episodes is no version of one of them, and is compared once.
        if first == work_id:
            by_work[work_id, works].append(_File(*facts))
    yield from (files for files in by_work.values() if len(files) > 1)


# --- small things ----------------------------------------------------------------------------------------


def _files(sql: str, *parameters: object) -> list[_File]:
    return [_File(*row) for row in rows(sql, *parameters)]


def _by(files: Iterable[_File], key: Any) -> Iterator[list[_File]]:
    groups: dict[Any, list[_File]] = defaultdict(list)
    for file in files:
        groups[key(file)].append(file)
    yield from groups.values()


def _ids(files: Iterable[_File]) -> tuple[int, ...]:
    return tuple(file.id for file in files)


def _most_first(groups: Iterable[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: (-group.bytes_freed, group.ids))
