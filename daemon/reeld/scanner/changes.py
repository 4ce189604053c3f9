"""Hold what differs between a folder's listing and its rows: the classes that every file and every row falls into."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reeld.domain.files import FileStamp
from reeld.domain.records import KnownFile, Relocation
from reeld.scanner.moved_files import NewFile
from reeld.scanner.reidentify import Compared
from reeld.watch.walk import SeenFile


@dataclass(frozen=True, slots=True, kw_only=True)
class InPlace:
    """A listed file with the size, mtime and inode that its path's row says, but otherwise not as the row says.

    Where inode numbers prove nothing there is none to compare."""

    seen: SeenFile
    known: KnownFile

    @property
    def stamp(self) -> FileStamp:
        return self.seen.stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A listed video that the rules leave alone, for a reason that its row does not say yet."""

    seen: SeenFile
    known: KnownFile | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The difference between a folder's listing and its rows. Every tuple is sorted by path.

    Each listed video is in exactly one of the classes, and so is each row of the folder. A moved row may come from any
    folder of any library. An occupant of a vacated path, in another folder, is among the moved files as well.
    """

    directory: str
    siblings: frozenset[str] = frozenset()
    """The names of all regular files in the folder."""

    # --- the file is at its row's path -------------------------------------------------------------------

    unchanged: tuple[KnownFile, ...] = ()
    counted: Mapping[int, int] = field(default_factory=dict)
    """How many names unchanged files have, by id, where their rows do not say it."""
    touched: tuple[InPlace, ...] = ()
    """Their ctime or device is another one; size, mtime and inode are the same."""
    returned: tuple[InPlace, ...] = ()
    """They were missing."""

    # --- the library's rules leave the file alone --------------------------------------------------------

    skipped: tuple[Skipped, ...] = ()
    other_endings: tuple[tuple[KnownFile, str], ...] = ()
    """Known files whose endings the library does not take any more, each with the reason to record."""
    left_alone: tuple[KnownFile, ...] = ()
    """Their rows already say why, or hold a user's decision."""

    # --- the content is known at another path ------------------------------------------------------------

    moved: tuple[Relocation, ...] = ()
    evicted: tuple[KnownFile, ...] = ()
    """Other known content occupies their paths; their own is not found."""

    # --- the file must settle before its row is written --------------------------------------------------

    new: tuple[NewFile, ...] = ()
    """No row is left at their paths."""
    rewritten: tuple[NewFile, ...] = ()
    """The known inode with another size or mtime."""
    replaced: tuple[NewFile, ...] = ()
    """Another inode at the path of a known file."""
    admitted: tuple[NewFile, ...] = ()
    """The rules skipped them and do not any more."""
    searched: frozenset[str] = frozenset()
    """Paths of those that may have been moved, or whose row's file may: all libraries are scanned before."""

    # --- the row has no file here ------------------------------------------------------------------------

    gone: tuple[KnownFile, ...] = ()
    """Present rows without a listed file. A second scan decides whether they are missing."""
    absent: tuple[KnownFile, ...] = ()
    """Rows that are missing already."""
    unknown: tuple[KnownFile, ...] = ()
    """Present rows whose files could not be read: unknown is not gone."""

    # --- to read again -----------------------------------------------------------------------------------

    compared: Compared = field(default_factory=Compared)
    """The verdicts here that were made from other clues than the folder holds now."""

    @property
    def has_writes(self) -> bool:
        """Whether there is something to write apart from files that settle."""
        seen = self.moved or self.skipped or self.touched or self.returned or self.other_endings
        return bool(seen or self.compared.to_read or self.compared.as_before or self.counted)

    @property
    def to_settle(self) -> Sequence[NewFile]:
        """The files that must settle; those that take over a row come first."""
        return (*self.replaced, *self.rewritten, *self.admitted, *self.new)

    def linked(self) -> list[FileStamp]:
        """The stamps of files with other names, which are not as their rows said: nor are they under those names."""
        in_place = (*self.touched, *self.returned)
        seen = [*(each.seen for each in in_place), *(each.seen for each in self.skipped)]
        return [each.stamp for each in seen if each.status.st_nlink > 1]

    def paths_at_rest(self) -> Iterator[str]:
        """The paths that do not wait until a file settles there."""
        yield from (known.path for known in (*self.unchanged, *self.left_alone))
        yield from (each.known.path for each in (*self.touched, *self.returned))
        yield from (each.seen.relative for each in self.skipped)
        yield from (each.path for each in self.moved)
