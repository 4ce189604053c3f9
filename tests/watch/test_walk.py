"""What a walk sees, and what it does not claim to know."""

import errno
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.watch.rules import Rules
from reeld.watch.walk import Listing, RootSeen, Unreadable, Vanished, check_root, list_directory, walk
from tests.watch.conftest import RunAsOther

RULES = Rules()


def put(root: str, relative: str, content: bytes = b"x") -> str:
    path = os.path.join(root, relative)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    return path


def listed(root: str, relative: str = "") -> Listing:
    found = list_directory(root, relative, RULES)
    assert isinstance(found, Listing), found
    return found


def walked_files(root: str, start: str = "") -> list[str]:
    return [file.relative for found in walk(root, start, RULES) if isinstance(found, Listing) for file in found.files]


def test_a_directory_is_listed_by_kind_and_in_order(library: str) -> None:
    for name in ("b.mkv", "a.MKV", "a.nfo", "a.mkv.part"):
        put(library, f"Film/{name}")
    os.makedirs(f"{library}/Film/Season 2")
    os.makedirs(f"{library}/Film/Season 1")
    os.makedirs(f"{library}/Film/@eaDir")
    found = listed(library, "Film")
    assert [file.name for file in found.files] == ["a.MKV", "b.mkv"]
    assert found.files[0].relative == "Film/a.MKV"
    assert found.companions == ("a.mkv.part", "a.nfo")
    assert found.directories == ("Season 1", "Season 2")
    status = os.stat(f"{library}/Film")
    assert found.identity == (status.st_dev, status.st_ino)
    assert found.mtime_ns == status.st_mtime_ns


def test_a_file_carries_the_stamp_that_stat_gives(library: str) -> None:
    status = os.stat(put(library, "a.mkv", b"four"))
    stamp = listed(library).files[0].stamp
    assert (stamp.size_bytes, stamp.inode, stamp.ctime_ns) == (4, status.st_ino, status.st_ctime_ns)


def test_nothing_but_a_regular_file_is_a_file_and_nothing_else_blocks(library: str) -> None:
    os.mkfifo(f"{library}/fifo.mkv")
    os.symlink(put(library, "real.mkv"), f"{library}/link.mkv")
    os.symlink(library, f"{library}/linked directory")
    os.symlink("nowhere", f"{library}/dangling.mkv")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(f"{library}/socket.mkv")
        found = listed(library)
    assert [file.name for file in found.files] == ["real.mkv"]
    assert found.others == ("dangling.mkv", "fifo.mkv", "link.mkv", "linked directory", "socket.mkv")
    assert found.directories == ()
    assert list_directory(library, "fifo.mkv", RULES) == Vanished(relative="fifo.mkv")


def test_no_name_is_refused_or_changed(library: str) -> None:
    names = [b"\xff\xfe.mkv", b"new\nline.mkv", b"a" * 251 + b".mkv", "İı.mkv".encode(), b"\xc3.mkv"]
    for name in names:
        put(library, os.fsdecode(b"dir \xff/" + name))
    relatives = walked_files(library)
    assert sorted(os.fsencode(relative) for relative in relatives) == sorted(b"dir \xff/" + n for n in names)


def test_a_walk_lists_every_directory_before_those_below_it_by_name(library: str) -> None:
    for relative in ("b/x.mkv", "a/z/1.mkv", "a/y.mkv", "top.mkv", "a b/1.mkv"):
        put(library, relative)
    order = [found.relative for found in walk(library, "", RULES)]
    assert order == ["", "a", "a/z", "a b", "b"]
    assert [found.relative for found in walk(library, "a", RULES)] == ["a", "a/z"]


def test_a_walk_does_not_enter_what_the_rules_skip_not_even_when_it_starts_there(library: str) -> None:
    put(library, "@eaDir/deep/a.mkv")
    put(library, "Extras/a.mkv")
    assert walked_files(library) == ["Extras/a.mkv"]
    assert list(walk(library, "@eaDir", RULES)) == []
    assert list(walk(library, "@eaDir/deep", RULES)) == []


def test_loops_of_symlinks_are_not_followed(library: str) -> None:
    put(library, "a/b/film.mkv")
    os.symlink("..", f"{library}/a/b/up")
    os.symlink(library, f"{library}/a/root")
    assert walked_files(library) == ["a/b/film.mkv"]
    assert list_directory(library, "a/root", RULES) == Vanished(relative="a/root")
    assert list_directory(library, "a/root/a", RULES) == Vanished(relative="a/root")


def test_a_root_that_is_a_link_is_followed(library: str) -> None:
    put(library, "real/film.mkv")
    os.symlink("real", f"{library}/link")
    assert walked_files(f"{library}/link") == ["film.mkv"]


def test_a_hard_link_is_a_file_of_its_own(library: str) -> None:
    os.link(put(library, "a.mkv"), f"{library}/b.mkv")
    first, second = listed(library).files
    assert first.status.st_ino == second.status.st_ino


def test_a_missing_directory_below_a_readable_one_has_vanished(library: str) -> None:
    put(library, "a/film.mkv")
    assert list_directory(library, "gone", RULES) == Vanished(relative="gone")
    assert list_directory(library, "gone/deeper", RULES) == Vanished(relative="gone")
    assert list_directory(library, "a/film.mkv", RULES) == Vanished(relative="a/film.mkv")
    assert list(walk(library, "a/gone", RULES)) == [Vanished(relative="a/gone")]


def test_a_missing_root_is_unknown_and_nothing_below_it_has_vanished(library: str) -> None:
    found = list_directory(f"{library}/unplugged", "a", RULES)
    assert isinstance(found, Unreadable)
    assert (found.relative, found.errno) == ("", errno.ENOENT)
    (only,) = walk(f"{library}/unplugged", "a", RULES)
    assert isinstance(only, Unreadable)
    assert only.relative == ""


def test_a_walk_ends_with_unknown_when_the_root_goes_in_the_middle(library: str) -> None:
    put(library, "root/a/1.mkv")
    put(library, "root/b/1.mkv")
    walking = walk(f"{library}/root", "", RULES)
    assert isinstance(next(walking), Listing)
    os.rename(f"{library}/root", f"{library}/renamed")
    (last,) = walking
    assert isinstance(last, Unreadable)
    assert last.relative == ""


def test_a_walk_ends_with_unknown_when_another_directory_takes_the_place_of_the_root(library: str) -> None:
    put(library, "root/a/1.mkv")
    walking = walk(f"{library}/root", "", RULES)
    assert isinstance(next(walking), Listing)
    os.rename(f"{library}/root", f"{library}/renamed")
    os.mkdir(f"{library}/root")
    (last,) = walking
    assert isinstance(last, Unreadable)
    assert (last.relative, last.errno) == ("", errno.ESTALE)


def test_an_empty_mount_point_is_no_news_of_the_files_on_the_disk(library: str) -> None:
    put(library, "root/a/1.mkv")
    seen = check_root(f"{library}/root")
    assert isinstance(seen, RootSeen)
    os.rename(f"{library}/root", f"{library}/disk")
    os.mkdir(f"{library}/root")
    found = list_directory(f"{library}/root", "a", RULES, seen=seen)
    assert isinstance(found, Unreadable)
    assert found.relative == ""


def test_a_directory_that_goes_during_a_walk_has_vanished_and_the_others_are_listed(library: str) -> None:
    put(library, "a/1.mkv")
    put(library, "b/1.mkv")
    walking = walk(library, "", RULES)
    next(walking)
    shutil.rmtree(f"{library}/a")
    assert [type(found) for found in walking] == [Vanished, Listing]


def test_a_file_that_goes_during_a_listing_is_absent_and_one_that_fails_is_unknown(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that goes while its directory is read is not listed and one that fails is unknown."""
    for name in ("gone.mkv", "io.mkv", "well.mkv"):
        put(library, name)

    class Entry:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.name, self.inode = entry.name, entry.inode
            self._entry = entry

        def is_file(self, *, follow_symlinks: bool) -> bool:
            return self._entry.is_file(follow_symlinks=follow_symlinks)

        def stat(self, *, follow_symlinks: bool) -> os.stat_result:
            if self.name == "gone.mkv":
                raise FileNotFoundError(errno.ENOENT, "gone")
            if self.name == "io.mkv":
                raise OSError(errno.EIO, "Input/output error")
            return self._entry.stat(follow_symlinks=follow_symlinks)

    class Entries:
        def __init__(self, opened: int) -> None:
            self._entries = real(opened)

        def __enter__(self) -> list[Entry]:
            with self._entries as entries:
                return [Entry(entry) for entry in entries]

        def __exit__(self, *_: object) -> None:
            pass

    real = os.scandir
    monkeypatch.setattr(os, "scandir", Entries)
    found = listed(library)
    assert [file.name for file in found.files] == ["well.mkv"]
    assert found.unknown == ("io.mkv",)


@pytest.mark.parametrize("number", [errno.ENOTCONN, errno.EIO, errno.ESTALE, errno.EMFILE])
def test_a_directory_that_cannot_be_opened_is_unknown(
    library: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    put(library, "dead/a.mkv")
    put(library, "well/a.mkv")
    real = os.open

    def failing(path: str, flags: int, *, dir_fd: int | None = None) -> int:
        if path == "dead":
            raise OSError(number, os.strerror(number))
        return real(path, flags, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", failing)
    found = list_directory(library, "dead/deeper", RULES)
    assert isinstance(found, Unreadable)
    assert (found.relative, found.errno) == ("dead", number)
    assert walked_files(library) == ["well/a.mkv"]


def test_half_a_listing_is_unknown_as_a_whole(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: int) -> object:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "scandir", failing)
    found = list_directory(library, "", RULES)
    assert isinstance(found, Unreadable)
    assert found.errno == errno.EIO


def test_no_descriptor_stays_open_between_two_listings(library: str) -> None:
    put(library, "a/b/1.mkv")
    before = os.listdir("/proc/self/fd")
    for _ in walk(library, "", RULES):
        assert len(os.listdir("/proc/self/fd")) == len(before)
    list_directory(library, "a/b/1.mkv", RULES)
    list_directory(library, "a", RULES, seen=RootSeen(device=0, inode=0))
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_directory_that_we_may_not_read_is_unknown(library: str, run_as_other: RunAsOther) -> None:
    put(library, "closed/a.mkv")
    put(library, "open/b.mkv")
    os.chmod(f"{library}/closed", 0)
    code = """
import json, sys
from reeld.watch.rules import Rules
from reeld.watch.walk import walk
print(json.dumps([(type(found).__name__, found.relative) for found in walk(sys.argv[1], "", Rules())]))
"""
    assert run_as_other(code, library) == [["Listing", ""], ["Unreadable", "closed"], ["Listing", "open"]]


def test_a_root_says_why_it_cannot_be_used(library: str, run_as_other: RunAsOther) -> None:
    status = os.stat(library)
    seen = check_root(library)
    assert isinstance(seen, RootSeen)
    assert (seen.identity, seen.real_path) == ((status.st_dev, status.st_ino), os.path.realpath(library))
    assert "does not exist" in str(check_root(f"{library}/nothing"))
    assert "is not a directory" in str(check_root(put(library, "file")))
    os.mkdir(f"{library}/closed", 0)
    code = """
import json, sys
from reeld.watch.walk import check_root
print(json.dumps(check_root(sys.argv[1])))
"""
    assert "may not be read" in run_as_other(code, f"{library}/closed")


@pytest.mark.needs_root
def test_a_bind_mount_of_a_directory_into_itself_is_not_walked_again(tmpfs: str) -> None:
    put(tmpfs, "a/film.mkv")
    os.mkdir(f"{tmpfs}/a/again")
    subprocess.run(["mount", "--bind", tmpfs, f"{tmpfs}/a/again"], check=True)
    try:
        assert walked_files(tmpfs) == ["a/film.mkv"]
    finally:
        subprocess.run(["umount", f"{tmpfs}/a/again"], check=True)


@pytest.mark.needs_root
def test_a_disk_that_is_unmounted_during_a_walk_ends_it_with_unknown(tmpfs: str) -> None:
    put(tmpfs, "a/1.mkv")
    walking = walk(tmpfs, "", RULES)
    next(walking)
    subprocess.run(["umount", tmpfs], check=True)
    (last,) = walking
    assert isinstance(last, Unreadable)
    assert last.relative == ""


@given(st.lists(st.lists(st.sampled_from(["a", "b", "ä", "c.mkv"]), min_size=1, max_size=4), max_size=12))
def test_a_walk_finds_what_find_finds(paths: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as root:
        for path in paths:
            try:
                os.makedirs(os.path.join(root, *path[:-1]), exist_ok=True)
                put(root, "/".join([*path[:-1], path[-1] + ".mkv"]))
            except OSError:
                continue  # a name is taken by a file or a directory already
        found = subprocess.run(["find", root, "-type", "f", "-printf", "%P\\0"], check=True, capture_output=True)
        expected = [os.fsdecode(name) for name in found.stdout.split(b"\0") if name]
        assert sorted(walked_files(root)) == sorted(expected)


def test_a_file_that_is_replaced_while_its_folder_is_listed_does_not_renumber_it(tmp_path: Path) -> None:
    """Its name was read with the number of the old file. Only a file system that invents numbers does so again."""
    (tmp_path / "Heat.mkv").write_text("old")
    (tmp_path / "draft").write_text("new")

    class Replacing(frozenset[str]):
        """The extensions, asked about between the reading of a name and its `stat`."""

        def __contains__(self, extension: object) -> bool:
            if (tmp_path / "draft").exists():
                os.replace(tmp_path / "draft", tmp_path / "Heat.mkv")
            return super().__contains__(extension)

    found = list_directory(str(tmp_path), "", Rules(extensions=Replacing({"mkv"})))
    assert isinstance(found, Listing)
    assert [seen.status.st_size for seen in found.files] == [len("new")]
    assert (tmp_path / "Heat.mkv").read_text() == "new"
    assert not found.is_renumbered


@given(names=st.sets(st.text(alphabet="aM.kv", min_size=1, max_size=8).filter(lambda name: name.strip("."))))
def test_a_listing_takes_the_names_that_the_rules_call_videos(names: set[str]) -> None:
    """The walk looks the ending up by itself, since it asks about each file."""
    rules = Rules(extensions=frozenset({"mkv", "a"}))
    with tempfile.TemporaryDirectory() as root:
        for name in names:
            Path(root, name).touch()
        found = list_directory(root, "", rules)
    assert isinstance(found, Listing)
    assert {seen.name for seen in found.files} == {name for name in names if rules.is_video_name(name)}
