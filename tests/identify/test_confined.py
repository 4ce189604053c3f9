"""Do the confined children read names just as this process does? They may open no file: what loads late fails there."""

from reeld.config import Config
from reeld.diagnose.identify_batch import identify_in_parallel
from reeld.domain.identity import Clues, Sidecar
from reeld.identify.verdict import identify
from tests.identify.corpus import corpus_files, rows
from tests.identify.titles import FILE as GENERATED

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
    asked = _clues()
    config = Config(source=None, libraries=(), database_path="")
    answered = list(identify_in_parallel(asked, config))
    assert [clues for clues, _ in answered] == asked
    assert {clues.path: verdict for clues, verdict in answered if verdict != identify(clues)} == {}
