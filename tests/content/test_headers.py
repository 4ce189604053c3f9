"""What reeld's own reader answers without the prober, what it leaves to it, and what hostile bytes can do to it.

That it says the same as the prober is tested wherever a film is probed: see `both_readers.py`.
"""

import os
import time
from collections.abc import Iterator

import pytest

from reeld.content.headers import parameter_sets, source
from reeld.content.headers.source import MOST_BYTES, MOST_READS
from reeld.content.probing import read_headers
from reeld.domain.content import MediaFacts
from tests.content.kinds import Picture, Sound, content, with_box
from tests.content.mutants import Scratch, mutants
from tests.videos import remux, video_bytes


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    scratch = Scratch()
    yield scratch
    scratch.close()


@pytest.mark.parametrize("container", ["mkv", "mp4", "avi"])
def test_an_ordinary_film_needs_no_prober(scratch: Scratch, container: str) -> None:
    found = read_headers(scratch.hold(video_bytes(container, duration_s=5400)))
    assert found == MediaFacts(
        container="matroska" if container == "mkv" else container,
        duration_ms=5_400_000,
        width=64,
        height=48,
        codec_video="mpeg4",
        codec_audio="mp2" if container == "avi" else "aac",
        languages=() if container == "avi" else ("en",),
        end="there",
    )


@pytest.mark.parametrize(
    ("codec", "container"),
    [  # FFmpeg's writer of MP4 refuses some packets of libx265
        *(("libx264", "matroska"), ("libx264", "mp4"), ("libx265", "matroska")),
        *(("libsvtav1", "matroska"), ("libsvtav1", "mp4")),
    ],
)
@pytest.mark.parametrize(("colours", "hdr"), [((9, 16, 9), "HDR10"), ((9, 18, 9), "HLG"), ((1, 1, 1), None)])
def test_the_range_of_ten_bits_is_read(
    scratch: Scratch, codec: str, container: str, colours: tuple[int, int, int], hdr: str | None
) -> None:
    # Without reordering: under load FFmpeg's writer refused the times of a packet now and then.
    options = {"x265-params": "log-level=0:bframes=0:frame-threads=1:pools=none"} if codec == "libx265" else {}
    picture = Picture(codec=codec, pixels="yuv420p10le", colours=colours, options=options, frames=1)
    found = read_headers(scratch.hold(content(container, [picture])))
    if codec == "libx264" and hdr:
        assert found is None  # unusual enough to be asked about
    else:
        assert found
        assert found.hdr == hdr


def _with(video: bytes, old: bytes, new: bytes) -> bytes:
    assert old in video
    return video.replace(old, new)


_MKV = video_bytes("mkv")
_MP4 = video_bytes("mp4")
_AVI = video_bytes("avi")


@pytest.mark.parametrize(
    "video",
    [
        b"",
        _MKV[:100],
        _with(_MKV, b"matroska", b"matroskb"),
        _with(_MKV, b"V_MPEG4/ISO/ASP", b"V_MPEG4/ISO/XYZ"),
        _with(_MKV, b"A_AAC", b"A_XYZ"),
        _with(_MKV, b"eng", b"e\0g"),
        _with(_MP4, b"ftypisom", b"ftypzzzz"),
        _with(_MP4, b"mp4v", b"mp4x"),
        _with(_MP4, b"soun", b"sound"[:3] + b"x"),
        _with(_MP4, b"stsd\0\0\0\0\0\0\0\1", b"stsd\0\0\0\0\0\0\0\2"),
        _with(_MP4, b"mvhd", b"mvhx"),
        _with(_AVI, b"FMP4", b"QQQQ"),
        _with(_AVI, b"vids", b"iavs"),
        _with(_AVI, b"strh", b"strx"),
        remux("mpegts"),
        content("flv", [Picture(codec="flv")]),
        content("matroska", [], [Sound()]),
        content("avi", [Picture(codec="libx264")]),
    ],
    ids=lambda video: f"{len(video)} bytes",
)
def test_what_is_not_wholly_understood_is_left_to_the_prober(scratch: Scratch, video: bytes) -> None:
    assert read_headers(scratch.hold(video)) is None


def test_the_cover_of_a_film_is_not_read_as_its_picture(scratch: Scratch) -> None:
    cover = Picture(codec="mjpeg", size=(32, 32), frames=1, pixels="yuvj420p")
    found = read_headers(scratch.hold(content("matroska", [cover, Picture()], [Sound(codec="aac")])))
    assert found
    assert (found.codec_video, found.width) == ("mpeg4", 64)


def test_a_film_that_was_cut_off_is_missing_its_end(scratch: Scratch) -> None:
    found = read_headers(scratch.hold(_MKV[: len(_MKV) * 7 // 10]))
    assert found
    assert (found.end, found.codec_video, found.duration_ms) == ("missing", "mpeg4", 1088)


def test_fragments_behind_an_unknown_box_are_left_to_the_prober(scratch: Scratch) -> None:
    """The header of such a film states no length, and that is no reason to say that there is none."""
    film = content("mp4", [Picture()], movflags="frag_keyframe+empty_moov")
    assert read_headers(scratch.hold(film)) is None
    assert film.count(b"moof") > 0
    at = film.index(b"moof") - 4
    assert read_headers(scratch.hold(film[:at] + b"\0\0\0\x10abcdefghijkl" + film[at:])) is None


def test_a_length_that_the_writer_did_not_know_is_not_known(scratch: Scratch) -> None:
    """All its bits are set then."""
    film = bytearray(content("mp4", [Picture()]))
    for kind in (b"mvhd", b"mdhd"):
        at = film.index(kind) + 4
        film[at + 16 : at + 20] = b"\xff" * 4
    film = film.replace(b"elst", b"free")
    found = read_headers(scratch.hold(bytes(film)))
    assert found
    assert found.duration_ms is None


def test_colours_that_contradict_each_other_are_left_to_the_prober(scratch: Scratch) -> None:
    def colours(curve: int) -> bytes:
        return b"nclx" + b"".join(number.to_bytes(2, "big") for number in (9, curve, 9)) + b"\0"

    film = with_box(content("mp4", [Picture(codec="libvpx-vp9")]), b"colr", colours(16))
    found = read_headers(scratch.hold(film))
    assert found
    assert found.hdr == "HDR10"
    assert read_headers(scratch.hold(with_box(film, b"colr", colours(1)))) is None


@pytest.mark.parametrize(("curve", "hdr"), [(1, None), (2, None), (16, "HDR10"), (18, "HLG")])
def test_the_curve_of_vp9_may_stand_in_its_configuration_alone(scratch: Scratch, curve: int, hdr: str | None) -> None:
    film = bytearray(content("mp4", [Picture(codec="libvpx-vp9")]))
    at = film.index(b"vpcC") + 4
    film[at + 8] = curve
    found = read_headers(scratch.hold(bytes(film)))
    assert found
    assert (found.codec_video, found.hdr) == ("vp9", hdr)
    other = with_box(bytes(film), b"colr", b"nclx" + b"\0\x09\0\x01\0\x09\0")
    assert (read_headers(scratch.hold(other)) is None) == (curve in (16, 18))


def test_a_disk_that_fails_is_not_taken_for_a_header() -> None:
    descriptor = os.open("/", os.O_RDONLY)  # its size is not 0, and no byte of it can be read
    try:
        with pytest.raises(OSError, match="directory"):
            read_headers(descriptor)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("codec", "read"), [("libx264", parameter_sets.read_avc), ("libx265", parameter_sets.read_hevc)]
)
@pytest.mark.parametrize("size", [(64, 48), (322, 182), (1920, 1080)])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p10le", "yuv444p"])
def test_the_size_in_the_stream_is_that_without_its_padding(
    scratch: Scratch, codec: str, read: object, size: tuple[int, int], pixels: str
) -> None:
    """A size that differs from the container's is left to the prober. So this one was read rightly."""
    options = {"preset": "ultrafast"} | ({"x265-params": "log-level=0"} if codec == "libx265" else {})
    picture = Picture(codec=codec, size=size, pixels=pixels, frames=1, options=options)
    found = read_headers(scratch.hold(content("matroska", [picture])))
    assert found
    assert (found.width, found.height) == size


def test_a_parameter_set_that_ends_too_early_is_none() -> None:
    for length in range(9):
        assert parameter_sets.read_avc(bytes([0x67]) + b"\x64" * length) is None
        assert parameter_sets.read_hevc(bytes([0x42, 1]) + b"\x01" * length) is None


# --- damaged files ---------------------------------------------------------------------------------------


def test_damaged_headers_raise_nothing_and_cost_few_reads(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    """I11."""
    reads: list[int] = []

    class Counting:
        fstat = staticmethod(os.fstat)

        @staticmethod
        def pread(descriptor: int, length: int, at: int) -> bytes:
            reads.append(length)
            return os.pread(descriptor, length, at)

    monkeypatch.setattr(source, "os", Counting)
    answered = 0
    for damaged in mutants(seed=18, count=4000):
        reads.clear()
        answered += read_headers(scratch.hold(damaged)) is not None
        assert len(reads) <= MOST_READS
        assert sum(reads) <= MOST_BYTES
    assert 400 < answered < 3600  # else the damage is too heavy or too light


@pytest.mark.soak
def test_a_million_damaged_headers_raise_nothing(scratch: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    slowest_ms, total_ms, count = 0.0, 0.0, 1_000_000
    for damaged in mutants(seed=int(time.time()), count=count):
        descriptor = scratch.hold(damaged)
        started = time.thread_time_ns()
        read_headers(descriptor)
        took_ms = (time.thread_time_ns() - started) / 1e6
        slowest_ms, total_ms = max(slowest_ms, took_ms), total_ms + took_ms
    with capsys.disabled():
        print(f"\n{count} damaged headers: {total_ms / count:.3f} ms each, the slowest {slowest_ms:.1f} ms")  # noqa: T201
