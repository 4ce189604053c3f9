"""Decides which names and sizes count in a library, and says why the others do not.

Every rule tests a position: a directory's whole name, or the beginning or end of a file's name.
No rule searches inside a name: `Trailer Park Boys`, `The Sample`, `Extras` and `Temp` are real
titles. `identify/` decides whether a video is a sample or a trailer.
"""

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from reeld.config import DEFAULT_EXTENSIONS
from reeld.domain.files import readable

# They come from browsers (.part .crdownload .download .opdownload .partial), torrent clients
# (.!qB of qBittorrent, .!ut and .ut! of µTorrent, .!bt, .bc! of BitComet), aria2's control file,
# FileZilla (.filepart), Free Download Manager, yt-dlp (.ytdl), Thunder (.xltd) and many programs
# (.tmp).
PARTIAL_SUFFIXES = (
    ".part", ".crdownload", ".download", ".opdownload", ".partial", ".!qB", ".!ut", ".ut!", ".!bt", ".bc!",
    ".aria2", ".filepart", ".fdmdownload", ".ytdl", ".xltd", ".tmp",
)  # fmt: skip
_FOLDED_PARTIAL_SUFFIXES = tuple(suffix.casefold() for suffix in PARTIAL_SUFFIXES)
_PARTIAL_EXTENSIONS = frozenset(suffix.removeprefix(".") for suffix in _FOLDED_PARTIAL_SUFFIXES)

# rsync writes `.name.XXXXXX` and renames it after the last byte.
_RSYNC_TEMPORARY = re.compile(r"\..+\.[A-Za-z0-9]{6}")

# Whole names, compared without regard to case: Windows writes both $RECYCLE.BIN and $Recycle.Bin.
_JUNK_DIRECTORIES = {
    "@eadir": "thumbnails and indexes of a Synology NAS",
    "#recycle": "the recycle bin of a Synology NAS",
    "#snapshot": "snapshots of a Synology NAS",
    "@sharesnap": "snapshots of a Synology NAS",
    "@tmp": "temporary files of a Synology NAS",
    "@recycle": "the recycle bin of a QNAP NAS",
    "@recently-snapshot": "snapshots of a QNAP NAS",
    "@__thumb": "thumbnails of a QNAP NAS",
    ".@__thumb": "thumbnails of a QNAP NAS",
    "~snapshot": "snapshots of a NetApp filer",
    ".snapshot": "snapshots of a filer",
    ".snapshots": "snapshots of a file system",
    ".zfs": "snapshots of a file system",
    "lost+found": "what a file system check rescued",
    "$recycle.bin": "the recycle bin of Windows",
    "system volume information": "bookkeeping of Windows",
    ".stfolder": "bookkeeping of Syncthing",
    ".stversions": "old versions kept by Syncthing",
    ".appledouble": "resource forks of macOS",
    "__macosx": "resource forks of macOS",
}
_JUNK_PREFIXES = {
    ".trash-": "a rubbish bin",
    "_unpack_": "an archive that is still being unpacked",
    "_failed_": "an archive that could not be unpacked",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of one library. Each answer is None for "it counts", or a sentence for the user.

    `extensions` are lower case and without the dot. `ignore_patterns` are shell patterns (`*`,
    `?`, `[…]`, case-sensitive, `[[]` for a bracket itself):

    - without a slash, a pattern is compared with the whole name of each file and directory, at
      any depth: `*.ts`, `Home videos`;
    - with a slash, it is compared with the whole path below the library, name by name; `**`
      stands for any number of names, also none: `/Kids` (only at the top), `Shows/*/Featurettes`,
      `**/raw/*.mov`;
    - with a slash at its end, it matches directories only: `raw/`.

    Skipping a directory skips everything below it.
    """

    extensions: frozenset[str] = frozenset(DEFAULT_EXTENSIONS)
    minimum_size_bytes: int = 0
    ignore_patterns: tuple[str, ...] = ()

    def is_video_name(self, name: str) -> bool:
        """Tell whether the library takes the name's extension, in any case."""
        dot = name.rfind(".", 1)
        return dot > 0 and name[dot + 1 :].lower() in self.extensions

    def why_other_ending(self, name: str) -> str:
        """Explain that the file's name is no video's."""
        return f"the ending of {readable(name)} is none of the library's extensions"

    def why_skip_directory(self, relative: str) -> str | None:
        """Say why this directory, or one above it, is not entered. The root is always entered."""
        names = relative.split("/") if relative else []
        for depth in range(1, len(names) + 1):
            if why := self.why_not_enter("/".join(names[:depth])):
                return why
        return None

    def why_not_enter(self, relative: str) -> str | None:
        """Say why this directory is not entered from the one above, which is."""
        return _why_junk_directory(relative.rpartition("/")[2]) or (
            self._why_pattern(relative, is_directory=True) if self.ignore_patterns else None
        )

    def is_any_ignored(self, directory: str, names: Sequence[str], sizes: Iterable[int]) -> bool:
        """Tell whether one of a directory's videos does not count. Fast where few rules apply."""
        if self.minimum_size_bytes or self.ignore_patterns or not self.extensions.isdisjoint(_PARTIAL_EXTENSIONS):
            above = f"{directory}/" if directory else ""
            return any(self.why_ignore_file(above + name, size) for name, size in zip(names, sizes, strict=True))
        # A video's extension is never a partial download's, so only hidden names are left.
        return "/." in "/" + "/".join(names) and any(map(why_partial, names))

    def why_ignore_file(self, relative: str, size_bytes: int) -> str | None:
        """Say why this file does not count, given that its directory is entered."""
        return (
            why_partial(relative.rpartition("/")[2])
            or self._why_small(size_bytes)
            or (self._why_pattern(relative, is_directory=False) if self.ignore_patterns else None)
        )

    def counting_sidecars(self, directory: str, names: Iterable[str]) -> list[str]:
        """Return those names of sidecars that count, given that their directory is entered. None is too small.

        A sidecar's suffix is never that of a partial download.
        """
        above = f"{directory}/" if directory else ""
        return [
            name
            for name in names
            if not is_hidden(name)
            and not (self.ignore_patterns and self._why_pattern(above + name, is_directory=False))
        ]

    def _why_small(self, size_bytes: int) -> str | None:
        if size_bytes >= self.minimum_size_bytes:
            return None
        return f"it has {size_bytes} bytes, less than the library's minimum of {self.minimum_size_bytes}"

    def _why_pattern(self, relative: str, *, is_directory: bool) -> str | None:
        for pattern in self.ignore_patterns:
            if _matches(relative, pattern, is_directory=is_directory):
                return f"the library's ignore pattern {pattern!r} matches it"
        return None


def why_partial(name: str) -> str | None:
    """Say why the name marks the file as hidden or incomplete."""
    if name.casefold().endswith(_FOLDED_PARTIAL_SUFFIXES):
        return f"its name ends in .{readable(name.rpartition('.')[2])}: a download that is not finished"
    if not name.startswith("."):  # true of nearly all names, and every walk asks this of every file
        return None
    if _RSYNC_TEMPORARY.fullmatch(name) is not None:
        return "it is named as rsync names a copy that is under way"
    return "it is hidden" if is_hidden(name) else None


def why_incomplete(name: str, sibling_names: Container[str]) -> str | None:
    """Say which neighbour shows that the file is still being written.

    aria2 preallocates `X.mkv` and keeps `X.mkv.aria2` until it is done. Firefox reserves the name
    with an empty `X.mkv` and writes to `X.mkv.part`.
    """
    for suffix in PARTIAL_SUFFIXES:
        if name + suffix in sibling_names:
            return f"{readable(name + suffix)} lies beside it: still being downloaded"
    return None


def may_be_incomplete(names: Iterable[str]) -> bool:
    """Tell whether one of these names may show that another file is still being written. Fast, as most are none."""
    return any(name.endswith(PARTIAL_SUFFIXES) for name in names)


def _why_junk_directory(name: str) -> str | None:
    folded = name.casefold()
    if folded in _JUNK_DIRECTORIES:
        return f"{readable(name)} holds {_JUNK_DIRECTORIES[folded]}"
    for prefix, what in _JUNK_PREFIXES.items():
        if folded.startswith(prefix):
            return f"{readable(name)} is {what}"
    return f"{readable(name)} is hidden" if is_hidden(name) else None


def is_hidden(name: str) -> bool:
    """Tell whether a dot hides the name. Three do not: `...And Justice for All` is a film of 1979."""
    return name.startswith(".") and not name.startswith("...")


def _matches(relative: str, pattern: str, *, is_directory: bool) -> bool:
    if pattern.endswith("/") and not is_directory:
        return False
    bare = pattern.rstrip("/")
    if "/" not in bare:
        return fnmatchcase(relative.rpartition("/")[2], bare)
    return _matches_names(relative.split("/"), bare.lstrip("/").split("/"))


def _matches_names(names: list[str], patterns: list[str]) -> bool:
    """Tell whether the patterns cover the names exactly, one by one.

    Keeps the set of names reached after each pattern, so no number of `**` makes it slow.
    """
    reached: Iterable[int] = {0}
    for pattern in patterns:
        if pattern == "**":
            reached = range(min(reached, default=len(names) + 1), len(names) + 1)
        else:
            reached = {at + 1 for at in reached if at < len(names) and fnmatchcase(names[at], pattern)}
    return len(names) in reached
