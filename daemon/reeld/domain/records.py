"""What of a row travels: enough to work on one file, never the row itself."""

import os
from dataclasses import dataclass

from reeld.domain.files import FileStamp
from reeld.domain.identity import LibraryKind


@dataclass(frozen=True, slots=True)
class Place:
    """A library as whoever walks it needs it: the row's id and the folder's path."""

    library_id: int
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """One video file as the catalogue knows it; what a stage of the pipeline is given."""

    id: int
    library_path: str
    library_kind: LibraryKind
    path: str
    """Relative to the library."""
    stamp: FileStamp
    """What `stat` said when the file had settled; a file that differs has changed since."""
    duration_ms: int | None = None
    has_video: bool = False
    """Whether the prober found a video in it."""
    media_problem: str | None = None

    @property
    def absolute_path(self) -> str:
        return os.path.join(self.library_path, self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """What a walk needs to tell whether a file that it sees is new, changed, moved or the same."""

    id: int
    library_id: int
    path: str
    stamp: FileStamp
    is_present: bool
    is_skipped: bool
    """Left alone by the library's rules, so never looked into."""
    is_decided_by_user: bool = False
    reason: str | None = None

    @property
    def was_at(self) -> str:
        """Where it is, or was before another took its place."""
        return place_of(self.path)

    @property
    def is_evicted(self) -> bool:
        """Whether another file took its place, so that it certainly is not there."""
        return "//" in self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocation:
    """A known file that now lies at another place, perhaps of another library, with what a walk saw there."""

    known: KnownFile
    library_id: int
    path: str
    stamp: FileStamp


def evicted(path: str, video_file_id: int) -> str:
    """What stands for the path of a file that is missing and whose place another took: no file can have it."""
    return f"{place_of(path)}//{video_file_id}"


def place_of(path: str) -> str:
    """Where a file is, or was before another took its place."""
    return path.partition("//")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work on one file that this process has claimed. `attempts` counts this one."""

    id: int
    video_file_id: int
    stage: str
    token: str
    attempts: int
