"""A release is read word by word, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.domain.identity import Accepted, Clues, Reading
from reeld.identify import evidence
from reeld.identify.release_reader import read_release
from reeld.identify.verdict import identify


def _forbid_guessit(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        pytest.fail(f"guessit was asked for {name}")

    monkeypatch.setattr(evidence, "guess", fail)


def _film(title: str, year: int) -> Reading:
    return Reading(kind="movie", title=title, year=year)


def _episode(title: str, season: int, *episodes: int) -> Reading:
    return Reading(kind="episode", title=title, season_number=season, episode_numbers=episodes)


UNDERSTOOD = {
    "The.Silent.Harbor.1987.1080p.BluRay.x264-GRP": _film("The Silent Harbor", 1987),
    "The.Silent.Harbor.1987.EXTENDED.1080p.AMZN.WEB-DL.DDP5.1.H.265-GRP": _film("The Silent Harbor", 1987),
    "The.Silent.Harbor.1987.UHD.BluRay.2160p.x265.10bit.HDR.TrueHD.7.1.Atmos-GRP": _film("The Silent Harbor", 1987),
    "The.Silent.Harbor.1987.German.DL.DTS-HD.MA.5.1.1080p.BluRay-GRP": _film("The Silent Harbor", 1987),
    "The.Silent.Harbor.1987.The.Final.Cut.1080p.BluRay.x264-GRP": _film("The Silent Harbor", 1987),
    "Harbor.1987.DVDRip.XviD.AC3-GRP": _film("Harbor", 1987),
    "Harbor.S02E03.1080p.WEB.H264-GRP": _episode("Harbor", 2, 3),
    "The.Silent.Harbor.s02e03e04.The.Old.Ship.PROPER.720p.HDTV.x264-GRP": _episode("The Silent Harbor", 2, 3, 4),
}
NOT_UNDERSTOOD = {
    "a word that is no tag behind the year": "The.Silent.Harbor.1987.Boats.1080p.BluRay.x264-GRP",
    "two years": "The.Silent.Harbor.1987.1988.1080p.BluRay.x264-GRP",
    "a year in the title": "Harbor.2049.1987.1080p.BluRay.x264-GRP",
    "a number in the title": "Harbor.2.1987.1080p.BluRay.x264-GRP",
    "a lone number behind the year": "The.Silent.Harbor.1987.2.1080p.BluRay.x264-GRP",
    "a tag in the title": "The.Real.Harbor.1987.1080p.BluRay.x264-GRP",
    "a language in the title": "The.Italian.Harbor.1987.1080p.BluRay.x264-GRP",
    "an edition in the title": "Harbor.EXTENDED.1987.1080p.BluRay.x264-GRP",
    "a country's code at the end": "The.Silent.Harbor.US.S02E03.1080p.WEB.H264-GRP",
    "a lone letter": "Harbor.X.1987.1080p.BluRay.x264-GRP",
    "an acronym": "S.H.I.P.1987.1080p.BluRay.x264-GRP",
    "no quality": "The.Silent.Harbor.1987.German-GRP",
    "no group": "The.Silent.Harbor.1987.1080p.BluRay.x264",
    "a tag in the place of the group": "The.Silent.Harbor.1987.1080p.BluRay-x264",
    "something behind the group": "The.Silent.Harbor.1987.1080p.BluRay.x264-GRP[site]",
    "spaces": "The Silent Harbor 1987 1080p BluRay x264-GRP",
    "no title": "1987.1080p.BluRay.x264-GRP",
    "two markers": "Harbor.S02E03.S02E04.1080p.WEB.H264-GRP",
    "a number in the episode's title": "Harbor.S02E03.Ship.04.1080p.WEB.H264-GRP",
    "a tag inside the episode's title": "Harbor.S02E03.Real.Ship.1080p.WEB.H264-GRP",
    "a part behind the marker": "Harbor.S02E03a.1080p.WEB.H264-GRP",
    "films that no database of films knows": "Silent.Harbor.XXX.1987.1080p.WEB.H264-GRP",
    "two dots": "The.Silent..Harbor.1987.1080p.BluRay.x264-GRP",
}


@pytest.mark.parametrize(("name", "expected"), UNDERSTOOD.items())
def test_a_release_of_known_words_is_understood(name: str, expected: Reading) -> None:
    assert read_release(name) == expected


@pytest.mark.parametrize("name", NOT_UNDERSTOOD.values(), ids=list(NOT_UNDERSTOOD))
def test_a_word_that_may_mean_something_else_leaves_the_name_unread(name: str) -> None:
    assert read_release(name) is None


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_a_release_that_is_understood_is_accepted_without_guessit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _forbid_guessit(monkeypatch)
    assert isinstance(identify(Clues(path=f"{name}.mkv")), Accepted)


def test_what_speaks_against_a_release_is_heard() -> None:
    """A release that is understood is support for a candidate, and resolves no objection."""
    for path in (
        "Series/Harbor/The.Silent.Harbor.1987.1080p.BluRay.x264-GRP.mkv",
        "Another Film (1999)/The.Silent.Harbor.1987.1080p.BluRay.x264-GRP.mkv",
        "The.Silent.Harbor.1987.720p.HDTV.x264-GRP.mkv",
        "Movies/Harbor.S02E03.1080p.WEB.H264-GRP.mkv",
        "Harbor/Season 1/Harbor.S02E03.1080p.WEB.H264-GRP.mkv",
    ):
        assert not isinstance(identify(Clues(path=path)), Accepted), path


@given(st.text(alphabet="aZ.-'1290sSeE x264(é", max_size=300))
def test_no_name_raises(name: str) -> None:
    read_release(name)
