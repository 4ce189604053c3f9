"""How long a film is and whether its file is whole, as its container says or as its last bytes show."""

import os
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.content.headers.ebml import Id
from reeld.content.headers.read import read_length
from reeld.content.headers.source import MOST_BYTES, MOST_READS, BoundReached, Length, Source
from reeld.content.readings import Ask
from reeld.domain.content import MediaFacts
from reeld.sandbox import Limits
from reeld.service.worker_pool import WorkerPool
from tests.content.both_readers import probe_by_both
from tests.videos import remux, video_bytes

MKV = "matroska"

_SOUND, _SUBTITLES = 2, 17
"""Kinds of tracks."""


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    pool = WorkerPool("reeld.content.probe_child", 1, Limits())
    yield lambda request, descriptors: pool.call(request, descriptors, timeout_s=150)
    pool.close()


def _probe(tmp_path: Path, content: bytes, ask: Ask) -> MediaFacts:
    path = tmp_path / "film.bin"
    path.write_bytes(content)
    return probe_by_both(path, ask)


def _length(tmp_path: Path, content: bytes, told_ms: int | None = None) -> Length:
    path = tmp_path / "film.bin"
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read_length(descriptor, told_ms)
    finally:
        os.close(descriptor)


def _about(found_ms: int | None, expected_ms: int) -> bool:
    return found_ms is not None and abs(found_ms - expected_ms) <= 120


# --- written to a pipe -----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), (("live", "1"),), (("cluster_time_limit", "300"),)])
def test_a_matroska_of_unknown_size_is_whole(tmp_path: Path, ask: Ask, options: tuple[tuple[str, str], ...]) -> None:
    found = _probe(tmp_path, remux(MKV, to_pipe=True, options=options), ask)
    assert (found.container, found.width, found.codec_video, found.codec_audio) == ("matroska", 64, "mpeg4", "aac")
    assert (found.end, found.problem) == ("unknown", None)
    assert _about(found.duration_ms, 2000)


def test_a_long_matroska_of_unknown_size_has_the_length_of_its_last_picture(tmp_path: Path, ask: Ask) -> None:
    found = _probe(tmp_path, remux(MKV, to_pipe=True, duration_s=5400), ask)
    assert _about(found.duration_ms, 5_400_000)


@pytest.mark.parametrize("options", [(), (("live", "1"),)])
def test_a_stream_whose_last_element_states_more_than_there_is_is_cut(
    tmp_path: Path, ask: Ask, options: tuple[tuple[str, str], ...]
) -> None:
    content = remux(MKV, to_pipe=True, options=options)
    found = _probe(tmp_path, content[: len(content) * 7 // 10], ask)
    assert found.end == "missing"
    assert (found.problem or "").startswith("truncated")


def test_an_avi_from_a_pipe_is_whole_and_its_frames_are_counted(tmp_path: Path, ask: Ask) -> None:
    content = remux("avi", to_pipe=True)
    assert content[4:8] == b"\xff" * 4
    for size in (b"\xff" * 4, bytes(4)):
        found = _probe(tmp_path, content[:4] + size + content[8:], ask)
        assert (found.container, found.end, found.problem) == ("avi", "unknown", None)
        assert _about(found.duration_ms, 2000)


def test_an_avi_from_a_pipe_that_is_too_long_to_count_has_no_length(tmp_path: Path, ask: Ask) -> None:
    content = remux("avi", to_pipe=True)
    padding = b"JUNK" + struct.pack("<I", 2 << 20) + bytes(2 << 20)
    found = _probe(tmp_path, content + padding, ask)
    assert (found.end, found.duration_ms) == ("unknown", None)
    assert (found.problem or "").startswith("its length is not known: the container states none")
    assert (found.width, found.codec_video) == (64, "mpeg4")


def test_a_transport_stream_may_end_within_a_packet(tmp_path: Path, ask: Ask) -> None:
    content = remux("mpegts")
    found = _probe(tmp_path, content + content[:100], ask)
    assert (found.container, found.end, found.problem) == ("mpegts", "unknown", None)
    assert found.duration_ms


# --- the film's own length -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "late"),
    [
        (MKV, (47_700_000, 1000)),
        (MKV, (2500, 500)),
        (MKV, (500, 4_294_967_295)),
        ("mp4", (47_700, 1000)),
        ("mp4", (2500, 500)),
    ],
)
def test_a_subtitle_makes_no_film_longer(tmp_path: Path, ask: Ask, kind: str, late: tuple[int, int]) -> None:
    found = _probe(tmp_path, remux(kind, subtitle_ms=late), ask)
    assert (found.end, found.problem) == ("there", None)
    assert _about(found.duration_ms, 2000)


@pytest.mark.parametrize(("kind", "sound_ms"), [(MKV, 2048), ("mp4", 1984), ("mov", 1984)])
def test_the_padding_of_sound_makes_no_film_longer_and_sound_does(
    tmp_path: Path, ask: Ask, kind: str, sound_ms: int
) -> None:
    for picture_ms, expected_ms in ((2000, 2000), (1400, sound_ms)):
        found = _probe(tmp_path, remux(kind, picture_ms=picture_ms), ask)
        assert (found.duration_ms, found.problem) == (expected_ms, None)


def test_the_padding_of_sound_may_have_a_cluster_of_its_own(tmp_path: Path) -> None:
    picture = _cluster(0, *(_block(number % 2 + 1, 20 * number, 100) for number in range(50)))
    for late_ms, expected_ms in ((1050, 1000), (1500, 1530)):
        sound = _cluster(late_ms, _block(2, -30, 9), _block(2, 0, 9))
        content = _matroska(late_ms + 30, [picture, sound], [], second=_SOUND)
        assert _length(tmp_path, content).duration_ms == expected_ms


def test_a_cluster_that_is_longer_than_what_is_read_at_once_counts_as_a_whole(tmp_path: Path) -> None:
    for blocks, size_bytes in ((50, 4000), (75, 2000), (75, 20)):
        film = _cluster(0, *(_block(1, 40 * number, size_bytes) for number in range(blocks)))
        assert _length(tmp_path, _matroska(40 * blocks, [film], [])).duration_ms == 40 * blocks


@pytest.mark.parametrize("kind", [MKV, "mp4", "asf", "mpegts"])
def test_a_late_start_makes_no_film_longer(tmp_path: Path, ask: Ask, kind: str) -> None:
    found = _probe(tmp_path, remux(kind, starts_ms=100_000), ask).duration_ms
    assert found is not None
    assert abs(found - 2000) <= 200, "a picture lasts so long"


def test_a_stated_duration_is_exact_and_one_that_is_contradicted_is_not_believed(tmp_path: Path, ask: Ask) -> None:
    content = remux(MKV)
    mark = content.index(b"\x44\x89\x88") + 3
    (with_sound,) = struct.unpack_from(">d", content, mark)
    assert with_sound == 2048.0
    for stated in (with_sound, 2000.0, 7_200_000.0, 10.0, float("nan"), float("inf"), -1.0):
        stating = content[:mark] + struct.pack(">d", stated) + content[mark + 8 :]
        assert _probe(tmp_path, stating, ask).duration_ms == 2000
    short = [_cluster(1000 * second, *(_block(1, 40 * number, 100) for number in range(25))) for second in range(3)]
    silent = _matroska(3000, short, [])
    mark = silent.index(struct.pack(">d", 3000))
    for stated, expected in ((3000.0, 3000), (3050.0, 3050), (7_200_000.0, 3000)):
        stating = silent[:mark] + struct.pack(">d", stated) + silent[mark + 8 :]
        assert _length(tmp_path, stating).duration_ms == expected


def _element(ident: str, content: bytes, *, is_open: bool = False) -> bytes:
    size = (1 << 56) - 1 if is_open else len(content)
    return bytes.fromhex(ident) + struct.pack(">Q", (1 << 56) | size) + content


def _block(track: int, at_ms: int, size_bytes: int) -> bytes:
    return _element("a3", bytes([0x80 | track]) + struct.pack(">hB", at_ms, 128) + bytes(size_bytes))


def _cluster(at_ms: int, *blocks: bytes, is_open: bool = False) -> bytes:
    return _element("1f43b675", _element("e7", struct.pack(">I", at_ms)) + b"".join(blocks), is_open=is_open)


def _matroska(
    stated_ms: int,
    clusters: list[bytes],
    cues: list[tuple[int, int]],
    *,
    is_open: bool = False,
    second: int = _SUBTITLES,
) -> bytes:
    """Write a picture (track 1) and subtitles or sound (track 2). A cue is a track and the number of a cluster."""
    tracks = [(1, 1, _element("23e383", struct.pack(">I", 40_000_000))), (2, second, b"")]
    head = _element("1549a966", _element("4489", struct.pack(">d", stated_ms))) + _element(
        "1654ae6b",
        b"".join(
            _element("ae", _element("d7", bytes([number])) + _element("83", bytes([kind])) + more)
            for number, kind, more in tracks
        ),
    )
    seek = _element("53ab", bytes.fromhex("1c53bb6b"))
    before = len(_element("114d9b74", _element("4dbb", seek + _element("53ac", bytes(8))))) + len(head)
    places = [before + sum(map(len, clusters[:number])) for number in range(len(clusters) + 1)]
    points = [
        _element("bb", _element("b7", _element("f7", bytes([track])) + _element("f1", struct.pack(">Q", places[n]))))
        for track, n in cues
    ]
    seek_head = _element("114d9b74", _element("4dbb", seek + _element("53ac", struct.pack(">Q", places[-1]))))
    body = seek_head + head + b"".join(clusters) + (_element("1c53bb6b", b"".join(points)) if cues else b"")
    return _element("1a45dfa3", b"") + _element("18538067", body, is_open=is_open)


_SECOND = [_block(1, 40 * number, 60_000) for number in range(25)]
_FILM = [_cluster(1000 * second, *_SECOND) for second in range(3)]
"""Three seconds, in clusters of 1.5 MB: the last does not fit into what is read of a file's end."""
_LATE = _cluster(9_000_000, _block(2, 0, 20))


@pytest.mark.parametrize("late", [[], [_LATE], [_LATE] * 3])
@pytest.mark.parametrize("stated_ms", [3000, 9_000_000, 1])
def test_the_cues_lead_to_a_last_cluster_that_is_too_long_to_search(
    tmp_path: Path, late: list[bytes], stated_ms: int
) -> None:
    cues = [(1, 0), (1, 1), (1, 2), *((2, 3 + number) for number in range(len(late)))]
    found = _length(tmp_path, _matroska(stated_ms, _FILM + late, cues))
    assert (found.is_cut, found.duration_ms) == (False, 3000)


def test_a_length_is_not_guessed_if_only_the_time_of_the_last_cluster_is_known(tmp_path: Path) -> None:
    """Its last picture is longer than what is read of a cluster's end."""
    film = [*_FILM, _cluster(3000, *_SECOND, _block(1, 1000, 200_000))]
    for stated_ms, told in ((4040, 4040), (9_000_000, None), (10, None)):
        found = _length(tmp_path, _matroska(stated_ms, film, [(1, 3)]))
        assert (found.duration_ms, found.why_no_duration) == (told, None if told else "contradicted")


def test_a_long_last_cluster_without_cues_is_cut_if_its_last_block_is(tmp_path: Path) -> None:
    """A recorder that was killed leaves a segment without a size, and no cues."""
    film = _matroska(9, [_cluster(0, _block(1, 0, 9)), _cluster(1000, *_SECOND)], [], is_open=True)
    assert _length(tmp_path, film).is_cut is None, "what its cluster states cannot be known"
    assert _length(tmp_path, film[:-1]).is_cut is True


@pytest.mark.parametrize(
    ("last", "is_cut"),
    [
        (_cluster(1000, _block(1, 0, 900)), False),
        (_cluster(1000, _block(1, 0, 900), is_open=True), False),
        (_cluster(1000, _block(1, 0, 900), is_open=True) + _cluster(2000, _block(1, 0, 9)), False),
        (_cluster(1000, _block(1, 0, 900)) + _element("1254c367", bytes(50)), False),
        (_cluster(1000, _block(1, 0, 900))[:-1], True),
        (_cluster(1000, _block(1, 0, 900), is_open=True)[:-1], True),
        (_cluster(1000, _block(1, 0, 900)) + _element("1254c367", bytes(50))[:-1], True),
        (_cluster(1000, _block(1, 0, 900)) + b"\x1f\x43", False),
        (_cluster(1000, _block(1, 0, 900)) + bytes(100), False),
    ],
)
def test_a_segment_without_a_size_is_cut_if_its_last_element_states_more(
    tmp_path: Path, last: bytes, is_cut: bool | None
) -> None:
    found = _length(tmp_path, _matroska(9, [_cluster(0, _block(1, 0, 9)), last], [], is_open=True))
    assert (found.is_stated, found.is_cut) == (False, is_cut)
    assert found.duration_ms in (1040, 2040)


# --- transport streams -----------------------------------------------------------------------------------


def _clock(at_ms: int) -> bytes:
    base = at_ms * 90 % (1 << 33)
    return b"G\1\0\x20\xb7\x10" + ((base << 15) | 0x7E00).to_bytes(6, "big") + b"\xff" * 176


def _recording(starts_ms: int, seconds: int, *, packets: int = 150) -> bytes:
    """A clock ten times a second, between packets without content."""
    rest = (b"G\x1f\xff\x10" + bytes(184)) * (packets - 1)
    return b"".join(_clock(starts_ms + 100 * number) + rest for number in range(10 * seconds))


_MARCH = 95_440_000
"""Ten seconds before the clock starts again from 0, after 26.5 hours."""


def test_joined_recordings_are_added_up(tmp_path: Path, ask: Ask) -> None:
    one, later = remux("mpegts"), remux("mpegts", starts_ms=1_000_000)
    for content, expected_ms in ((one + later, 4000), (one * 3, 6000), (later + one, 4000), (one[94:], 2000)):
        found = _probe(tmp_path, content, ask)
        assert (found.end, found.problem) == ("unknown", None)
        assert found.duration_ms
        assert abs(found.duration_ms - expected_ms) <= 200 * expected_ms // 2000, "five pictures a second"


@pytest.mark.parametrize(
    ("content", "jumps"),
    [
        (_recording(0, 30), False),
        (_recording(_MARCH, 30), False),
        (_recording(0, 10) + _recording(10_000, 20, packets=500), False),
        (_recording(0, 15) + _recording(1_000_000, 15), True),
        (_recording(0, 22) + _recording(0, 8), True),
        (_recording(1_000_000, 8) + _recording(0, 22), True),
        (_recording(0, 3) + _recording(500_000, 27), True),
    ],
)
def test_a_clock_that_jumps_in_a_long_recording_tells_no_length(tmp_path: Path, content: bytes, jumps: bool) -> None:
    assert len(content) > MOST_BYTES
    found = _length(tmp_path, content, told_ms=30_000)
    assert found.duration_ms == (None if jumps else 30_000)
    assert found.why_no_duration == ("jumps" if jumps else None)


def test_streams_of_an_unknown_kind_are_not_waited_for(tmp_path: Path, ask: Ask) -> None:
    """AV1 in a transport stream, as FFmpeg writes it: a private stream."""
    tables = bytearray(remux("mpegts")[: 3 * 188])
    at = tables.index(b"\x10\xe1\0", 2 * 188)
    tables[at] = 6
    unknown = _recording(0, 1) + (b"G\1\0\x10" + b"reeld" * 36 + bytes(4)) * 50
    found = _probe(tmp_path, bytes(tables) + unknown, ask)
    assert (found.end, found.codec_video) == ("unknown", None)
    assert (found.problem or "").startswith("no video track: its streams are of kinds that reeld does not know")


# --- other containers ------------------------------------------------------------------------------------


def _page(granule: int, *packets: bytes) -> bytes:
    head = b"OggS\0\0" + struct.pack("<qIII", granule, 7, 0, 0)
    return head + bytes([len(packets), *map(len, packets)]) + b"".join(packets)


def test_the_length_of_theora_without_sound_is_counted(tmp_path: Path) -> None:
    """25 pictures a second, and six bits for the pictures since the last key frame."""
    header = b"\x80theora" + bytes(15) + struct.pack(">II", 25, 1) + bytes(10) + bytes([0, 6 << 5])
    begin = _page(0, header) + _page(0, b"\x81", b"\x82")
    film = begin + _page(1 << 6 | 2, b"a", b"b", b"c") + _page(41 << 6 | 9, b"d")
    assert _length(tmp_path, film).duration_ms == 2000
    late = begin + _page(101 << 6 | 2, b"a", b"b", b"c") + _page(141 << 6 | 9, b"d")
    assert _length(tmp_path, late).duration_ms == 2000
    assert _length(tmp_path, film, told_ms=2010).duration_ms == 2010, "with sound"
    assert _length(tmp_path, late, told_ms=6010).duration_ms == 2010
    assert _length(tmp_path, _page(0, b"\x80daala")).duration_ms is None


def _flash_tag(kind: int, at_ms: int, content: bytes = b"\x27\1") -> bytes:
    head = (
        bytes([kind]) + (50).to_bytes(3, "big") + (at_ms & 0xFFFFFF).to_bytes(3, "big") + bytes([at_ms >> 24, 0, 0, 0])
    )
    return head + content.ljust(50, b"\0") + struct.pack(">I", 61)


def test_a_flash_video_lasts_as_long_as_its_tags_and_not_as_another_reader_says(tmp_path: Path) -> None:
    """The last sound is not counted to its end, since it is padded to a whole frame."""
    for start in (0, 50_000, 20_000_000):
        tags = [_flash_tag(18, 0), _flash_tag(9, 0, b"\x17\0"), _flash_tag(8, 0, b"\xaf\0")]
        for number in range(50):
            tags += [_flash_tag(9, start + 40 * number), _flash_tag(8, start + 39 * number)]
        film = b"FLV\1\5\0\0\0\x09" + bytes(4) + b"".join(tags)
        assert _length(tmp_path, film, told_ms=9_000_000).duration_ms == 2000
        assert _length(tmp_path, film + _flash_tag(8, start + 5000), told_ms=9).duration_ms == 5000
        assert _length(tmp_path, film[:-5], told_ms=1900).duration_ms == 1900, "it was cut off"


def test_an_asf_from_a_pipe_lasts_until_its_last_packet(tmp_path: Path, ask: Ask) -> None:
    found = _probe(tmp_path, remux("asf", to_pipe=True), ask)
    assert (found.container, found.end, found.problem) == ("asf", "unknown", None)
    assert _about(found.duration_ms, 2000)
    whole = remux("asf")
    assert _probe(tmp_path, whole, ask).end == "there"
    cut = _probe(tmp_path, whole[: len(whole) * 7 // 10], ask)
    assert (cut.end, (cut.problem or "")[:9]) == ("missing", "truncated")


# --- what states more than there is ----------------------------------------------------------------------


def _box(kind: bytes, content: bytes, *, size: int | None = None, is_64_bit: bool = False) -> bytes:
    length = (16 if is_64_bit else 8) + len(content) if size is None else size
    if is_64_bit:
        return struct.pack(">I4sQ", 1, kind, length) + content
    return struct.pack(">I4s", length, kind) + content


_FTYP, _MOOV = _box(b"ftyp", b"isom"), _box(b"moov", bytes(200))
_FRAGMENT = _box(b"moof", _box(b"mfhd", bytes(8))) + _box(b"mdat", bytes(900))


@pytest.mark.parametrize(
    ("content", "is_stated", "is_cut"),
    [
        (_FTYP + _MOOV + _box(b"mdat", bytes(100)), True, False),
        (_FTYP + _MOOV + _box(b"mdat", bytes(100)) + bytes(1000), True, False),
        (_FTYP + _MOOV + _box(b"mdat", bytes(100)) + b"\xff" * 1000, True, False),
        (_FTYP + _MOOV + _box(b"mdat", bytes(100), size=0), False, False),
        (_FTYP + _MOOV + _box(b"mdat", bytes(100), is_64_bit=True), True, False),
        (_FTYP + _MOOV + _box(b"mdat", bytes(100), is_64_bit=True, size=1 << 40), True, True),
        (_FTYP + _MOOV + _box(b"mdat", bytes(100), size=109), True, True),
        (_FTYP + _MOOV + _FRAGMENT * 500, True, False),
        (_FTYP + _MOOV + (_FRAGMENT * 500)[:-1], True, True),
        (_FTYP + _MOOV + (_FRAGMENT * 5)[:-1], True, True),
        (_FTYP + _MOOV + _box(b"mdat", bytes(9), size=3), True, None),
    ],
)
def test_an_mp4_is_cut_if_a_box_states_more_than_there_is(
    tmp_path: Path, content: bytes, is_stated: bool, is_cut: bool | None
) -> None:
    found = _length(tmp_path, content, told_ms=5)
    assert (found.is_stated, found.is_cut) == (is_stated, is_cut)


def _riff(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(content) if size is None else size) + kind + content


@pytest.mark.parametrize(
    ("content", "is_stated", "is_cut"),
    [
        (_riff(b"AVI ", bytes(100)), True, False),
        (_riff(b"AVI ", bytes(100)) + bytes(50), True, False),
        (_riff(b"AVI ", bytes(100), size=112), True, False),
        (_riff(b"AVI ", bytes(100), size=5000), True, True),
        (_riff(b"AVI ", bytes(100)) + _riff(b"AVIX", bytes(100)), True, False),
        (_riff(b"AVI ", bytes(100)) + _riff(b"AVIX", bytes(100), size=5000), True, True),
        (_riff(b"AVI ", bytes(100)) + _riff(b"AVIX", bytes(100), size=0), False, None),
    ],
)
def test_an_avi_is_cut_if_a_part_states_more_than_there_is(
    tmp_path: Path, content: bytes, is_stated: bool, is_cut: bool | None
) -> None:
    found = _length(tmp_path, content, told_ms=5)
    assert (found.is_stated, found.is_cut) == (is_stated, is_cut)


# --- bounds ----------------------------------------------------------------------------------------------


def test_broken_bytes_are_read_within_the_bounds_and_raise_nothing() -> None:
    """Thousands of mutants of every container that has a reader, and of their first and last bytes."""
    chance = random.Random(1)
    originals = [
        remux(MKV, subtitle_ms=(1000, 10)),
        remux(MKV, to_pipe=True, options=(("live", "1"),)),
        remux("avi", to_pipe=True),
        video_bytes("mp4"),
        _FTYP + _MOOV + _FRAGMENT * 100,
        remux("mpegts"),
        _recording(0, 6),
        remux("asf", to_pipe=True),
        b"FLV\1\5\0\0\0\x09" + bytes(4) + _flash_tag(9, 0) * 50,
        _page(0, b"\x80theora" + bytes(50)) + _page(70, b"a") * 20,
    ]
    descriptor = os.memfd_create("mutant")
    for number in range(3000):
        content = bytearray(originals[number % len(originals)])
        for _ in range(chance.choice((1, 2, 8, 64))):
            content[chance.randrange(chance.choice((600, len(content))))] = chance.choice(
                (0, 255, chance.randrange(256))
            )
        del content[chance.choice((len(content), chance.randrange(len(content)))) :]
        os.ftruncate(descriptor, len(content))
        os.pwrite(descriptor, content, 0)
        found = read_length(descriptor, None)
        assert found.duration_ms is None or found.duration_ms > 0
    os.close(descriptor)


def test_no_more_is_read_than_the_bounds_allow(tmp_path: Path) -> None:
    path = tmp_path / "film.bin"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        source = Source(descriptor)
        for number in range(MOST_READS):
            assert source.read(number << 20, 10) == bytes(10)
        assert source.read(5 << 20, 10) == bytes(10), "what was read before is kept"
        with pytest.raises(BoundReached):
            source.read(1 << 39, 10)
        with pytest.raises(BoundReached):
            Source(descriptor).read(0, MOST_BYTES + 1)
        assert Source(descriptor).read((1 << 40) - 3, 10) == bytes(3)
        assert Source(descriptor).read(1 << 62, 10) == b""
    finally:
        os.close(descriptor)


def _ebml(ident: int, *parts: bytes) -> bytes:
    """Make an element of Matroska with a size of eight bytes."""
    content = b"".join(parts)
    return ident.to_bytes((ident.bit_length() + 7) // 8, "big") + (1 << 56 | len(content)).to_bytes(8, "big") + content


def test_each_of_a_blocks_frames_counts(tmp_path: Path) -> None:
    """mkvmerge puts eight frames of sound in a block. Then the last block is not only one frame long."""
    track = _ebml(
        Id.TRACK_ENTRY,
        _ebml(Id.TRACK_NUMBER, b"\x01"),
        _ebml(Id.TRACK_TYPE, b"\x02"),
        _ebml(Id.CODEC_ID, b"A_AAC"),
        _ebml(Id.DEFAULT_DURATION, (23_000_000).to_bytes(4, "big")),
    )
    blocks = [_ebml(Id.SIMPLE_BLOCK, b"\x81", at.to_bytes(2, "big"), b"\x84\x07", bytes(80)) for at in (0, 184, 368)]
    video = _ebml(Id.EBML) + _ebml(
        Id.SEGMENT,
        _ebml(Id.INFO, _ebml(Id.DURATION, struct.pack(">d", 552.0))),
        _ebml(Id.TRACKS, track),
        _ebml(Id.CLUSTER, _ebml(Id.TIMESTAMP, b"\0"), *blocks),
    )
    path = tmp_path / "film.mkv"
    path.write_bytes(video)
    with path.open("rb") as file:
        assert read_length(file.fileno(), None).duration_ms == 552
