"""What lies under some names of a folder, and what is not claimed to be known of it?"""

import os

from reeld.watch.walk import Found, RootSeen, Unreadable, check_root, stat_names
from tests.watch.conftest import RunAsOther
from tests.watch.test_walk import put


def seen(root: str) -> RootSeen:
    found = check_root(root)
    assert isinstance(found, RootSeen)
    return found


def found_in(root: str, relative: str, *names: str) -> Found:
    found = stat_names(root, relative, names, seen=seen(root))
    assert isinstance(found, Found)
    return found


def test_what_is_there_has_its_status_and_what_is_not_is_absent(library: str) -> None:
    path = put(library, "a/film.mkv")
    found = found_in(library, "a", "film.mkv", "other.mkv")
    assert found.by_name == {"film.mkv": os.stat(path), "other.mkv": None}
    assert found.device == os.stat(library).st_dev


def test_in_a_folder_that_is_gone_everything_is_absent(library: str) -> None:
    put(library, "a/film.mkv")
    assert found_in(library, "b/c", "film.mkv").by_name == {"film.mkv": None}
    assert found_in(library, "a/film.mkv/c", "film.mkv").by_name == {"film.mkv": None}


def test_a_link_in_a_folders_place_leads_nowhere(library: str) -> None:
    put(library, "a/film.mkv")
    os.symlink("a", f"{library}/b")
    assert found_in(library, "b", "film.mkv").by_name == {"film.mkv": None}


def test_a_name_that_cannot_be_looked_at_is_not_said_to_be_absent(library: str) -> None:
    assert found_in(library, "", "x" * 300, "film.mkv").by_name == {"film.mkv": None}


def test_nothing_is_said_of_a_root_that_became_another_folder(library: str) -> None:
    before = seen(library)
    os.rename(library, f"{library}.away")
    os.mkdir(library)
    assert isinstance(stat_names(library, "a", ["film.mkv"], seen=before), Unreadable)


def test_nothing_is_said_of_a_folder_that_may_not_be_entered(library: str, run_as_other: RunAsOther) -> None:
    put(library, "closed/film.mkv")
    os.chmod(f"{library}/closed", 0)
    code = """
import json, sys
from reeld.watch.walk import check_root, stat_names
print(json.dumps(type(stat_names(sys.argv[1], "closed", ["film.mkv"], seen=check_root(sys.argv[1]))).__name__))
"""
    assert run_as_other(code, library) == "Unreadable"
