"""`reeld identify` says what it makes of names, in order, whatever they are."""

import json
import os

import pytest

from tests.cli.conftest import Reeld

KEYS = {
    "path", "verdict", "kind", "title", "year", "season_number", "episode_numbers", "absolute_numbers", "air_date",
    "edition", "part", "tmdb_id", "tvdb_id", "imdb_id", "confidence", "evidence",
}  # fmt: skip


@pytest.fixture
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Reeld:
    """No configuration, no catalogue, no videos."""
    return Reeld(tmp_path_factory.mktemp("lonely"))


def identify(reeld: Reeld, *arguments: str, stdin: bytes = b"") -> list[dict[str, object]]:
    result = reeld.run("identify", "--json", *arguments, stdin=stdin, configured=False)
    assert result.returncode == 0, result.stderr.decode()
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_name_is_told_with_the_promised_keys(lonely: Reeld) -> None:
    film, episodes, extra, unsure = identify(
        lonely,
        "Movies/Heat (1995) {tmdb-949}/Heat (1995).mkv",
        "Friends.S10E17E18.1080p.BluRay.x264-GRP.mkv",
        "Movies/Heat (1995)/Sample/sample-heat.mkv",
        "holiday.mkv",
    )
    assert set(film) >= KEYS
    assert (film["verdict"], film["kind"], film["title"], film["year"]) == ("accepted", "movie", "Heat", 1995)
    assert film["tmdb_id"] == 949
    assert (episodes["verdict"], episodes["season_number"], episodes["episode_numbers"]) == ("accepted", 10, [17, 18])
    assert (extra["verdict"], extra["kind"], extra["title"]) == ("ignored", None, None)
    assert (unsure["verdict"], unsure["year"]) == ("pending", None)
    for row in (film, episodes, extra, unsure):
        assert row["evidence"]
    assert os.listdir(lonely.home) == []


def test_names_from_a_pipe_are_told_one_by_one_in_order(lonely: Reeld) -> None:
    names = [f"Some.Show.S01E{number:02}.1080p.WEB.x264-GRP.mkv" for number in range(1, 100)]
    names[40] = "S01-S99999999.mkv"
    rows = identify(lonely, "-", stdin="\n".join(names).encode())
    assert [row["path"] for row in rows] == names
    assert rows[40]["verdict"] == "pending"
    assert rows[98]["episode_numbers"] == [99]


def test_a_name_that_is_not_unicode_comes_back_as_its_bytes(lonely: Reeld) -> None:
    (row,) = identify(lonely, "-", stdin=b"caf\xe9.2004.mkv\n")
    assert os.fsencode(str(row["path"])) == b"caf\xe9.2004.mkv"


def test_what_a_library_would_not_look_at_is_ignored(lonely: Reeld) -> None:
    for name in (".hidden.mkv", "@eaDir/Heat (1995).mkv", "Heat (1995).mkv.part"):
        (row,) = identify(lonely, name)
        assert row["verdict"] == "ignored", name


def test_siblings_count_only_together(lonely: Reeld) -> None:
    names = [f"Bleach/Bleach - {number}.mkv" for number in range(360, 367)]
    alone = identify(lonely, *names)
    together = identify(lonely, "--together", *names)
    assert [row["path"] for row in together] == names
    assert [row["absolute_numbers"] for row in together] == [[number] for number in range(360, 367)]
    assert {row["verdict"] for row in together} == {"accepted"}
    assert [row["evidence"] for row in alone] != [row["evidence"] for row in together]


def test_nothing_in_is_nothing_out(lonely: Reeld) -> None:
    assert identify(lonely, "-") == []
