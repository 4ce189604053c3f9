"""Every row of the corpus is kept: nothing is accepted wrongly, and enough is accepted."""

from dataclasses import replace

import pytest

from reeld.domain.identity import Accepted, Reading
from reeld.identify import verdict
from reeld.identify.evidence import survey
from reeld.identify.verdict import identify
from tests.identify.accuracy import GOALS, SHAPES, Figures
from tests.identify.corpus import Outcome, corpus_files, outcomes, outcomes_of_part, parts

OWN_SHAPES = [(shape, hardness) for shape, hardness in SHAPES.items() if not shape.startswith(("held out", "titles"))]


@pytest.mark.parametrize(("name", "begin"), [(name, begin) for name in corpus_files() for begin in parts(name)])
def test_no_name_of_the_corpus_is_accepted_wrongly(name: str, begin: int) -> None:
    """In parts, since there is a limit to each test's time: the others find the outcomes made."""
    wrong = [result.row.clues.path for result in outcomes_of_part(name, begin) if result.is_wrongly_accepted]
    assert wrong == []


@pytest.mark.parametrize("name", ["films.toml", "series.toml"])
def test_every_row_gets_the_verdict_that_it_must_get(name: str) -> None:
    complaints = [(result.row.clues.path, result.complaint) for result in outcomes(name) if result.complaint]
    assert complaints == []


@pytest.mark.parametrize(("shape", "hardness"), OWN_SHAPES)
def test_enough_names_of_a_shape_are_accepted_and_read_right(shape: str, hardness: str) -> None:
    coverage, right = GOALS[hardness]
    figures = Figures.of(_of_shape(shape))
    assert figures.coverage >= coverage
    assert figures.right >= right


@pytest.mark.parametrize(
    ("name", "coverage", "right"),
    [("heldout.toml", 0.85, 0.95), ("heldout_adversarial.toml", 0.55, 0.88), ("titles.toml", 0.85, 0.95)],
)
def test_names_that_were_written_after_the_rules_fare_no_worse(name: str, coverage: float, right: float) -> None:
    figures = Figures.of(outcomes(name))
    assert figures.coverage >= coverage
    assert figures.right >= right


@pytest.mark.parametrize("name", corpus_files())
def test_where_all_others_agree_guessit_would_have_changed_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked only where they do not, for it takes long."""
    accepted = [(each.row.clues, each.verdict) for each in outcomes(name) if isinstance(each.verdict, Accepted)]
    unheard = [
        (clues, said) for clues, said in accepted if not any("guessit" in line for line in said.reading.evidence)
    ]
    monkeypatch.setattr(verdict, "survey", lambda clues: survey(clues).with_guess())
    for clues, said in unheard:
        heard = identify(clues)
        assert isinstance(heard, Accepted), clues.path
        assert _work(heard) == _work(said), clues.path


def _work(accepted: Accepted) -> Reading:
    return replace(accepted.reading, evidence=())


def _of_shape(shape: str) -> tuple[Outcome, ...]:
    return tuple(result for name in corpus_files() for result in outcomes(name) if result.row.shape == shape)
