"""Record folders of which the catalogue knows nothing: many in one commit, with one check of the library's root.

Most folders of a first scan hold nothing but files that are complete at first sight and not known at any path. Nothing
has to be compared for them, so their rows are written as the walk lists them. `FolderScanner` compares every other
folder: one with a row, with a file that must wait or that a rule skips, or with content that is known or listed twice.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from reeld.catalog import new_rows
from reeld.catalog.new_rows import Content, NewRow, new_row
from reeld.database.connection import reading, writing
from reeld.scanner.new_files import BATCH, NewFiles
from reeld.watch.walk import Listing

_stamp_of = attrgetter("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino", "st_dev", "st_nlink")


@dataclass(frozen=True, slots=True, kw_only=True)
class _NewFolder:
    """A folder that the catalogue does not know yet, and the rows of its files."""

    listing: Listing
    rows: Sequence[NewRow]
    contents: Sequence[Content]


@dataclass(slots=True)
class FirstListing:
    """Some folders that were just listed, until the new ones among them are recorded."""

    new_files: NewFiles
    others: list[Listing] = field(default_factory=list)
    """The folders that must be compared."""
    _new: list[_NewFolder] = field(default_factory=list)
    _inodes: set[int] = field(default_factory=set)

    def sort(self, listings: Iterable[Listing]) -> None:
        """Tell the new folders from the others, by all that is known without asking the catalogue."""
        unchanged_since_ns = self.new_files.unchanged_since_ns()
        for listing in listings:
            new = self._new_folder(listing, unchanged_since_ns)
            if new is None:
                self.others.append(listing)
            else:
                self._new.append(new)

    def record(self, is_same_root: Callable[[], bool]) -> bool:
        """Commit the new folders. Those of which the catalogue knows something are among the others afterwards.

        False if the root is another one, or has other disks mounted below it: then nothing of what was not committed
        yet is recorded. Raises CatalogError.
        """
        for some in self._commits():
            if not is_same_root():
                return False
            self._record(some)
        return True

    def _record(self, folders: Sequence[_NewFolder]) -> None:
        with reading():
            new = self._not_known(folders, self._known_folders(folders) | self._with_known_content(folders))
        if not new:
            return
        with writing():
            # Again: the user, beside us, may have let a row have a path here.
            new = self._not_known(new, self._known_folders(new))
            self.new_files.record_new([row for folder in new for row in folder.rows])
        seen = [each for folder in new for each in folder.listing.files]
        linked = [each.stamp for each in seen if each.status.st_nlink != 1]
        self.new_files.tell_recorded((each.relative for each in seen), len(seen), linked)

    def _not_known(self, folders: Sequence[_NewFolder], known: Collection[str]) -> list[_NewFolder]:
        """Return the folders that are not known. The others have to be compared."""
        self.others += [folder.listing for folder in folders if folder.listing.relative in known]
        return [folder for folder in folders if folder.listing.relative not in known]

    def _known_folders(self, folders: Sequence[_NewFolder]) -> set[str]:
        """Return the folders that have rows."""
        return new_rows.known_directories(
            self.new_files.place.library_id, [folder.listing.relative for folder in folders]
        )

    def _with_known_content(self, folders: Sequence[_NewFolder]) -> set[str]:
        """Return the folders with content that a row of any library has."""
        known = new_rows.known_contents([content for folder in folders for content in folder.contents])
        return {folder.listing.relative for folder in folders if known and not known.isdisjoint(folder.contents)}

    def _new_folder(self, listing: Listing, unchanged_since_ns: int) -> _NewFolder | None:
        """Return the rows of a folder if all its files are complete, as far as can be told, and None if not."""
        stamps = [_stamp_of(status) for _, _, status in listing.files]
        inodes = {inode for _, _, _, inode, _, _ in stamps}
        if listing.is_renumbered or not listing.has_inodes or len(inodes) < len(stamps):
            return None
        if not self._inodes.isdisjoint(inodes):  # a hard link, or a file that was renamed a moment ago
            return None
        for _, mtime_ns, ctime_ns, _, _, _ in stamps:
            if mtime_ns > unchanged_since_ns or ctime_ns > unchanged_since_ns:
                return None
        checked = self.new_files.check_at_first_sight(listing)
        if checked is None:
            return None
        self._inodes |= inodes
        rows = [
            new_row(listing.relative, name, stamp, completeness)
            for (name, _, _), stamp, completeness in zip(listing.files, stamps, checked, strict=True)
        ]
        contents = [(inode, size, mtime_ns) for size, mtime_ns, _, inode, _, _ in stamps]
        return _NewFolder(listing=listing, rows=rows, contents=contents)

    def _commits(self) -> Iterator[list[_NewFolder]]:
        """Take the new folders apart into whole folders of at most BATCH files, or one larger folder."""
        some: list[_NewFolder] = []
        count = 0
        for folder in self._new:
            if some and count + len(folder.rows) > BATCH:
                yield some
                some, count = [], 0
            some.append(folder)
            count += len(folder.rows)
        if some:
            yield some
