"""Digest what a verdict depends on beside the file's own bytes, so that a later change of it is noticed.

That is the library's kind, the names of the videos near it, and the .nfo files beside and above it. Where sizes count,
as among the files of a disc, their sizes belong to it, too. `identify_file.py` stores the digests with the verdict, and
`scanner/reidentify.py` compares them with each listing. The digest of the folder is cheap and settles most listings.
"""

import os
import stat
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from itertools import accumulate

from reeld.domain.identity import LibraryKind, Mark
from reeld.identify.folders import is_disc_folder
from reeld.identify.names import is_video
from reeld.identify.nfo import lone_nfo, sidecar_names
from reeld.watch.walk import join

READERS = 2
"""Raise it when the readers find more in names or .nfo files than before: then each name is read once more."""

# As many names on each side, in order, as a season has episodes. More siblings would add no evidence, and this limits
# the cost of each file in a folder of 10,000.
NEIGHBOURS_EACH_SIDE = 50

NFO_FOR_FOLDERS_BELOW = "tvshow.nfo"


def mark_of(status: os.stat_result) -> Mark | None:
    """Return the mark of a file; None for a link, a folder, or what else is not read."""
    if not stat.S_ISREG(status.st_mode):
        return None
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def nfos_above(directory: str) -> tuple[str, ...]:
    """List the .nfo files, relative to the library, in the folders above that may be about the files of this one."""
    if not directory:
        return ()
    above = directory.rpartition("/")[0]
    nearest = join(above, NFO_FOR_FOLDERS_BELOW)
    return (nearest, join(above.rpartition("/")[0], NFO_FOR_FOLDERS_BELOW)) if above else (nearest,)


def nfos_about(path: str, names: Iterable[str]) -> tuple[str, ...]:
    """List the .nfo files, relative to the library, that may be about the video at `path`.

    `names` are those of the files of its folder.
    """
    lone = lone_nfo(path, names)
    return (*sidecar_names(path), lone) if lone else sidecar_names(path)


class FolderFiles:
    """The regular files of one folder, and what they contribute to a verdict about one of them."""

    def __init__(
        self, directory: str, names: Iterable[str], nfos: Mapping[str, Mark], size_of: Callable[[str], int | None]
    ) -> None:
        """`directory` is relative to the library, `nfos` are the marks of the .nfo files, by name.

        `size_of` is asked only where sizes count.
        """
        self._directory = directory
        self._size_of = size_of
        self._is_disc = is_disc_folder(os.path.basename(directory))
        self.names: Sequence[str] = sorted(names)
        joined = "\0".join(self.names)
        self.are_sizes_evidence = self._is_disc or "sample" in joined.casefold()
        said = [f"{READERS}\0{joined}\0\0", *(f"{name}\0{nfos[name]}\0" for name in sorted(nfos))]
        if self.are_sizes_evidence:
            said.append(repr([size_of(name) for name in self.videos]))
        self._said = "".join(said)

    @cached_property
    def videos(self) -> Sequence[str]:
        """The names that may be siblings."""
        return [name for name in self.names if is_video(name) and not name.startswith(".")]

    @cached_property
    def _sums(self) -> Sequence[int]:
        # Of the hashes of the first names: the names between two positions have a digest without being read again.
        return list(accumulate(map(hash_of, self.videos), initial=0))

    def near(self, name: str) -> Sequence[str]:
        """Return the videos that count as siblings of this one, with itself."""
        return self.videos[self._window(name)]

    def _window(self, name: str) -> slice:
        if self._is_disc:  # only all files of a disc together show which one is the film
            return slice(0, len(self.videos))
        position = bisect_left(self.videos, name)
        return slice(
            max(0, position - NEIGHBOURS_EACH_SIDE), min(len(self.videos), position + 1 + NEIGHBOURS_EACH_SIDE)
        )

    def digest(self, kind: LibraryKind, above: Mapping[str, Mark | None]) -> int:
        """Digest all that the verdicts of the folder depend on. `above` are the marks of `nfos_above`, by path."""
        marks = sorted((path, mark) for path, mark in above.items() if mark) if any(above.values()) else []
        return hash_of(f"{self._said}{(kind, marks)!r}")

    def digest_of(self, name: str, kind: LibraryKind, nfos: Mapping[str, Mark | None]) -> int:
        """Digest what the verdict of one file depends on. `nfos` are the marks of `nfos_about` it, by path."""
        window = self._window(name)
        near: object = (self._sums[window.stop] - self._sums[window.start], window.stop - window.start)
        if self._is_disc or "sample" in name.casefold():
            near = [(other, self._size_of(other)) for other in self.videos[window]]
        marks = sorted((path, mark) for path, mark in nfos.items() if mark)
        return hash_of(repr((READERS, kind, near, marks)))


def hash_of(text: str) -> int:
    """Digest a text in a number that SQLite can hold."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest(), signed=True)
