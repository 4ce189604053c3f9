"""Carry the parts of a row that other modules need; rows themselves stay in `catalog/`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from reeld.domain.files import FileStamp
from reeld.domain.identity import LibraryKind


@dataclass(frozen=True, slots=True)
class Place:
    """A library as a walk needs it: its row's id and its root."""

    library_id: int
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """One video file as the catalogue knows it; the input of a stage."""

    id: int
    library_path: str
    library_kind: LibraryKind
    path: str
    """Relative to the library."""
    stamp: FileStamp
    """What `stat` said when the file settled. A file that differs has changed since."""
    duration_ms: int | None = None
    hash_of_link: str | None = None
    """The full hash under another name of the same file, with the same stamp and the same ends."""
    has_video: bool = False
    """Whether the prober found a video in it."""
    media_problem: str | None = None
    container: str | None = None
    fingerprint: str | None = None
    file_hash: str | None = None
    is_in_doubt: bool = False
    """Whether the stored hashes may be of other bytes."""
    is_verdict_final: bool = False
    """Whether its name was read after its content changed, and what the content shows does not contradict it."""
    stages_done: Mapping[str, int] = field(default_factory=dict, hash=False)
    """The stages that have run for its bytes, each with its version."""

    @property
    def absolute_path(self) -> str:
        return os.path.join(self.library_path, self.path)

    @property
    def has_full_hash(self) -> bool:
        """Whether the hash that is stored is certainly that of the file's bytes."""
        return self.file_hash is not None and not self.is_in_doubt

    @property
    def is_read_only_for_doubt(self) -> bool:
        """Whether a hash is stored, and only a doubt about it has the file read again."""
        return self.file_hash is not None and self.is_in_doubt

    @property
    def has_media_facts(self) -> bool:
        """Whether its headers were read without a problem. A problem may have been repaired since."""
        return self.container is not None and self.media_problem is None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """The part of a row that tells whether a listed file is new, changed, moved or the same."""

    id: int
    library_id: int
    path: str
    stamp: FileStamp
    is_present: bool
    """Whether it was at its path when its library was last scanned."""
    is_skipped: bool
    """The library's rules skip it, so its content is never read."""
    is_decided_by_user: bool = False
    reason: str | None = None
    fingerprint: str | None = None
    """None until its ends were read."""
    missing_since: str = field(default="", compare=False)
    """As the catalogue has it, so that it sorts by time; "" for a present file."""

    @property
    def was_at(self) -> str:
        """Its path, or the path that it had before another file occupied that."""
        return place_of(self.path)

    @property
    def is_evicted(self) -> bool:
        """Whether another file occupies its path, so that it certainly is not there."""
        return "//" in self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocation:
    """A known file that now has another path, perhaps in another library, with its stamp there."""

    known: KnownFile
    library_id: int
    path: str
    stamp: FileStamp
    is_doubtful: bool = False
    """Whether another file may have its inode number by now, since no time of birth tells."""


def evicted(path: str, video_file_id: int) -> str:
    """Make the path of a missing file whose path another file occupies. No file can have such a path."""
    return f"{place_of(path)}//{video_file_id}"


def place_of(path: str) -> str:
    """Return the path of a row, without the mark of an evicted one."""
    return path.partition("//")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work on one file that this process claimed. `attempts` includes this one."""

    id: int
    video_file_id: int
    stage: str
    token: str
    attempts: int
