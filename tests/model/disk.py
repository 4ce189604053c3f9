"""What may people and programs do to the files of a few libraries? One method an operation, on real folders.

Every operation takes its chances from the generator it is given and says in words what it did; None where there was
nothing to do it to. It notes in `memory` what later nobody could see any more (that two files were one, that bytes
were moved to another disk). Several threads may operate at the same time, as long as each brings its own generator;
whoever comes too late gets an OSError, which means as little as None.
"""

import contextlib
import ctypes
import os
import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from tests.model.bytes import (
    LONGEST_PADDING,
    SHORTEST_PADDING,
    Serials,
    content_of,
    content_of_bytes,
    padded,
    unique_video,
)
from tests.model.memory import Memory
from tests.service.harness import ENDINGS
from tests.videos import Container

FOLDERS = ("", "A", "A/Season 1", "B", "B/Extras", "sub")

# Some are films, some episodes, some ask a question, some are no works of their own. Few, so that names are reused.
NAMES = (
    "Film {} (1999).mkv",
    "thing{}.mkv",
    "holiday {}.mkv",
    "Show.S01E0{}.mkv",
    "Heat {} (1995).mp4",
    "xkcd{}.avi",
    "caf\udce9 {}.mkv",
    "sample {}.mkv",
)

_EXCHANGE = 2
_AT_FDCWD = -100
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an operation did, and where a perfect observer would have told of something."""

    text: str
    folders: tuple[str, ...] = ()
    trees: tuple[str, ...] = ()


@dataclass(slots=True)
class _SlowWriter:
    path: str
    file: BinaryIO
    left: bytes


@dataclass(kw_only=True)
class Disk:
    """The folders of some libraries, a place outside of them, and the operations."""

    libraries: dict[str, str]
    """Root by name; those of whose disk is plugged in."""
    outside: str
    """On the file system of the first library."""
    memory: Memory
    serials: Serials = field(default_factory=Serials)
    variety: int = 3
    """How many different numbers there are in names."""
    slow: list[_SlowWriter] = field(default_factory=list)
    unplugged: set[str] = field(default_factory=set)
    """Libraries whose disk is away."""
    without_ctimes: tuple[str, ...] = ()
    """The roots on disks that keep no ctime."""
    mount_points: dict[str, bool] = field(default_factory=dict)
    """Folders within libraries on which a disk is mounted, or, where False, may be later: nobody moves these."""

    # --- new bytes ---------------------------------------------------------------------------------------

    def create(self, rng: random.Random) -> Done | None:
        path = self._new_path(rng)
        with open(path, "xb") as file:
            file.write(self._bytes(rng, path))
        return self._told(f"create {path}", path)

    def create_slowly(self, rng: random.Random) -> Done | None:
        path = self._new_path(rng)
        content = self._bytes(rng, path)
        file = open(path, "xb", buffering=0)  # noqa: SIM115 - closed by whoever goes on with it
        first = rng.randrange(len(content))
        file.write(content[:first])
        self.slow.append(_SlowWriter(path, file, content[first:]))
        return self._told(f"begin {path}", path)

    def go_on_slowly(self, rng: random.Random) -> Done | None:
        if not self.slow:
            return None
        writer = self.slow.pop(rng.randrange(len(self.slow)))
        piece = max(1, len(writer.left) // 2)
        self._write_slowly(writer, writer.left[:piece])
        left = writer.left[piece:]
        if left:
            self.slow.append(_SlowWriter(writer.path, writer.file, left))
        else:
            writer.file.close()
        return self._told(f"go on with {writer.path}, {len(left)} bytes left", writer.path)

    def _write_slowly(self, writer: _SlowWriter, piece: bytes) -> None:
        """Wherever the file is by now: what it holds afterwards comes from what it held."""
        where = f"/proc/self/fd/{writer.file.fileno()}"
        before = content_of(where)
        writer.file.write(piece)
        self.memory.derived[content_of(where)] = before

    def finish_slowly(self) -> list[Done]:
        """All that is being written gets its last byte."""
        done = []
        while self.slow:
            writer = self.slow.pop()
            self._write_slowly(writer, writer.left)
            writer.file.close()
            done.append(self._told(f"finish {writer.path}", writer.path))
        done += [self._give_up_part(path) for path in self._hindering_parts()]
        return done

    def _hindering_parts(self) -> list[str]:
        """Downloads beside a file of the name that they would have: that one counts as incomplete, and rightly."""
        files = [path for root in self.plugged() for path in _files_in(root)]
        return [path for path in files if path.endswith(".part") and os.path.lexists(path.removesuffix(".part"))]

    def _give_up_part(self, path: str) -> Done:
        os.unlink(path)
        return self._told(f"delete {path}", path)

    def append(self, rng: random.Random) -> Done | None:
        def change(path: str) -> None:
            with open(path, "ab") as file:
                file.write(padded(_container(path), self.serials.next(), SHORTEST_PADDING))

        return self._change_in_place(rng, "append to", change)

    def truncate(self, rng: random.Random) -> Done | None:
        cut = rng.randrange(1, SHORTEST_PADDING // 2)

        def change(path: str) -> None:
            os.truncate(path, max(0, os.stat(path).st_size - cut))

        return self._change_in_place(rng, f"cut {cut} bytes off", change)

    def rewrite(self, rng: random.Random) -> Done | None:
        """Other bytes, as many as before, in the same inode."""
        return self._change_in_place(rng, "rewrite", self._overwrite)

    def rewrite_and_put_mtime_back(self, rng: random.Random) -> Done | None:
        def change(path: str) -> None:
            if any(_is_below(path, root) for root in self.without_ctimes):
                return  # nothing tells
            before = os.stat(path)
            self._overwrite(path)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            self.memory.requeue.add(content_of(path))

        return self._change_in_place(rng, "rewrite, with its mtime put back,", change)

    def replace(self, rng: random.Random) -> Done | None:
        """A new file under a hidden name takes the place of an old one, as rsync and many others do it."""

        def change(path: str) -> None:
            folder, name = os.path.split(path)
            draft = os.path.join(folder, f".{name}.Ab3xYz")
            with open(draft, "wb") as file:
                file.write(self._bytes(rng, path))
            os.rename(draft, path)

        return self._change_in_place(rng, "replace", change)

    def touch(self, rng: random.Random) -> Done | None:
        path = self._a_file(rng)
        if path is None:
            return None
        self.memory.touched.add(content_of(path))
        os.utime(path)
        return self._told(f"touch {path}", path)

    # --- names -------------------------------------------------------------------------------------------

    def rename(self, rng: random.Random) -> Done | None:
        path, other = self._a_file(rng), self._new_path(rng)
        return None if path is None else self._move(path, other, "rename")

    def rename_as_part(self, rng: random.Random) -> Done | None:
        """A name that says that it is not complete; or, if there is one such already, its end."""
        path = self._a_file(rng, endings=(*ENDINGS, ".part"))
        if path is None:
            return None
        if not path.endswith(".part"):
            self.memory.away.add(content_of(path))
        return self._move(path, path.removesuffix(".part") if path.endswith(".part") else f"{path}.part", "rename")

    def hide(self, rng: random.Random) -> Done | None:
        """Give it a name that the rules leave alone."""
        path = self._a_file(rng)
        if path is None:
            return None
        self._note_away(path)
        return self._move(path, os.path.join(os.path.dirname(path), f".{os.path.basename(path)}"), "hide")

    def show_hidden(self, rng: random.Random) -> Done | None:
        path, other = self._a_hidden_file(rng), self._new_path(rng)
        return None if path is None else self._move(path, other, "show")

    def swap_with_hidden(self, rng: random.Random) -> Done | None:
        """Exchange it with a file whose name the rules leave alone."""
        path, other = self._a_file(rng), self._a_hidden_file(rng)
        if path is None or other is None:
            return None
        self._note_away(path)
        _exchange(path, other)
        return self._told(f"swap {path} and the hidden {other}", path, other)

    def rename_over(self, rng: random.Random) -> Done | None:
        path, other = self._a_file(rng), self._a_file(rng)
        if path is None or other is None or path == other or os.path.samefile(path, other):
            return None
        self._note_if_skipped(path, other)
        os.rename(path, other)
        return self._told(f"rename {path} over {other}", path, other)

    def swap(self, rng: random.Random) -> Done | None:
        path, other = self._a_file(rng), self._a_file(rng)
        if path is None or other is None or path == other:
            return None
        self._note_if_skipped(path, other)
        self._note_if_skipped(other, path)
        _exchange(path, other)
        return self._told(f"swap {path} and {other}", path, other)

    def rename_folder(self, rng: random.Random) -> Done | None:
        folder, parent = self._a_folder(rng), self._a_folder(rng, or_root=True)
        if folder is None or parent is None or f"{parent}/".startswith(f"{folder}/"):
            return None
        other = os.path.join(parent, rng.choice(("A", "B", "C", "_UNPACK_C", "sub", "new one")))
        if os.path.lexists(other):
            return None
        if "_UNPACK_" in other:
            self._note_away(folder)
        os.rename(folder, other)
        self._note_dark(other)
        return Done(
            text=f"rename folder {folder} to {other}",
            folders=(os.path.dirname(folder), parent),
            trees=(folder, other),
        )

    def swap_folders(self, rng: random.Random) -> Done | None:
        folder, other = self._a_folder(rng), self._a_folder(rng)
        if folder is None or other is None or _is_below(folder, other) or _is_below(other, folder):
            return None
        _exchange(folder, other)
        self._note_dark(folder, other)
        return Done(text=f"swap folders {folder} and {other}", trees=(folder, other))

    def move_out(self, rng: random.Random) -> Done | None:
        path = (self._a_folder(rng) if rng.random() < 0.3 else None) or self._a_file(rng)
        if path is None or os.stat(path).st_dev != os.stat(self.outside).st_dev:
            return None
        self._note_away(path)
        other = os.path.join(self.outside, f"{self.serials.next()} {os.path.basename(path)}")
        os.rename(path, other)
        return Done(text=f"move out {path}", folders=(os.path.dirname(path),), trees=(path,))

    def move_in(self, rng: random.Random) -> Done | None:
        names = sorted(os.listdir(self.outside))
        folder = self._a_folder(rng, or_root=True)
        if not names or folder is None:
            return None
        name = rng.choice(names)
        path, other = os.path.join(self.outside, name), os.path.join(folder, name.partition(" ")[2])
        if os.path.lexists(other) or os.stat(folder).st_dev != os.stat(self.outside).st_dev:
            return None
        os.rename(path, other)
        self._note_dark(other)
        return Done(text=f"move in {other}", folders=(folder,), trees=(other,))

    def move_elsewhere(self, rng: random.Random) -> Done | None:
        """To any folder of any library, also on another file system, as mv does it."""
        path, folder = self._a_file(rng), self._a_folder(rng, or_root=True)
        if path is None or folder is None:
            return None
        other = os.path.join(folder, os.path.basename(path))
        if os.path.lexists(other):
            return None
        if os.stat(path).st_dev == os.stat(folder).st_dev:
            return self._move(path, other, "move")
        self.memory.transplanted.add(content_of(path))
        shutil.copy2(path, other)
        os.unlink(path)
        return self._told(f"move to another disk {path} to {other}", path, other)

    # --- what stands beside the videos -------------------------------------------------------------------

    def write_nfo(self, rng: random.Random) -> Done | None:
        """Beside a video, for it or for its folder; over an older one, too."""
        path = self._a_file(rng)
        if path is None:
            return None
        folder, name = os.path.split(path)
        nfo = os.path.join(folder, rng.choice((f"{name.rpartition('.')[0]}.nfo", "movie.nfo", "tvshow.nfo")))
        number = rng.randrange(1, self.variety + 1)
        root = "tvshow" if nfo.endswith("tvshow.nfo") else "movie"
        title = rng.choice((f"Noted {number}", f"Film {number}", "Show"))
        unique_id = rng.choice(("", f'<uniqueid type="tmdb">{100 + number}</uniqueid>'))
        year = rng.choice(("", "<year>1999</year>", "<year>2012</year>"))
        content = f"<{root}><title>{title}</title>{year}{unique_id}</{root}>"
        with open(nfo, "w", encoding="utf-8") as file:
            file.write(rng.choice((content, content, content, content[:-9])))
        return self._told(f"write {nfo}: {content}", nfo)

    def delete_nfo(self, rng: random.Random) -> Done | None:
        nfo = self._an_nfo(rng)
        if nfo is None:
            return None
        os.unlink(nfo)
        return self._told(f"delete {nfo}", nfo)

    def rename_nfo(self, rng: random.Random) -> Done | None:
        nfo, path = self._an_nfo(rng), self._a_file(rng)
        if nfo is None or path is None:
            return None
        other = f"{path.rpartition('.')[0]}.nfo"
        os.rename(nfo, other)
        return self._told(f"rename {nfo} to {other}", nfo, other)

    def write_subtitle(self, rng: random.Random) -> Done | None:
        """Beside a video, or in a folder of subtitles there; over an older one, too."""
        path = self._a_file(rng)
        if path is None:
            return None
        folder, name = os.path.split(path)
        pack = os.path.join(folder, "Subs")
        into = pack if rng.random() < 0.3 else folder
        os.makedirs(into, exist_ok=True)
        subtitle = os.path.join(into, f"{name.rpartition('.')[0]}.en.srt")
        with open(subtitle, "w", encoding="utf-8") as file:
            file.write("." * rng.randrange(1, 5))
        return self._told(f"write {subtitle}", into, subtitle)

    def delete_subtitle(self, rng: random.Random) -> Done | None:
        subtitle = self._one_of(rng, lambda name: name.endswith(".srt"))
        if subtitle is None:
            return None
        os.unlink(subtitle)
        return self._told(f"delete {subtitle}", subtitle)

    # --- more names for the same bytes, and fewer --------------------------------------------------------

    def copy(self, rng: random.Random) -> Done | None:
        path, other = self._a_file(rng), self._new_path(rng)
        if path is None:
            return None
        with open(path, "rb") as file:
            content = file.read()
        self.memory.shared.add(content_of_bytes(content))
        with open(other, "xb") as file:
            file.write(content)
        return self._told(f"copy {path} to {other}", other)

    def link(self, rng: random.Random) -> Done | None:
        path, other = self._a_file(rng), self._new_path(rng)
        if path is None:
            return None
        self.memory.shared.add(content_of(path))
        os.link(path, other)
        return self._told(f"link {path} as {other}", other)

    def link_softly(self, rng: random.Random) -> Done | None:
        """To a file, to a folder, to a folder above (a loop), or to nothing."""
        other = self._new_path(rng)
        target = rng.choice((self._a_file(rng), self._a_folder(rng), os.path.dirname(other), "nowhere.mkv"))
        if target is None:
            return None
        os.symlink(target, other)
        return self._told(f"symlink {other} to {target}", other)

    def delete(self, rng: random.Random) -> Done | None:
        path = self._a_file(rng)
        if path is None:
            return None
        os.unlink(path)
        return self._told(f"delete {path}", path)

    def delete_folder(self, rng: random.Random) -> Done | None:
        folder = self._a_folder(rng)
        if folder is None:
            return None
        shutil.rmtree(folder)
        return Done(text=f"delete folder {folder}", folders=(os.path.dirname(folder),), trees=(folder,))

    # --- rights ------------------------------------------------------------------------------------------

    def forbid(self, rng: random.Random) -> Done | None:
        path = (self._a_folder(rng) if rng.random() < 0.5 else None) or self._a_file(rng)
        if path is None:
            return None
        for file in _files_in(path):
            self.memory.refused.add(content_of(file))
        self.note_all_away(path)
        os.chmod(path, 0)
        return self._told(f"forbid {path}", path)

    def allow(self, rng: random.Random) -> Done | None:
        forbidden = sorted(_forbidden(self.libraries.values()))
        if not forbidden:
            return None
        path = rng.choice(forbidden)
        os.chmod(path, 0o755)
        return Done(text=f"allow {path}", folders=(os.path.dirname(path),), trees=(path,))

    # --- choosing ----------------------------------------------------------------------------------------

    def plugged(self) -> list[str]:
        """The roots of the libraries that are where they belong."""
        return [root for name, root in self.libraries.items() if name not in self.unplugged]

    def note_all_away(self, folder: str) -> None:
        """The folder, and with it whatever was known to be there, will be out of sight."""
        self._note_away(folder)
        self._note_unaskable(folder)

    def _note_unaskable(self, folder: str) -> None:
        """Whatever was known to be there, nobody can say any more whether it is."""
        for name, root in self.libraries.items():
            if _is_below(folder, root):
                relative = "" if folder == root else os.path.relpath(folder, root)
                self.memory.refused |= self.memory.contents_of_rows_below(name, relative)

    def _note_dark(self, *paths: str) -> None:
        """These have come to where they are now: perhaps into a folder that nobody may enter, or with one in them.

        Or to where an unpacker works, which the rules leave alone.
        """
        for path in paths:
            if "_UNPACK_" in path or any(_is_below(path, folder) for folder in _forbidden(self.libraries.values())):
                self._note_away(path)
        for path in (*paths, *_forbidden(paths)):
            if os.path.isdir(path) and not os.stat(path).st_mode & 0o400:
                self._note_unaskable(path)

    def _a_file(self, rng: random.Random, endings: Sequence[str] = ENDINGS) -> str | None:
        for _ in range(3):
            folder: str | None = rng.choice(self.plugged())
            while folder is not None:
                names = sorted(os.listdir(folder))
                path = os.path.join(folder, rng.choice(names)) if names else ""
                if self.mount_points.get(path) is False:
                    break
                if os.path.isdir(path) and not os.path.islink(path):
                    folder = path
                    continue
                if path.endswith(tuple(endings)) and os.path.isfile(path) and not os.path.islink(path):
                    return path
                folder = None
        return None

    def _a_hidden_file(self, rng: random.Random) -> str | None:
        return self._one_of(rng, lambda name: name.startswith(".") and name.endswith(ENDINGS))

    def _an_nfo(self, rng: random.Random) -> str | None:
        return self._one_of(rng, lambda name: name.endswith(".nfo"))

    def _one_of(self, rng: random.Random, is_meant: Callable[[str], bool]) -> str | None:
        paths = [path for path in _files_in(rng.choice(self.plugged())) if is_meant(os.path.basename(path))]
        return rng.choice(sorted(paths)) if paths else None

    def _a_folder(self, rng: random.Random, *, or_root: bool = False) -> str | None:
        root = folder = rng.choice(self.plugged())
        while True:
            below = [entry.path for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
            below = [path for path in below if self.mount_points.get(path) is not False]
            if not below or (folder != root and rng.random() < 0.5) or (or_root and rng.random() < 0.3):
                break
            folder = rng.choice(sorted(below))
        return folder if or_root or (folder != root and folder not in self.mount_points) else None

    def _new_path(self, rng: random.Random) -> str:
        folder = os.path.join(rng.choice(self.plugged()), rng.choice(FOLDERS)).rstrip("/")
        os.makedirs(folder, exist_ok=True)
        return os.path.join(folder, rng.choice(NAMES).format(rng.randrange(1, self.variety + 1)))

    # --- doing -------------------------------------------------------------------------------------------

    def _bytes(self, rng: random.Random, path: str) -> bytes:
        padding = rng.randrange(SHORTEST_PADDING, LONGEST_PADDING)
        return unique_video(_container(path), self.serials.next(), padding)

    def _overwrite(self, path: str) -> None:
        size = os.stat(path).st_size
        with open(path, "r+b") as file:
            file.seek(max(0, size - SHORTEST_PADDING))
            file.write(padded(_container(path), self.serials.next(), SHORTEST_PADDING)[: min(size, SHORTEST_PADDING)])

    def _change_in_place(self, rng: random.Random, verb: str, change: Callable[[str], None]) -> Done | None:
        path = self._a_file(rng)
        if path is None:
            return None
        before = content_of(path)
        change(path)
        self.memory.derived[content_of(path)] = before
        if before in self.memory.shared and os.stat(path).st_nlink > 1:
            self.memory.shared.add(content_of(path))  # its other name shows it as well
        return self._told(f"{verb} {path}", path)

    def _move(self, path: str, other: str, verb: str) -> Done | None:
        if os.path.lexists(other) or os.stat(path).st_dev != os.stat(os.path.dirname(other)).st_dev:
            return None
        self._note_if_skipped(path, other)
        os.rename(path, other)
        return self._told(f"{verb} {path} to {other}", path, other)

    def _note_if_skipped(self, path: str, other: str) -> None:
        """Note that a file goes out of sight if the rules skip the name that it gets."""
        if any(part.startswith((".", "_UNPACK_")) for part in other.split(os.sep)):
            self._note_away(path)

    def _note_away(self, path: str) -> None:
        for file in _files_in(path):
            with contextlib.suppress(OSError):
                self.memory.away.add(content_of(file))

    def _told(self, text: str, *paths: str) -> Done:
        self._note_dark(*(path for path in paths if os.path.lexists(path)))
        return Done(text=text, folders=tuple(os.path.dirname(path) for path in paths))


Operation = Callable[[Disk, random.Random], Done | None]

OPERATIONS: dict[str, Operation] = {
    method.__name__: method
    for method in (
        Disk.create, Disk.create_slowly, Disk.go_on_slowly, Disk.append, Disk.truncate, Disk.rewrite,
        Disk.rewrite_and_put_mtime_back, Disk.replace, Disk.touch, Disk.rename, Disk.rename_as_part, Disk.rename_over,
        Disk.swap, Disk.rename_folder, Disk.swap_folders, Disk.move_out, Disk.move_in, Disk.move_elsewhere, Disk.copy,
        Disk.link, Disk.link_softly, Disk.delete, Disk.delete_folder, Disk.forbid, Disk.allow, Disk.hide,
        Disk.show_hidden, Disk.swap_with_hidden, Disk.write_nfo, Disk.delete_nfo, Disk.rename_nfo,
        Disk.write_subtitle, Disk.delete_subtitle,
    )
}  # fmt: skip


def remove_tree(path: str) -> None:
    """Also what may not be entered."""
    for folder, names, _ in os.walk(path):
        for name in names:
            if not os.path.islink(os.path.join(folder, name)):
                os.chmod(os.path.join(folder, name), 0o755)
    shutil.rmtree(path, ignore_errors=True)


def _container(path: str) -> Container:
    ending = path.removesuffix(".part").rpartition(".")[2]
    return "mp4" if ending == "mp4" else "avi" if ending == "avi" else "mkv"


def _exchange(path: str, other: str) -> None:
    """What `mv --exchange` does: at no moment is one of the two names without a file."""
    result = _libc.renameat2(_AT_FDCWD, os.fsencode(path), _AT_FDCWD, os.fsencode(other), _EXCHANGE)
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)


def _is_below(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder}/")


def _files_in(path: str) -> Iterator[str]:
    if os.path.isfile(path):
        yield path
    for folder, _, names in os.walk(path):
        yield from (os.path.join(folder, name) for name in names)


def _forbidden(roots: Iterable[str]) -> Iterator[str]:
    for root in roots:
        for folder, folders, names in os.walk(root):
            for name in (*folders, *names):
                path = os.path.join(folder, name)
                if not os.path.islink(path) and not os.stat(path).st_mode & 0o400:
                    yield path
