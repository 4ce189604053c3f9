"""Find the files whose names must be read again because what lies beside them changed.

A name that said too little may say enough together with a later file, a .nfo says which film it is, and a verdict that
reeld accepted may not stand any more. So the digests of what each verdict was made from are compared with the listing
of its folder (`pipeline/surroundings.py`), also after a restart. What the user decided is never read again.
"""

import errno
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from reeld.catalog import queue, video_files
from reeld.catalog.video_files import JudgedFile
from reeld.database.connection import reading
from reeld.domain.identity import LibraryKind, Mark
from reeld.domain.records import Place
from reeld.identify.folders import is_disc_folder
from reeld.identify.nfo import is_nfo
from reeld.pipeline.surroundings import (
    NFO_FOR_FOLDERS_BELOW,
    FolderFiles,
    mark_of,
    nfos_about,
    nfos_above,
)
from reeld.watch.walk import Listing, join

_NOT_KNOWN: Mark = (-1, 0, 0)
"""Of a .nfo that cannot be looked at. No verdict was made from it, so its files are read again, and say why not."""

NOTHING: Mapping[str, Mark | None] = {}

SLACK_NS = 20_000_000
"""A folder's ctime lies up to a tick of the kernel's coarse clock before the change that it dates."""

_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The files of a folder that changed since their verdicts, and those for which that changed nothing."""

    to_read: Sequence[int] = ()
    as_before: Mapping[int, tuple[int | None, int]] = field(default_factory=dict)
    """The digests of the others, before and now, by id."""
    folder_digest: int = 0


class Surroundings:
    """What a listed folder offers to verdicts about its files now."""

    def __init__(
        self, place: Place, kind: LibraryKind, listing: Listing, listed_above: Mapping[str, Mark | None] = NOTHING
    ) -> None:
        """`listed_above` are the marks of `tvshow.nfo` in folders that were listed a moment ago, by path."""
        self._place, self._kind, self._directory = place, kind, listing.relative
        self._ctime_ns = listing.ctime_ns
        self._listed = listing.files
        nfos = {name: mark for name, status in listing.nfos if (mark := mark_of(status))}
        self._may_have_nfo = bool(listing.nfos) or any(map(is_nfo, listing.unknown))
        self._files = FolderFiles(listing.relative, (*listing.file_names, *listing.companions), nfos, self._size_of)
        self._above = {
            path: listed_above[path] if path in listed_above else self._mark_at(path)
            for path in nfos_above(listing.relative)
        }
        self.digest = self._files.digest(kind, self._above)

    def digest_of(self, name: str) -> int:
        """Digest what the verdict about the file of this name depends on."""
        return self._files.digest_of(name, self._kind, self._nfos_about(name))

    def is_older_than(self, file: JudgedFile) -> bool:
        """Whether nothing here changed since the verdict, by the times alone: it came before there were digests.

        What was accepted then stands when a file was put beside it.
        """
        nfos_ns = [mark[2] for mark in self._nfos_about(file.name).values() if mark]
        latest_ns = max([*nfos_ns, self._ctime_ns] if file.is_pending else nfos_ns, default=0)
        return file.identified_at is not None and file.identified_at.timestamp() * 1e9 >= latest_ns + SLACK_NS

    def _nfos_about(self, name: str) -> Mapping[str, Mark | None]:
        if not self._may_have_nfo:
            return self._above
        path = join(self._directory, name)
        return {each: self._above.get(each) or self._mark_at(each) for each in nfos_about(path, self._files.names)}

    def _mark_at(self, path: str) -> Mark | None:
        # As the pipeline reads it, by its path: a file system may take HEAT.nfo for Heat.nfo.
        try:
            return mark_of(os.lstat(os.path.join(self._place.root, path)))
        except OSError as err:
            return None if err.errno in _NO_FILE else _NOT_KNOWN

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return {seen.name: seen.status.st_size for seen in self._listed}

    def _size_of(self, name: str) -> int | None:
        if (size := self._sizes.get(name)) is not None:
            return size
        path = join(self._directory, name)
        mark = self._mark_at(path)
        return mark and mark[0]


def compare(place: Place, listing: Listing, around: Surroundings, rows: Collection[str]) -> Compared:
    """Compare the verdicts of the folder that reeld made with what it holds now. `rows` are the paths that it knows."""
    if not rows:
        return Compared(folder_digest=around.digest)
    with reading():
        judged = video_files.judged_otherwise(place.library_id, listing.relative, around.digest)
    here = set(listing.file_names)
    to_read: list[int] = []
    as_before: dict[int, tuple[int | None, int]] = {}
    for file in judged:
        if file.name not in here:
            continue
        now = around.digest_of(file.name)
        if file.clues == now or (file.clues is None and around.is_older_than(file)):
            as_before[file.id] = (file.clues, now)
        else:
            to_read.append(file.id)
    return Compared(to_read=to_read, as_before=as_before, folder_digest=around.digest)


def nfo_for_folders_below(listing: Listing) -> Mark | None:
    """Return the mark of the .nfo of this folder that is about files in the folders below, too."""
    # In any spelling: a file system may take TVSHOW.NFO for tvshow.nfo.
    return next((mark_of(status) for name, status in listing.nfos if name.lower() == NFO_FOR_FOLDERS_BELOW), None)


def read_again_after(place: Place, settled_paths: Collection[str], now_ms: int) -> None:
    """Identify again the files whose verdicts depend on the sizes of these; within the caller's transaction."""
    for directory in {os.path.dirname(path) for path in settled_paths}:
        is_disc = is_disc_folder(os.path.basename(directory))
        enqueue(video_files.judged_by_size(place.library_id, directory, is_disc=is_disc), now_ms)


def enqueue(video_file_ids: Collection[int], now_ms: int) -> None:
    """Identify these files again, at each stage of their jobs; within the caller's transaction."""
    for video_file_id in video_file_ids:
        queue.read_name_again(video_file_id, now_ms)
