"""What reeld says of a video's inside: true for real ones, plain for others, and safe with hostile ones."""

import errno
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from reeld.content.probe_child import facts
from reeld.content.readings import Ask
from reeld.domain.content import MediaFacts
from reeld.domain.files import FileStamp
from reeld.errors import FileChanged, FileNotRegular, FileUnreadable, FileVanished, WorkerDied, WorkerTimeout
from reeld.sandbox import MEMORY_SHARE, Limits
from reeld.service.worker_pool import WorkerPool
from tests.content import standin_prober
from tests.content.both_readers import probe_by_both
from tests.content.reading import probe
from tests.content.standin_prober import order
from tests.videos import make_video, remux, video_bytes

PROBER = "reeld.content.probe_child"


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(PROBER, 1, Limits())
    yield pool
    pool.close()


@pytest.fixture
def ask(pool: WorkerPool) -> Ask:
    return lambda request, descriptors: pool.call(request, descriptors, timeout_s=150)


def _probe(path: Path, ask: Ask) -> MediaFacts:
    return probe(str(path), FileStamp.of(path.stat()), ask)


def _film(path: Path) -> Path:
    """Write a whole film that reeld's own reader leaves to the prober."""
    path.write_bytes(remux("mpegts"))
    return path


def _refuse_to_answer(_request: dict[str, Any], _descriptors: Sequence[int]) -> dict[str, Any]:
    raise AssertionError("the prober was asked")


def _say(answer: dict[str, Any]) -> Ask:
    return lambda _request, _descriptors: answer


def test_a_matroska_film_is_described(tmp_path: Path, ask: Ask) -> None:
    path = make_video(tmp_path / "a.mkv", duration_s=5400, audio_language="fre", subtitle_language="eng")
    assert probe_by_both(path, ask) == MediaFacts(
        container="matroska",
        duration_ms=5_400_000,
        width=64,
        height=48,
        codec_video="mpeg4",
        codec_audio="aac",
        languages=("fr",),
        subtitle_languages=("en",),
        end="there",
    )


def test_an_mp4_film_is_described(tmp_path: Path, ask: Ask) -> None:
    found = probe_by_both(make_video(tmp_path / "a.mp4", subtitle_language="ger"), ask)
    assert (found.container, found.codec_video, found.codec_audio) == ("mp4", "mpeg4", "aac")
    assert (found.languages, found.subtitle_languages, found.problem) == (("en",), ("de",), None)


def test_an_avi_film_is_described(tmp_path: Path, ask: Ask) -> None:
    found = probe_by_both(make_video(tmp_path / "a.avi"), ask)
    assert (found.container, found.codec_video, found.codec_audio) == ("avi", "mpeg4", "mp2")
    assert (found.languages, found.problem) == ((), None)


def test_a_language_that_nobody_named_is_not_known(tmp_path: Path, ask: Ask) -> None:
    assert probe_by_both(make_video(tmp_path / "a.mkv", audio_language=None), ask).languages == ()


def test_the_name_does_not_matter(tmp_path: Path, ask: Ask) -> None:
    for name in (b"\xff\xfe.mkv", b"x" * 251 + b".mkv", b"film.mp4"):
        path = tmp_path / os.fsdecode(name)
        path.write_bytes(video_bytes("mkv"))
        found = probe_by_both(path, ask)
        assert (found.container, found.end) == ("matroska", "there")


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_film_that_was_cut_off_is_called_truncated(tmp_path: Path, ask: Ask, suffix: str) -> None:
    path = make_video(tmp_path / f"a.{suffix}")
    os.truncate(path, path.stat().st_size * 3 // 4)
    found = probe_by_both(path, ask)
    assert found.end == "missing"
    assert found.problem
    assert found.problem.startswith("truncated")


@pytest.mark.parametrize(
    ("content", "begins"),
    [
        (b"", "empty file"),
        (bytes(5000), "not a video: it begins with zeros"),
        (b"some text\n" * 500, "not a video: the first bytes"),
        (b"<?xml version='1.0'?><MPD/>", "not a video: the first bytes"),
        (b"#EXTM3U\n", "not a video: it is a playlist"),
        (b"Rar!\x1a\x07", "not a video: it is a RAR archive; unpack it"),
        (b"MZ\x90\x00" + bytes(900), "not a video: it is a program for Windows"),
        (b"ID3\4" + bytes(900), "not a video: it is sound"),
        (b"RIFF\0\0\0\0WAVEfmt ", "not a video: the first bytes"),
    ],
)
def test_a_file_of_another_kind_is_named_and_never_parsed(tmp_path: Path, content: bytes, begins: str) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(content)
    found = _probe(path, _refuse_to_answer)
    assert found.problem
    assert found.problem.startswith(begins)
    assert found == MediaFacts(problem=found.problem, end=found.end)


def _transport_stream(packet: int, before: int) -> bytes:
    """Packets of that size after as many bytes of a broken one."""
    return bytes([7] * before) + (b"G" + bytes([7] * (packet - 1))) * 6


@pytest.mark.parametrize(
    "content",
    [
        b"\x1a\x45\xdf\xa3",
        b"\0\0\0\x20ftypisom",
        b"\0\0\0\x08wide\0\0\0\0mdat",
        b"RIFF\0\0\0\0AVI LIST",
        b"FLV\x01",
        b"OggS",
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
        b".RMF",
        b"\0\0\x01\xba",
        b"\0\0\x01\xb3",
        *(_transport_stream(packet, before) for packet in (188, 192, 204) for before in (0, 4, 187)),
    ],
)
def test_whatever_begins_like_a_video_is_parsed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "film.bin"
    path.write_bytes(content)
    assert _probe(path, _say({"has_video": True, "container": "some"})).container == "some"


@pytest.mark.parametrize(
    ("content", "end"),
    [(bytes(5000), "missing"), (b"", "unknown"), (b"#EXTM3U", "unknown"), (b"FLV" + bytes(50), "unknown")],
)
def test_only_what_was_begun_like_a_video_has_an_end_to_miss(tmp_path: Path, content: bytes, end: str) -> None:
    path = tmp_path / "film.bin"
    path.write_bytes(content)
    assert _probe(path, _say({"has_video": True, "container": "flv"})).end == end


def test_a_container_without_video_says_so(tmp_path: Path, ask: Ask) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(100))
    begun = _probe(path, ask)
    assert "no video track" in (begun.problem or "")
    assert begun.end == "missing", "a file that was only begun has no track yet"
    assert "only sound" in (_probe(path, _say({"has_audio": True})).problem or "")


@pytest.mark.parametrize("sign", [{MEMORY_SHARE: 0.7}, {"ran_out_of_memory": True}])
def test_facts_that_were_read_with_too_little_memory_are_doubtful(tmp_path: Path, sign: dict[str, Any]) -> None:
    path = _film(tmp_path / "a.ts")
    found = _probe(path, _say({"has_video": True, "width": 64, **sign}))
    assert found.width == 64
    assert found.problem
    assert found.problem.startswith("doubtful")
    assert _probe(path, _say(sign)).end == "unknown", "tracks that there was no memory for are not missing"


@pytest.mark.parametrize(
    ("answer", "unread"),
    [
        ({"has_video": True, "width": None}, "not known: the size of its picture;"),
        (
            {"has_video": True, "width": 64, "has_audio": True, "codec_audio": None},
            "not known: the codec of its sound;",
        ),
        ({"has_video": True, "width": 64, "has_audio": False, "codec_audio": None}, None),
        (
            {"has_video": True, "width": None, "has_audio": True, "codec_audio": None, "why_no_duration": "not stated"},
            "remux it to store one; not known: the size of its picture and the codec of its sound;",
        ),
    ],
)
def test_what_could_not_be_read_is_said(tmp_path: Path, answer: dict[str, Any], unread: str | None) -> None:
    problem = _probe(_film(tmp_path / "a.ts"), _say(answer)).problem
    assert problem is None if unread is None else unread in (problem or "")


def test_a_child_that_was_taken_over_cannot_store_nonsense(tmp_path: Path) -> None:
    lies = {
        "has_video": True,
        "container": ["mkv"],
        "duration_ms": 1 << 70,
        "width": -1,
        "height": True,
        "codec_video": "\x1b[2J",
        "codec_audio": "x" * 1000,
        "languages": "en",
        "subtitle_languages": [None, "en", 5] * 1000,
        "is_truncated": "yes",
    }
    found = _probe(_film(tmp_path / "a.ts"), _say(lies))
    assert found == MediaFacts(subtitle_languages=("en",) * 67)


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


@pytest.mark.parametrize("meanwhile", [_grow, lambda path: os.truncate(path, 5), os.unlink])
def test_a_file_that_is_touched_while_it_is_probed_goes_back(
    tmp_path: Path, meanwhile: Callable[[Path], object]
) -> None:
    path = _film(tmp_path / "a.ts")
    os.utime(path, ns=(0, 0))

    def ask_slowly(_request: dict[str, Any], _descriptors: Sequence[int]) -> dict[str, Any]:
        before = path.stat().st_ctime_ns
        while path.stat().st_ctime_ns == before:  # on kernels before 6.13 the clock ticks every 4 ms
            path.chmod(0o644)
        meanwhile(path)
        return {"has_video": True}

    with pytest.raises(FileChanged):
        _probe(path, ask_slowly)


def test_what_cannot_be_opened_is_not_probed(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv")
    expected = FileStamp.of(path.stat())
    path.unlink()
    with pytest.raises(FileVanished):
        probe(str(path), expected, _refuse_to_answer)
    os.mkfifo(path)
    with pytest.raises(FileNotRegular):
        probe(str(path), expected, _refuse_to_answer)


def test_a_disk_that_fails_under_the_prober_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="cannot be read") as caught:
        _probe(_film(tmp_path / "a.ts"), _say({"read_errno": errno.EIO}))
    assert "check the disk" in str(caught.value.hint)


def test_a_read_error_is_told_by_the_child(pool: WorkerPool) -> None:
    """A directory is the one thing whose reading fails everywhere."""
    descriptor = os.open("/", os.O_RDONLY)
    try:
        assert pool.call({}, [descriptor], timeout_s=150)["read_errno"] == errno.EISDIR
    finally:
        os.close(descriptor)


@pytest.fixture
def standin() -> Iterator[WorkerPool]:
    """The real child, with a parser that does what the file orders."""
    pool = WorkerPool(standin_prober.MODULE, 1, Limits(memory_bytes=192 << 20))
    yield pool
    pool.close()


def _asking(pool: WorkerPool, timeout_s: float = 150) -> Ask:
    return lambda request, descriptors: pool.call(request, descriptors, timeout_s=timeout_s)


def _ordering(path: Path, deed: str, *arguments: Any) -> Path:
    path.write_bytes(order(deed, *arguments))
    return path


def test_a_file_that_hangs_the_prober_is_given_up_in_time_and_the_next_one_is_read(
    tmp_path: Path, standin: WorkerPool
) -> None:
    video = _film(tmp_path / "a.ts")
    _probe(video, _asking(standin))  # so that the time is not spent on starting
    with pytest.raises(WorkerTimeout):
        _probe(_ordering(tmp_path / "film.mkv", "sleep"), _asking(standin, 0.5))
    assert _probe(video, _asking(standin)).problem is None


def test_a_file_that_kills_the_prober_costs_its_child_and_the_next_one_is_read(
    tmp_path: Path, standin: WorkerPool
) -> None:
    with pytest.raises(WorkerDied):
        _probe(_ordering(tmp_path / "film.mkv", "die"), _asking(standin))
    assert _probe(_film(tmp_path / "a.ts"), _asking(standin)).problem is None


def test_a_memory_bomb_is_contained_and_its_facts_are_not_trusted(tmp_path: Path, standin: WorkerPool) -> None:
    found = _probe(_ordering(tmp_path / "film.mkv", "swell", 512 << 20), _asking(standin))
    assert found.problem
    assert found.problem.startswith("doubtful")


def test_a_parser_that_opens_writes_or_connects_is_refused(tmp_path: Path, standin: WorkerPool) -> None:
    video, made = _film(tmp_path / "a.ts"), tmp_path / "made"
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        for deed, argument in (("open", str(video)), ("write", str(made)), ("connect", server.getsockname()[1])):
            with _ordering(tmp_path / "film.mkv", deed, argument).open("rb") as file:
                answer = standin.call({}, [file.fileno()], timeout_s=150)
            assert answer["container"] == f"refused{errno.EPERM}"
        with pytest.raises(BlockingIOError):
            server.accept()
    assert not made.exists()


def _tracks(**video: str) -> list[dict[str, Any]]:
    return [{"@type": "General", "Format": "Matroska"}, {"@type": "Video", **video}]


@pytest.mark.parametrize(
    ("video", "hdr"),
    [
        ({}, None),
        ({"transfer_characteristics": "BT.709"}, None),
        ({"HDR_Format": "SMPTE ST 2086", "HDR_Format_Compatibility": "HDR10"}, "HDR10"),
        ({"transfer_characteristics": "PQ"}, "HDR10"),
        ({"transfer_characteristics": "HLG"}, "HLG"),
        ({"transfer_characteristics": "HLG / BT.2020 (10-bit)"}, "HLG"),
        (
            {
                "transfer_characteristics": "BT.2020 (10-bit)",
                "transfer_characteristics_Original": "HLG / BT.2020 (10-bit)",
            },
            "HLG",
        ),
        ({"HDR_Format": "SMPTE ST 2094 App 4", "transfer_characteristics": "PQ"}, "HDR10+"),
        (
            {
                "HDR_Format": "SMPTE ST 2094 App 4 / SMPTE ST 2086",
                "HDR_Format_Compatibility": "HDR10+ Profile B / HDR10",
            },
            "HDR10+",
        ),
        (
            {
                "HDR_Format": "Dolby Vision / SMPTE ST 2086",
                "HDR_Format_Compatibility": "HDR10 / HDR10",
                "transfer_characteristics": "PQ",
            },
            "Dolby Vision",
        ),
    ],
)
def test_the_kind_of_hdr_is_named(video: dict[str, str], hdr: str | None) -> None:
    assert facts(_tracks(**video))["hdr"] == hdr


@pytest.mark.parametrize(
    ("profile", "compatible", "name", "fallback"),
    [
        ("dvhe.08 / ", "HDR10 / HDR10", "8.1", "HDR10"),
        ("dvhe.08.06 / ", "HLG / ", "8.4", "HLG"),
        ("dvhe.07 / ", "Blu-ray / HDR10", "7.6", "HDR10"),
        ("dvav.09 / ", "SDR / ", "9.2", "SDR"),
        ("dvhe.05 / ", " / HDR10", "5", "none"),
        ("dvhe.08 / ", "", "8", "HDR10"),
    ],
)
def test_dolby_vision_is_named_with_its_profile(profile: str, compatible: str, name: str, fallback: str) -> None:
    found = facts(
        _tracks(
            HDR_Format="Dolby Vision / SMPTE ST 2086",
            HDR_Format_Profile=profile,
            HDR_Format_Compatibility=compatible,
            transfer_characteristics="PQ",
        )
    )
    assert (found["hdr"], found["dolby_vision"], found["hdr_fallback"]) == ("Dolby Vision", name, fallback)


@pytest.mark.parametrize(
    ("video", "codec"),
    [
        ({"Format": "AVC"}, "h264"),
        ({"Format": "HEVC"}, "hevc"),
        ({"Format": "AV1"}, "av1"),
        ({"Format": "VC-1"}, "vc1"),
        ({"Format": "MPEG Video", "Format_Version": "2"}, "mpeg2video"),
        ({"Format": "MPEG-4 Visual", "CodecID": "DIV3"}, "msmpeg4v3"),
        ({"Format": "V_MJPEG"}, "mjpeg"),
        ({"Format": "V_MS/VFW/FOURCC / ULY0", "CodecID": "V_MS/VFW/FOURCC / ULY0"}, "utvideo"),
        ({"Format": "VC-1", "CodecID": "V_MS/VFW/FOURCC / WMV3"}, "wmv3"),
        ({"Format": "Indeo 5", "CodecID": "V_MS/VFW/FOURCC / IV50"}, "indeo5"),
        ({"Format": "MPEG-4 Visual", "CodecID": "V_MPEG4/MS/V3"}, "msmpeg4v3"),
        ({"Format": "SVQ1", "CodecID": "V_QUICKTIME / SVQ1"}, "svq1"),
        ({"Format": "17", "CodecID": "17"}, None),
        ({}, None),
    ],
)
def test_video_codecs_have_the_names_that_players_show(video: dict[str, str], codec: str | None) -> None:
    assert facts(_tracks(**video))["codec_video"] == codec


@pytest.mark.parametrize(
    ("audio", "codec"),
    [
        ({"Format": "E-AC-3"}, "eac3"),
        ({"Format": "MLP FBA"}, "truehd"),
        ({"Format": "MPEG Audio", "Format_Profile": "Layer 3"}, "mp3"),
        ({"Format": "MPEG Audio", "CodecID": "55"}, "mp3"),
        ({"Format": "MPEG Audio"}, "mpegaudio"),
        ({"Format": "ADPCM", "CodecID": "A_MS/ACM / 11"}, "adpcm_ima_wav"),
        ({"Format": "Extensible", "CodecID": "A_MS/ACM / FFFE / 00000006-0000-0010-8000-00AA00389B71"}, "pcm_alaw"),
        ({"Format": "AMR", "Format_Profile": "Wide band"}, "amr_wb"),
        ({"Format": "QDesign 2"}, "qdm2"),
        ({"Format": "Cooker"}, "cook"),
    ],
)
def test_audio_codecs_have_the_names_that_players_show(audio: dict[str, str], codec: str) -> None:
    assert facts([*_tracks(), {"@type": "Audio", **audio}])["codec_audio"] == codec


def test_the_default_sound_track_is_the_one_described_and_languages_keep_their_order() -> None:
    found = facts(
        [
            *_tracks(),
            {"@type": "Audio", "Format": "DTS", "Language": "de"},
            {"@type": "Audio", "Format": "AAC", "Language": "en", "Default": "Yes"},
            {"@type": "Audio", "Format": "AAC", "Language": "de"},
            {"@type": "Audio", "Format": "AAC", "Language": "und"},
            {"@type": "Audio", "Format": "AAC", "Language": "pt-BR / fr"},
        ]
    )
    assert found["codec_audio"] == "aac"
    assert found["languages"] == ["de", "en", "pt-BR", "fr"]


def test_fields_that_are_no_text_or_no_number_are_not_known() -> None:
    """MediaInfo gives bytes that are no UTF-8 as {"@dt": "binary.base64"}; found by mutating files."""
    odd = {"@dt": "binary.base64", "#value": "/w=="}
    found = facts(
        [
            {"@type": "General", "Format": odd, "Duration": "inf", "extra": odd},
            {"@type": "Video", "Format": odd, "Width": "wide", "Height": odd},
            {"@type": "Audio", "Format": odd, "Language": odd},
        ]
    )
    assert {found[name] for name in ("container", "duration_ms", "width", "height", "codec_video")} == {None}
    assert found["languages"] == []
