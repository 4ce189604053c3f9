"""Every row of the corpus is kept: nothing is accepted wrongly, and enough is accepted."""

from dataclasses import replace

import pytest

from reeld.config import Config
from reeld.diagnose.identify_batch import identify_in_parallel
from reeld.domain.identity import Accepted, Clues, Reading, Sidecar
from reeld.identify import verdict
from reeld.identify.evidence import gather
from reeld.identify.verdict import identify
from tests.identify.accuracy import GOALS, SHAPES, Figures
from tests.identify.corpus import Outcome, corpus_files, outcomes, outcomes_of_part, parts, rows
from tests.identify.titles import FILE as GENERATED

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
    [
        ("heldout.toml", 0.85, 0.95),
        ("heldout_adversarial.toml", 0.55, 0.88),
        ("heldout_releases.toml", 0.85, 0.95),
        ("titles.toml", 0.85, 0.95),
    ],
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
    monkeypatch.setattr(verdict, "gather", lambda clues: gather(clues).with_guess())
    for clues, said in unheard:
        heard = identify(clues)
        assert isinstance(heard, Accepted), clues.path
        assert _work(heard) == _work(said), clues.path


def _work(accepted: Accepted) -> Reading:
    return replace(accepted.reading, evidence=())


def _of_shape(shape: str) -> tuple[Outcome, ...]:
    return tuple(result for name in corpus_files() for result in outcomes(name) if result.row.shape == shape)


# --- in a confined child ---------------------------------------------------------------------------------


NFOS = (
    b"<movie><title>Heat</title><year>1995</year><uniqueid type='tmdb'>949</uniqueid></movie>",
    b"<tvshow><title>Heat</title></tvshow>",
    b"https://www.imdb.com/title/tt0113277/",
    b"<!DOCTYPE x [<!ENTITY a 'b'>]><movie><title>&a;</title></movie>",
    b"\xff\xfe\x00 no XML at all",
)
DISCS = ({"VTS_01_1.VOB": 9, "VTS_01_2.VOB": 8, "VTS_02_1.VOB": 1}, {"VTS_01_1.VOB": 9, "VTS_02_1.VOB": 8})


def _clues() -> list[Clues]:
    named = [row.clues for name in corpus_files() if name != GENERATED for row in rows(name)]
    beside = [
        Clues(path="Movies/Heat (1995)/heat.mkv", sidecars=(Sidecar(path=f"Movies/Heat (1995)/{name}", content=nfo),))
        for name in ("heat.nfo", "movie.nfo", "tvshow.nfo")
        for nfo in NFOS
    ]
    discs = [
        Clues(
            path=f"Movies/Heat (1995)/VIDEO_TS/{name}",
            siblings=tuple(other for other in sizes if other != name),
            size_bytes=size,
            sibling_sizes=tuple(other for beside, other in sizes.items() if beside != name),
        )
        for sizes in DISCS
        for name, size in sizes.items()
    ]
    sample = Clues(path="heat.1995.sample.mkv", siblings=("heat.1995.mkv",), size_bytes=1, sibling_sizes=(99,))
    return [*named, *beside, *discs, sample]


def test_a_confined_child_reads_every_name_as_this_process_does() -> None:
    """A confined child may open no file: what loads late fails there."""
    asked = _clues()
    config = Config(source=None, libraries=(), database_path="")
    answered = list(identify_in_parallel(asked, config))
    assert [clues for clues, _ in answered] == asked
    read = {each.row.clues: each.verdict for name in corpus_files() for each in outcomes(name)}
    here = {clues: read[clues] if clues in read else identify(clues) for clues in asked}
    assert {clues.path: verdict for clues, verdict in answered if verdict != here[clues]} == {}
