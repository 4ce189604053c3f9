"""Are files with the same bytes whose names say different works asked about? On real files."""

import os
import shutil
from collections.abc import Callable

from tests.cli.conftest import Reeld

Undecided = Callable[..., Reeld]


def copied(reeld: Reeld, source: str, *targets: str) -> None:
    for target in targets:
        path = reeld.videos / target
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(reeld.videos / source, path)
    scan(reeld)


def scan(reeld: Reeld) -> None:
    done = reeld.run("scan")
    assert done.returncode == 0, done.stderr.decode()


def verdicts(reeld: Reeld) -> dict[str, str]:
    return {
        os.path.relpath(row["path"], reeld.videos): row["verdict"]
        for row in reeld.json("list", "files")
        if row["state"] == "present"
    }


def test_the_same_bytes_as_two_films_are_asked_about(undecided: Undecided) -> None:
    reeld = undecided("Heat (1995).mkv")
    copied(reeld, "Heat (1995).mkv", "Ronin (1998).mkv", "again/Heat (1995).mkv")
    assert verdicts(reeld) == {
        "Heat (1995).mkv": "accepted",
        "again/Heat (1995).mkv": "accepted",
        "Ronin (1998).mkv": "pending",
    }
    (question,) = reeld.json("pending")
    assert question["reason"] == f"it has the same bytes as {reeld.videos}/Heat (1995).mkv, which is Heat (1995)"
    assert [each["title"] for each in question["candidates"]] == ["Ronin", "Heat"]
    assert [each["confidence"] for each in question["candidates"]] == [0.99, 0.99]
    assert question["candidates"][1]["evidence"] == [f"its copy {reeld.videos}/Heat (1995).mkv is this"]
    assert reeld.run("validate", str(question["file"]["id"]), "--candidate", "2").returncode == 0
    assert reeld.file("Ronin (1998).mkv")["title"] == "Heat"
    scan(reeld)
    assert set(verdicts(reeld).values()) == {"accepted"}


def test_the_question_goes_when_its_cause_goes_and_comes_again_with_it(undecided: Undecided) -> None:
    reeld = undecided("Heat (1995).mkv")
    copied(reeld, "Heat (1995).mkv", "Ronin (1998).mkv")
    heat, again = reeld.videos / "Heat (1995).mkv", reeld.videos / "Ronin 1998 1080p.mkv"
    heat.rename(again)
    scan(reeld)
    assert set(verdicts(reeld).values()) == {"accepted"}
    again.rename(heat)
    scan(reeld)
    assert verdicts(reeld) == {"Heat (1995).mkv": "accepted", "Ronin (1998).mkv": "pending"}
    heat.write_bytes(heat.read_bytes() + b"more")
    scan(reeld)
    assert set(verdicts(reeld).values()) == {"accepted"}


def test_the_word_of_a_user_counts_most(undecided: Undecided) -> None:
    reeld = undecided("Heat (1995).mkv")
    copied(reeld, "Heat (1995).mkv", "Ronin (1998).mkv")
    ronin, heat = reeld.file("Ronin (1998).mkv")["id"], reeld.file("Heat (1995).mkv")["id"]
    assert reeld.run("validate", str(ronin), "--candidate", "1").returncode == 0
    scan(reeld)
    assert verdicts(reeld) == {"Heat (1995).mkv": "pending", "Ronin (1998).mkv": "accepted"}
    assert reeld.run("validate", str(heat), "--candidate", "1").returncode == 0
    scan(reeld)
    rows = {row["id"]: (row["title"], row["decided_by"]) for row in reeld.json("list", "files")}
    assert rows == {heat: ("Heat", "user"), ronin: ("Ronin", "user")}
    assert reeld.json("pending") == []


def test_other_names_and_versions_of_one_work_are_not_asked_about(undecided: Undecided) -> None:
    reeld = undecided("Heat (1995).mkv", "Kin/Season 1/Kin S01E01.mkv", "Big (1988).mkv")
    copied(reeld, "Heat (1995).mkv", "heat.1995.1080p.BluRay.mkv")
    copied(reeld, "Kin/Season 1/Kin S01E01.mkv", "Kin/Season 1/Kin 1x01.mkv", "Kin/Season 1/Kin S01E02.mkv")
    os.link(reeld.videos / "Big (1988).mkv", reeld.videos / "Tootsie (1982).mkv")
    scan(reeld)
    assert {name for name, verdict in verdicts(reeld).items() if verdict != "accepted"} == {
        "Kin/Season 1/Kin S01E02.mkv",
        "Tootsie (1982).mkv",
    }
