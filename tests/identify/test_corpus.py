"""Every row of the corpus is kept: nothing is accepted wrongly, and enough is accepted."""

import pytest

from tests.identify.accuracy import GOALS, SHAPES, Figures
from tests.identify.corpus import Outcome, corpus_files, outcomes

OWN_SHAPES = [(shape, hardness) for shape, hardness in SHAPES.items() if not shape.startswith(("held out", "titles"))]


@pytest.mark.parametrize("name", corpus_files())
def test_no_name_of_the_corpus_is_accepted_wrongly(name: str) -> None:
    wrong = [result.row.clues.path for result in outcomes(name) if result.is_wrongly_accepted]
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


def _of_shape(shape: str) -> tuple[Outcome, ...]:
    return tuple(result for name in corpus_files() for result in outcomes(name) if result.row.shape == shape)
