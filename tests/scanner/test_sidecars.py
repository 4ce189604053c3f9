"""Test that the rows of sidecars follow the disk, and the names of the videos around them."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.catalog.models import Sidecar
from reeld.database.base import database
from reeld.database.connection import writing
from reeld.identify.sidecar_names import READERS
from reeld.watch.hints import Hint
from reeld.watch.walk import RootSeen, check_root
from tests.privileges import humble
from tests.scanner.test_compare import World, _no_broken_lease_kills_us, take_listing, world

__all__ = ["_no_broken_lease_kills_us", "world"]

FILM = "Heat (1995)/Heat (1995).mkv"


def owners() -> dict[str, str]:
    """The video, or the kind of owner, of each sidecar, by path."""
    return {row.path: row.video_path or row.owner for row in Sidecar.select()}


def rows() -> list[dict[str, Any]]:
    """All rows without their ids, which tell only in which order they came."""
    found = Sidecar.select().order_by(Sidecar.library, Sidecar.path).dicts()
    return [{name: value for name, value in row.items() if name != "id"} for row in found]


def rows_of_a_fresh_scan(world: World) -> list[dict[str, Any]]:
    with writing():
        Sidecar.delete().execute()
    world.restart()
    world.look()
    return rows()


def seen(world: World) -> RootSeen:
    found = check_root(str(world.root))
    assert isinstance(found, RootSeen)
    return found


def only(folder: str) -> Hint:
    return Hint(relative=folder, is_recursive=False)


@pytest.fixture
def film(world: World) -> World:
    """A film with a subtitle, a pack of subtitles, a .nfo and a picture."""
    world.write(FILM)
    world.write("Heat (1995)/Heat (1995).en.forced.srt", "1")
    world.write("Heat (1995)/Heat (1995).nfo", "<movie/>")
    world.write("Heat (1995)/poster.jpg", "picture")
    world.write("Heat (1995)/Subs/2_French.srt", "2")
    world.write("Heat (1995)/notes.txt", "no sidecar")
    world.look()
    return world


def test_a_scan_records_what_each_sidecar_is_and_whose(film: World) -> None:
    assert owners() == {
        "Heat (1995)/Heat (1995).en.forced.srt": FILM,
        "Heat (1995)/Heat (1995).nfo": FILM,
        "Heat (1995)/poster.jpg": FILM,
        "Heat (1995)/Subs/2_French.srt": FILM,
    }
    subtitle = Sidecar.get(Sidecar.language == "en")
    status = (film.root / subtitle.path).stat()
    assert (subtitle.kind, subtitle.is_forced, subtitle.is_sdh) == ("subtitle", True, False)
    assert (subtitle.directory, subtitle.filename) == os.path.split(subtitle.path)
    assert (subtitle.size_bytes, subtitle.mtime_ns) == (status.st_size, status.st_mtime_ns)


def test_what_is_the_same_costs_not_one_write(film: World) -> None:
    before = database.connection().total_changes
    film.look()
    film.restart()
    film.look()
    film.look(only("Heat (1995)"))
    assert database.connection().total_changes == before


def test_a_sidecar_that_comes_changes_or_goes_is_seen_by_a_look_into_its_folder(film: World) -> None:
    new = film.write("Heat (1995)/Heat (1995).de.srt", "new")
    film.look(only("Heat (1995)"))
    assert Sidecar.get(Sidecar.language == "de").size_bytes == 3
    new.write_text("longer")
    film.look(only("Heat (1995)"))
    assert Sidecar.get(Sidecar.language == "de").size_bytes == 6
    new.unlink()
    film.look(only("Heat (1995)"))
    assert Sidecar.get_or_none(Sidecar.language == "de") is None
    assert rows() == rows_of_a_fresh_scan(film)


def test_a_video_that_is_renamed_or_moved_together_with_its_sidecars_keeps_them(film: World) -> None:
    (film.root / "Ronin (1998)").mkdir()
    for suffix in ("mkv", "en.forced.srt", "nfo"):
        path = film.root / f"Heat (1995)/Heat (1995).{suffix}"
        path.rename(film.root / f"Ronin (1998)/Ronin (1998).{suffix}")
    film.look(only("Heat (1995)"))
    film.look(Hint(relative="Ronin (1998)", is_recursive=True))
    video = "Ronin (1998)/Ronin (1998).mkv"
    assert owners() == {
        "Ronin (1998)/Ronin (1998).en.forced.srt": video,
        "Ronin (1998)/Ronin (1998).nfo": video,
        "Heat (1995)/poster.jpg": "folder",
        "Heat (1995)/Subs/2_French.srt": "none",
    }
    assert rows() == rows_of_a_fresh_scan(film)


def test_a_video_that_is_renamed_alone_leaves_orphans(film: World) -> None:
    (film.root / FILM).rename(film.root / "Heat (1995)/Heat.mkv")
    film.look(only("Heat (1995)"))
    assert owners()["Heat (1995)/Heat (1995).en.forced.srt"] == "Heat (1995)/Heat.mkv", "it is of the same title"
    (film.root / "Heat (1995)/Heat.mkv").rename(film.root / "Heat (1995)/Ronin (1998).mkv")
    film.look(only("Heat (1995)"))
    assert owners()["Heat (1995)/Heat (1995).en.forced.srt"] == "none"
    assert rows() == rows_of_a_fresh_scan(film)


def test_a_folder_that_is_moved_takes_its_sidecars_along(film: World) -> None:
    (film.root / "Films").mkdir()
    (film.root / "Heat (1995)").rename(film.root / "Films/Heat (1995)")
    film.look(only(""))
    assert owners() == {}
    film.look(Hint(relative="Films", is_recursive=True))
    assert owners()["Films/Heat (1995)/Subs/2_French.srt"] == f"Films/{FILM}"
    assert len(owners()) == 4


def test_a_video_that_comes_or_goes_changes_the_owners_in_the_folder_of_subtitles(film: World) -> None:
    """Its event names only its own folder."""
    (film.root / FILM).unlink()
    film.look(only("Heat (1995)"))
    assert owners()["Heat (1995)/Subs/2_French.srt"] == "none"
    film.write("Heat (1995)/Heat.1995.mkv")
    film.look(only("Heat (1995)"))
    assert owners()["Heat (1995)/Subs/2_French.srt"] == "Heat (1995)/Heat.1995.mkv"


def test_a_subtitle_that_comes_into_a_pack_is_compared_with_the_videos_around(film: World) -> None:
    film.write("Heat (1995)/Subs/3_German.srt")
    film.look(only("Heat (1995)/Subs"))
    assert owners()["Heat (1995)/Subs/3_German.srt"] == FILM


def test_a_pack_whose_folder_cannot_be_read_keeps_its_rows(film: World) -> None:
    before = rows()
    film.write("Heat (1995)/Subs/3_German.srt")
    (film.root / "Heat (1995)").chmod(0o100)
    try:
        with humble():
            film.look(only("Heat (1995)/Subs"))
    finally:
        (film.root / "Heat (1995)").chmod(0o755)
    assert rows() == before


@pytest.mark.parametrize("hint", [Hint(relative="", is_recursive=True), only("Heat (1995)"), only("")])
def test_a_folder_that_cannot_be_read_keeps_its_rows(film: World, hint: Hint) -> None:
    before = rows()
    (film.root / "Heat (1995)").chmod(0)
    try:
        with humble():
            film.look(hint)
    finally:
        (film.root / "Heat (1995)").chmod(0o755)
    assert len(before) == 4
    assert rows() == before


def test_a_disk_below_that_is_away_keeps_its_rows(film: World) -> None:
    before = rows()
    shutil.rmtree(film.root / "Heat (1995)")
    film.look(seen=replace(seen(film), away=("Heat (1995)",)))
    assert rows() == before
    film.look()
    assert rows() == []


def test_another_root_changes_no_row(film: World) -> None:
    before = rows()
    (film.root / "poster.jpg").write_text("of another disk")
    take_listing(film, lambda: False)
    film.look(seen=replace(seen(film), fs_id=12345))
    assert rows() == before


def test_a_folder_or_a_name_that_the_rules_ignore_from_now_on_loses_its_rows(film: World) -> None:
    film.restart(ignore_patterns=("*.nfo", "Subs/"))
    film.look()
    assert sorted(owners()) == ["Heat (1995)/Heat (1995).en.forced.srt", "Heat (1995)/poster.jpg"]


def test_the_minimum_size_of_videos_is_none_of_sidecars(film: World) -> None:
    before = rows()
    film.restart(minimum_size_bytes=1_000_000)
    film.look()
    assert rows() == before


def test_all_names_are_read_again_by_a_reeld_that_reads_them_otherwise(
    film: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows()
    monkeypatch.setattr("reeld.scanner.sidecars.READERS", READERS + 1)
    with writing():
        Sidecar.update(language="xx").execute()
    film.look()
    assert [replace_clues(row) for row in rows()] == [replace_clues(row) for row in before]


def replace_clues(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"clues": None}


def test_a_video_that_reeld_does_not_take_still_has_its_sidecars(world: World) -> None:
    world.write("a/Heat.avi")
    world.write("a/Heat.srt")
    (world.root / "b").mkdir()
    (world.root / "b/Ronin.mkv").symlink_to(world.root / "a/Heat.avi")
    world.write("b/Ronin.srt")
    world.look()
    assert owners() == {"a/Heat.srt": "a/Heat.avi", "b/Ronin.srt": "b/Ronin.mkv"}


def test_a_name_that_is_no_text_has_a_row_as_well(world: World) -> None:
    for name in (b"caf\xe9.mkv", b"caf\xe9.fr.srt"):
        (world.root / os.fsdecode(name)).write_text("x")
    world.look()
    (row,) = Sidecar.select()
    assert (os.fsencode(row.path), os.fsencode(row.video_path), row.language) == (
        b"caf\xe9.fr.srt",
        b"caf\xe9.mkv",
        "fr",
    )
    before = database.connection().total_changes
    world.look()
    assert database.connection().total_changes == before


def test_a_large_folder_is_not_written_again_for_one_sidecar(world: World) -> None:
    for number in range(50):
        world.write(f"Film {number:02}.mkv")
        world.write(f"Film {number:02}.srt")
    world.look()
    ids = {row.path: row.id for row in Sidecar.select()}
    (world.root / "Film 07.srt").unlink()
    world.write("Film 08.en.srt")
    world.look()
    now = {row.path: row.id for row in Sidecar.select()}
    assert {path: now[path] for path in ids if path in now} == {
        path: row_id for path, row_id in ids.items() if path != "Film 07.srt"
    }
    assert len(now) == 50


# --- whatever happens ------------------------------------------------------------------------------------

FOLDERS = ("", "A", "A/Subs", "A/Subs/Film", "A/Season 1", "B", "B/Subs")
NAMES = (
    *("Film.mkv", "Film-trailer.mkv", "Show S01E01.mkv", "Film.srt", "Film.en.srt", "Film.hi.srt", "2_English.srt"),
    *("Film.nfo", "grp.nfo", "poster.jpg", "Film.jpg", "Film.idx", "Film.txt"),
)
OPERATIONS = st.tuples(
    st.sampled_from(("add", "add", "add", "change", "delete", "move", "move_folder", "delete_folder")),
    st.sampled_from(FOLDERS),
    st.sampled_from(NAMES),
    st.sampled_from(FOLDERS),
    st.sampled_from(NAMES),
)


def _operate(root: Path, what: str, folder: str, name: str, to_folder: str, to_name: str) -> list[Hint]:
    """Do something on the disk, if that is possible, and return what events would mark."""
    path, other = root / folder / name, root / to_folder / to_name
    hints: dict[str, bool] = {}
    if what == "add":
        made = [each for each in FOLDERS if each and not (root / each).exists() and f"{folder}/".startswith(f"{each}/")]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("new")
        hints |= {made[0]: True, os.path.dirname(made[0]): False} if made else {folder: False}
    elif what == "change" and path.exists():
        path.write_text(path.read_text() + "more")
        hints |= {folder: False}
    elif what == "delete" and path.exists():
        path.unlink()
        hints |= {folder: False}
    elif what == "move" and path.exists() and other.parent.exists():
        path.rename(other)
        hints |= {folder: False, to_folder: False}
    elif what == "delete_folder" and folder and (root / folder).exists():
        shutil.rmtree(root / folder)
        hints |= {os.path.dirname(folder): False}
    elif what == "move_folder" and folder and (root / folder).exists() and to_folder:
        target = root / to_folder
        if not target.exists() and target.parent.exists() and not f"{to_folder}/".startswith(f"{folder}/"):
            (root / folder).rename(target)
            hints |= {os.path.dirname(folder): False, os.path.dirname(to_folder): False, to_folder: True}
    return [Hint(relative=relative, is_recursive=is_recursive) for relative, is_recursive in hints.items()]


@settings(max_examples=60, suppress_health_check=list(HealthCheck), derandomize=True)
@given(operations=st.lists(OPERATIONS, min_size=5, max_size=25))
def test_whatever_happens_the_rows_are_those_of_a_fresh_scan(
    world: World, operations: list[tuple[str, str, str, str, str]]
) -> None:
    """Each change is told by the hints that its events give, and by nothing else."""
    with writing():
        Sidecar.delete().execute()
    shutil.rmtree(world.root)
    world.root.mkdir()
    world.restart()
    for operation in operations:
        for hint in _operate(world.root, *operation):
            world.look(hint)
    found = rows()
    assert found == rows_of_a_fresh_scan(world)
