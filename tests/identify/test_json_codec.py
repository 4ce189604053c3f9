"""Clues and verdicts come through JSON unchanged, and one hostile name costs only itself."""

import json
import os
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reeld.domain.identity import Accepted, Clues, Ignored, Sidecar, Uncertain
from reeld.errors import WorkerDied, WorkerTimeout
from reeld.identify.batch import identify_all
from reeld.identify.child import answer
from reeld.identify.json_codec import clues_from_wire, clues_to_wire, verdict_from_wire, verdict_to_wire
from reeld.identify.verdict import identify
from reeld.sandbox import Limits
from reeld.service.worker_pool import WorkerPool

raw_names = st.binary(max_size=40).map(os.fsdecode)


@given(
    path=raw_names,
    siblings=st.lists(raw_names, max_size=3),
    content=st.binary(max_size=40),
    duration_ms=st.none() | st.integers(0),
)
def test_clues_come_through_json_unchanged(
    path: str, siblings: list[str], content: bytes, duration_ms: int | None
) -> None:
    clues = Clues(
        path=path,
        siblings=tuple(siblings),
        sidecars=(Sidecar(path=path, content=content),),
        library_kind="series",
        duration_ms=duration_ms,
    )
    assert clues_from_wire(json.loads(json.dumps(clues_to_wire(clues)))) == clues


def test_verdicts_come_through_json_unchanged() -> None:
    for path in (
        "Friends.S10E17E18.1080p.mkv",
        "Am\udce9lie.mkv",
        "Movies/Heat (1995)/Heat (1995)-trailer.mkv",
        "Bleach - 366.mkv",
    ):
        verdict = identify(Clues(path=path))
        assert verdict_from_wire(json.loads(json.dumps(verdict_to_wire(verdict)))) == verdict


def test_a_name_that_hangs_or_kills_its_reader_costs_only_itself() -> None:
    def ask(request: dict[str, Any]) -> dict[str, Any]:
        paths = [clues["path"] for clues in request["clues"]]
        if "hang.mkv" in paths:
            raise WorkerTimeout("no answer after 5 s")
        if "crash.mkv" in paths:
            raise WorkerDied("ended by a signal")
        return answer(request)

    paths = [f"Dark.S01E{number:02}.720p.mkv" for number in range(1, 80)]
    paths[13], paths[70] = "hang.mkv", "crash.mkv"
    verdicts = identify_all([Clues(path=path) for path in paths], ask)
    assert len(verdicts) == len(paths)
    for path, verdict in zip(paths, verdicts, strict=True):
        if path in ("hang.mkv", "crash.mkv"):
            assert isinstance(verdict, Uncertain)
            assert "could not be read" in verdict.reason
        else:
            assert isinstance(verdict, Accepted)


def test_a_confined_process_gives_the_same_verdicts() -> None:
    """After it is confined it can open no file: all of guessit's tables must be loaded by then."""
    paths = [
        "The.Matrix.1999.1080p.BluRay.x264-GROUP.mkv",
        "Le Bureau des légendes (2015) - S01E01 - VOSTFR AAC x264 720p.mkv",
        "Babylon.Berlin.S03E01.GERMAN.SUBBED.NORDIC.pt-br.1080p.WEB.x264-WvF.mkv",
        "The.Office.AU.S01E01.Croatian.Hindi.ukr.720p.mkv",
        "Movies/Heat (1995)/Heat (1995)-trailer.mkv",
        "Am\udce9lie.mkv",
    ]
    clues = [Clues(path=path) for path in paths]
    pool = WorkerPool("reeld.identify.child", 1, Limits(descriptors=0))
    try:
        verdicts = identify_all(clues, lambda request: pool.call(request, timeout_s=150))
    finally:
        pool.close()
    assert verdicts == [identify(one) for one in clues]
    assert any(isinstance(verdict, Ignored) for verdict in verdicts)
