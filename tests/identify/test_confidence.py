"""Test that scores mean something, and that what says little has a low one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.domain.identity import Accepted, Clues
from reeld.identify.confidence import ACCEPTED, Doubts, confidence
from reeld.identify.verdict import identify
from tests.identify.calibration import bins, first_of, unfitted

FARTHEST_OFF = 0.1

DOUBTS = st.builds(
    Doubts,
    has_title=st.booleans(),
    lacks_year=st.booleans(),
    has_year_of_one_reader=st.booleans(),
    lacks_number=st.booleans(),
    is_bare_name=st.booleans(),
    has_title_in_two_halves=st.booleans(),
    objections=st.integers(0, 9),
)


def test_of_the_proposals_with_one_score_that_share_is_right() -> None:
    found = bins(unfitted())
    assert max(abs(each.off) for each in found) <= FARTHEST_OFF, found


@pytest.mark.parametrize(
    "name",
    ["video", "Video 1", "title t00", "title_t00", "asdf1234", "IMG_2033", "untitled", "DVD_VIDEO", "Inception", "7"],
)
def test_a_bare_word_is_hardly_a_title(name: str) -> None:
    first = first_of(identify(Clues(path=f"{name}.mkv")))
    assert first is None or first.score < 0.3


def test_a_name_that_says_more_is_likelier() -> None:
    names = ("Heat.mkv", "Heat.DVDRip.XviD-GRP.mkv", "Heat.1995.1080p.BluRay.x264-GRP.mkv")
    verdicts = [identify(Clues(path=name)) for name in names]
    scores = [first.score for verdict in verdicts if (first := first_of(verdict))]
    assert scores == sorted(scores)
    assert isinstance(verdicts[-1], Accepted)
    assert scores[-1] == ACCEPTED


@given(DOUBTS)
def test_a_question_is_never_as_sure_as_an_acceptance(doubts: Doubts) -> None:
    assert 0 < confidence(doubts) < ACCEPTED
