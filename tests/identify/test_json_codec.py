"""Clues and verdicts come through JSON unchanged, and one hostile name costs only itself."""

import json
import os
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reeld.domain.identity import Accepted, Clues, Ignored, Sidecar, Uncertain
from reeld.errors import WorkerDied, WorkerTimeout
from reeld.identify.batch import LARGEST_BATCH, LARGEST_SIDECARS, identify_all
from reeld.identify.child import LONGEST_READING_S, answer
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


def test_a_name_that_hangs_costs_two_time_limits_however_many_lie_beside_it() -> None:
    limits_reached: list[int] = []

    def ask(request: dict[str, Any]) -> dict[str, Any]:
        if any(clues["path"] == "hang.mkv" for clues in request["clues"]):
            limits_reached.append(len(request["clues"]))
            raise WorkerTimeout("no answer after 5 s")
        return answer(request)

    paths = [f"Dark.S01E{number:02}.mkv" for number in range(1, LARGEST_BATCH)]
    identify_all([Clues(path=path) for path in (*paths, "hang.mkv")], ask)
    assert limits_reached == [LARGEST_BATCH, 1]


def test_the_next_question_begins_where_an_answer_ends() -> None:
    """A batch of names that each take long never reaches the time limit."""
    asked: list[int] = []

    def ask(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(len(request["clues"]))
        seconds = count()
        return answer(request, clock=lambda: next(seconds) * LONGEST_READING_S / 2)

    clues = [Clues(path=f"Dark.S01E{number:02}.720p.mkv") for number in range(1, 6)]
    assert identify_all(clues, ask) == [identify(each) for each in clues]
    assert asked == [5, 3, 1]


def test_an_answer_without_a_verdict_is_not_asked_for_again_and_again() -> None:
    (verdict,) = identify_all([Clues(path="Dark.S01E01.720p.mkv")], lambda _request: {"verdicts": []})
    assert isinstance(verdict, Uncertain)
    assert "could not be read" in verdict.reason


def test_a_message_holds_no_more_nfo_bytes_than_a_child_can_hold() -> None:
    asked: list[int] = []

    def ask(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(len(request["clues"]))
        return answer(request)

    large = Sidecar(path="movie.nfo", content=bytes(LARGEST_SIDECARS // 2))
    too_large = Sidecar(path="movie.nfo", content=bytes(LARGEST_SIDECARS + 1))
    sidecars = [(large,), (large,), (large,), (too_large,), (), ()]
    identify_all([Clues(path="Heat (1995).mkv", sidecars=each) for each in sidecars], ask)
    assert asked == [2, 1, 1, 2]


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
