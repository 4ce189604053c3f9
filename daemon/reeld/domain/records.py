"""Extracts of catalogue rows that the folders pass to each other, instead of the rows."""

import os
from dataclasses import dataclass

from reeld.domain.files import FileStamp
from reeld.domain.identity import LibraryKind


@dataclass(frozen=True, slots=True)
class Place:
    """A library for a scan: its row's id and its folder's path."""

    library_id: int
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """A known video file, as a stage of the pipeline receives it."""

    id: int
    library_path: str
    library_kind: LibraryKind
    path: str
    """Relative to the library."""
    stamp: FileStamp
    """The stamp when the file settled. If it differs now, the file has changed since."""
    duration_ms: int | None = None
    has_video: bool = False
    """Whether the prober found a video in it."""
    media_problem: str | None = None

    @property
    def absolute_path(self) -> str:
        return os.path.join(self.library_path, self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """A known file, as a scan needs it to recognize files as new, changed, moved or unchanged."""

    id: int
    library_id: int
    path: str
    stamp: FileStamp
    is_present: bool
    is_skipped: bool
    """Skipped by the library's rules, so its content was never read."""
    is_decided_by_user: bool = False
    reason: str | None = None

    @property
    def was_at(self) -> str:
        """Its path, or its former path if another file took its place."""
        return place_of(self.path)

    @property
    def is_evicted(self) -> bool:
        """Whether another file took its place, so that it certainly is not there."""
        return "//" in self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocation:
    """A known file at a new place, perhaps in another library, with its new stamp."""

    known: KnownFile
    library_id: int
    path: str
    stamp: FileStamp


def evicted(path: str, video_file_id: int) -> str:
    """Return the path of an evicted file: one that no real file can have."""
    return f"{place_of(path)}//{video_file_id}"


def place_of(path: str) -> str:
    """Return a file's path, or its former path if it was evicted."""
    return path.partition("//")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work on one file that this process has claimed. `attempts` includes this one."""

    id: int
    video_file_id: int
    stage: str
    token: str
    attempts: int
