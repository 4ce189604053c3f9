"""Is it counted who read the headers, and is it told when both readers differ?"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from reeld.content.readings import Read, Readings, differences
from reeld.domain.content import MediaFacts
from reeld.domain.files import FileStamp
from reeld.errors import FileChanged, WorkerDied
from tests.content.reading import probe
from tests.videos import make_video, remux

_ANSWER = {
    "has_video": True,
    "has_audio": True,
    "container": "matroska",
    "duration_ms": 1088,
    "width": 64,
    "height": 48,
    "codec_video": "mpeg4",
    "codec_audio": "aac",
    "languages": ["en"],
    "is_truncated": False,
    "is_whole": True,
}
"""What the prober says of an ordinary film, of which the own reader finds the same but for the padding of its sound."""


class _Prober:
    """Answers, and counts how often it is asked."""

    def __init__(self, **changes: Any) -> None:
        self.asked = 0
        self._answer = _ANSWER | changes

    def __call__(self, _request: dict[str, Any], _descriptors: Sequence[int]) -> dict[str, Any]:
        self.asked += 1
        return self._answer


def _probe(path: Path, prober: Any, readings: Readings) -> MediaFacts:
    return probe(str(path), FileStamp.of(path.stat()), prober, readings)


def test_one_of_many_files_is_read_by_both(tmp_path: Path) -> None:
    film, prober, readings = make_video(tmp_path / "a.mkv"), _Prober(), Readings(compare_every=3)
    with capture_logs() as logged:
        for _ in range(7):
            assert _probe(film, prober, readings).duration_ms == 1000
    assert (prober.asked, logged) == (2, [])
    assert readings.read == Read(own=7, compared=2)


def test_a_difference_is_told_and_the_bytes_decide(tmp_path: Path) -> None:
    film, readings = make_video(tmp_path / "a.mkv"), Readings(compare_every=1)
    with capture_logs() as logged:
        found = _probe(film, _Prober(width=66, languages=["de"]), readings)
    assert (found.width, found.languages) == (64, ("en",))
    (event,) = logged
    assert (event["event"], event["path"]) == ("headers.disagreed", str(film))
    assert event["facts"] == {"width": [64, 66], "languages": [("en",), ("de",)]}
    assert readings.read == Read(own=1, compared=1, disagreed=1)


def test_a_prober_that_dies_of_a_comparison_costs_the_file_nothing(tmp_path: Path) -> None:
    def die(*_: Any) -> dict[str, Any]:
        raise WorkerDied("it died")

    readings = Readings(compare_every=1)
    assert _probe(make_video(tmp_path / "a.mkv"), die, readings).problem is None
    assert readings.read == Read(own=1)


def test_a_file_that_changes_during_a_comparison_goes_back_and_is_no_difference(tmp_path: Path) -> None:
    film, readings = make_video(tmp_path / "a.mkv"), Readings(compare_every=1)

    def grow(*_: Any) -> dict[str, Any]:
        film.write_bytes(film.read_bytes() + b"more")
        return _ANSWER | {"width": 66}

    with pytest.raises(FileChanged):
        _probe(film, grow, readings)
    assert readings.read == Read(own=1)


def test_what_the_prober_reads_is_counted_and_what_is_no_video_is_not(tmp_path: Path) -> None:
    broadcast, text, readings = tmp_path / "a.ts", tmp_path / "b.mkv", Readings(compare_every=1)
    broadcast.write_bytes(remux("mpegts"))
    text.write_text("no video\n")
    for path in (broadcast, text):
        _probe(path, _Prober(), readings)
    assert readings.read == Read(prober=1)


def test_the_padding_of_sound_is_no_difference_and_a_missing_length_is() -> None:
    one = MediaFacts(duration_ms=2043)
    assert differences(one, replace(one, duration_ms=2000)) == []
    assert differences(one, replace(one, duration_ms=1900)) == ["duration_ms"]
    assert differences(one, replace(one, duration_ms=None)) == ["duration_ms"]
