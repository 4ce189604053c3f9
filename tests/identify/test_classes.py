"""Classes of names that invite a wrong reading: each is read rightly or asked about, whatever its numbers.

The second corpus has some names of each class; here each class is generated.
"""

import datetime as dt
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.domain.identity import Accepted, Clues, Ignored, Reading
from reeld.domain.titles import title_key
from reeld.identify.verdict import identify

TITLES = ("Salt Road", "The Iron Coast", "Тихая гавань", "Kuzey Rüzgarı", "Pier 7", "Überfahrt", "風の灯台")
titles = st.sampled_from(TITLES)
seasons = st.integers(1, 12)
episodes = st.integers(1, 40)
separators = st.sampled_from([" ", ".", "_"])
"""What stands between the words of a file's name."""


def accepted(path: str, *, siblings: tuple[str, ...] = ()) -> Reading | None:
    """Return the reading that a name is accepted as; None if it is asked about or ignored."""
    verdict = identify(Clues(path=path, siblings=siblings))
    return verdict.reading if isinstance(verdict, Accepted) else None


def assert_title(reading: Reading, title: str) -> None:
    assert title_key(reading.title or "") == title_key(title)


RANGES = (
    "S{s:02}E{a:02}-{b}", "S{s:02}E{a:02}-{b:02}", "s{s}e{a}-e{b}", "S{s:02}E{a:02} - E{b:02}", "S{s:02}E{a:02}~{b:02}",
    "{s}x{a:02}-{b}", "{s}x{a:02}-{b:02}", "{s}x{a:02}-{s}x{b:02}", "{s}x{a}-{s}x{b}", "(S{s}E{a}-{b}.of.40)",
    "Season {s} Episode {a}-{b}", "Staffel {s} Folge {a}-{b}",
)  # fmt: skip
PAIRS = (
    "S{s:02}E{a:02}E{b:02}", "S{s:02}E{a:02}x{b:02}", "S{s:02}E{a}&{b}", "S{s:02}E{a:02}+{b:02}", "{s}x{a:02}x{b:02}",
    "{s}x{a:02}_{b:02}", "{s:02}x{a:02}+{b:02}", "S{s:02}E{a:02}.S{s:02}E{b:02}", "Season {s} Episode {a}+{b}",
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(
    title=titles,
    season=seasons,
    first=episodes,
    more=st.integers(1, 5),
    form=st.sampled_from(RANGES),
    place=st.sampled_from(["", "TV/{t}/", "TV/{t}/Season {s}/"]),
    tail=st.sampled_from([" 1080p", " - Harbour", ".Harbour", ""]),
    separator=separators,
)
def test_no_end_of_a_range_is_lost(
    title: str, season: int, first: int, more: int, form: str, place: str, tail: str, separator: str
) -> None:
    number = form.format(s=season, a=first, b=first + more)
    name = f"{title} {number}{tail}".replace(" ", separator)
    reading = accepted(place.format(t=title, s=season) + name + ".mkv")
    if reading:
        assert_title(reading, title)
        assert (reading.season_number, reading.episode_numbers) == (season, tuple(range(first, first + more + 1)))


@settings(deadline=None, max_examples=100)
@given(
    title=titles,
    season=seasons,
    first=episodes,
    apart=st.integers(1, 4),
    form=st.sampled_from(PAIRS),
    place=st.sampled_from(["", "TV/{t}/", "TV/{t}/Season {s}/"]),
)
def test_a_chain_is_accepted_with_all_its_numbers_or_asked_about(
    title: str, season: int, first: int, apart: int, form: str, place: str
) -> None:
    number = form.format(s=season, a=first, b=first + apart)
    reading = accepted(place.format(t=title, s=season) + f"{title} {number}.mkv")
    if reading:
        assert apart == 1
        assert (reading.season_number, reading.episode_numbers) == (season, (first, first + 1))


SEASON_FOLDERS = (
    "Season {s}", "Season {s:02}", "S{s:02}", "Staffel {s}", "{s}. Staffel", "{t} Season {s}", "{t} - Season {s}",
    "{t} - {s}. serie", "{t} Saison {s}", "{t}.Season.{s}", "{t} Complete Season {s}", "{t} S{s:02}",
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(
    title=st.one_of(titles, st.builds("{} {}".format, st.sampled_from(["Dock", "Kanal", "Линия"]), st.integers(1, 99))),
    season=seasons,
    episode=episodes,
    folder=st.sampled_from(SEASON_FOLDERS),
    inner=st.sampled_from(["", "{s}x{e:02} - Nets/", "S{s:02}E{e:02}/", "{s}x{e:02} - Nets (2014)/"]),
    name=st.sampled_from(["{s}x{e:02} - Nets", "{t} S{s:02}E{e:02}", "{e:02} - Nets", "Episode {e:02}"]),
)
def test_a_season_folder_gives_season_and_title_whatever_number_the_title_ends_in(
    title: str, season: int, episode: int, folder: str, inner: str, name: str
) -> None:
    path = f"TV/{{t}}/{folder}/{inner}{name}.mkv".format(t=title, s=season, e=episode)
    reading = accepted(path)
    if reading:
        assert_title(reading, title)
        assert (reading.season_number, reading.episode_numbers) == (season, (episode,))


@settings(deadline=None, max_examples=80)
@given(
    title=titles,
    season=seasons,
    episode=st.integers(1, 9),
    folder=st.sampled_from(
        ["Season {s}/Disc 2", "Season {s}/DVD1", "Season {s} Disc 2", "Seasons 1-{l}", "S01-S{l:02}", "Season 1 & 2"]
    ),
    name=st.sampled_from(["{e:02}", "Episode {e}", "{e:02} - Nets", "E{e:02}"]),
    count=st.integers(0, 5),
)
def test_a_number_of_one_disc_or_of_several_seasons_is_asked_about(
    title: str, season: int, episode: int, folder: str, name: str, count: int
) -> None:
    form = f"TV/{title}/{folder.format(s=season, l=season + 1)}/{name}.mkv"
    others = [number for number in range(1, count + 1) if number != episode]
    siblings = tuple(form.format(e=number).rpartition("/")[2] for number in others)
    assert accepted(form.format(e=episode), siblings=siblings) is None


def test_a_marker_says_the_season_in_a_folder_of_several() -> None:
    for folder in ("Seasons 1-3", "S01-S03", "Season 2/Disc 2"):
        reading = accepted(f"TV/Salt Road/{folder}/Salt Road - S02E04.mkv")
        assert reading
        assert (reading.season_number, reading.episode_numbers) == (2, (4,))


@settings(deadline=None, max_examples=100)
@given(
    title=st.sampled_from(["Kumo to Tori", "Yoru no Fune", "風の灯台", "Ветер"]),
    number=st.integers(1, 60),
    word=st.sampled_from(["OVA", "OAD", "Special", "SP", "NCOP", "NCED2", "PV", "CM", "Recap", "Menu"]),
    form=st.sampled_from(
        ["{t} - {n:02} - {w} [1080p]", "{t} - {n:02} {w} [BD]", "{t} {w} - {n:02} [BD]", "{t} - {w}{n}"]
    ),
    place=st.sampled_from(["", "Anime/{t}/"]),
    separator=st.sampled_from([" ", "_"]),
)
def test_a_special_is_none_of_the_numbered_episodes(
    title: str, number: int, word: str, form: str, place: str, separator: str
) -> None:
    name = form.format(t=title, n=number, w=word).replace(" ", separator)
    reading = accepted(f"{place.format(t=title)}[Gull]{separator}{name}.mkv")
    assert reading is None or reading.season_number == 0


@settings(deadline=None, max_examples=150)
@given(
    title=st.sampled_from([title for title in TITLES if not title[-1].isdigit()]),
    season=st.integers(2, 12),
    episode=episodes,
    each=st.integers(5, 40),
    form=st.sampled_from(["{c}.{t}.{m}", "#{c} {t} {m}", "{t} 0{c} - {m}", "[Gull] {t} {c} {m}", "{c:03} {t} - {m}"]),
    marker=st.sampled_from(["S{s:02}E{e:02}", "{s}x{e:02}", "s{s:02}e{e:03}"]),
    place=st.sampled_from(["", "TV/{t}/", "TV/{t}/Season {s}/"]),
)
def test_a_number_that_counts_all_episodes_is_no_part_of_the_title(
    title: str, season: int, episode: int, each: int, form: str, marker: str, place: str
) -> None:
    count = (season - 1) * each + episode
    name = form.format(t=title, c=count, m=marker.format(s=season, e=episode))
    name = name.replace(" ", ".") if form.startswith("{c}.") else name
    reading = accepted(f"{place.format(t=title, s=season)}{name}.mkv")
    if reading:
        assert_title(reading, title)
        assert (reading.season_number, reading.episode_numbers) == (season, (episode,))


@settings(deadline=None, max_examples=60)
@given(
    title=titles,
    extra=st.sampled_from(
        ["Deleted Scenes", "Making Of", "Behind The Scenes", "Featurettes", "Bonus Disc", "Extras Only", "Trailer 2",
         "Appendices Part 3", "Gag Reel", "Outtakes", "Interviews"]
    ),
    form=st.sampled_from(["{t} {x} 2012 1080p BluRay x264-GRP", "{t} {x} (2012)", "{t} {x} 2012"]),
    separator=separators,
    place=st.sampled_from(["", "Movies/", "Movies/{t} (2012)/"]),
)  # fmt: skip
def test_an_extra_that_is_named_before_the_year_is_no_film(
    title: str, extra: str, form: str, separator: str, place: str
) -> None:
    name = form.format(t=title, x=extra).replace(" ", separator)
    assert accepted(f"{place.format(t=title)}{name}.mkv") is None


@settings(deadline=None, max_examples=60)
@given(
    title=st.sampled_from(["Salt Road", "Kuzey Rüzgarı", "Überfahrt"]),
    group=st.sampled_from(["4k", "x7", "k9", "ebb", "3d"]),
    number=st.sampled_from(["s02e06-720p", "2014-1080p", "S02E06"]),
    case=st.sampled_from([str, str.lower]),
)
def test_a_group_in_front_is_no_part_of_the_title(title: str, group: str, number: str, case: type[str]) -> None:
    reading = accepted(f"{group}-{case(title).replace(' ', '-')}-{number}.mkv")
    if reading:
        assert_title(reading, title)


@settings(deadline=None, max_examples=80)
@given(
    title=titles,
    folder=seasons,
    season=seasons,
    episode=st.integers(1, 50),
    form=st.sampled_from(
        ["{t} Cap.{n}", "Cap.{n}", "{t} - {n} - Nets", "{t} {n}", "{t} {n} 720p", "Ep{n}", "{t}.{n}.Nets"]
    ),
)
def test_season_and_episode_in_one_number_need_the_folder_to_say_so(
    title: str, folder: int, season: int, episode: int, form: str
) -> None:
    name = form.format(t=title, n=season * 100 + episode)
    reading = accepted(f"TV/{title}/Season {folder}/{name}.mkv")
    if reading:
        assert folder == season
        assert (reading.season_number, reading.episode_numbers) == (season, (episode,))


@settings(deadline=None, max_examples=60)
@given(
    title=titles,
    word=st.sampled_from(["Trailer", "Teaser", "Sample", "Featurette", "trailer"]),
    form=st.sampled_from(
        ["{t} - S01E02 - {w}", "{t} 1x02 {w}", "S01E02 - {w}", "{t}.S01E02.{w}", "{t}_-_S01E02_-_{w}"]
    ),
    place=st.sampled_from(["", "TV/{t}/Season 1/"]),
)
def test_an_episode_that_is_called_like_an_extra_is_never_ignored(title: str, word: str, form: str, place: str) -> None:
    verdict = identify(Clues(path=f"{place.format(t=title)}{form.format(t=title, w=word)}.mkv"))
    assert not isinstance(verdict, Ignored)


@settings(deadline=None, max_examples=80)
@given(
    title=titles,
    marker=st.sampled_from(["S02E05", "2x05", "02x05"]),
    brackets=st.sampled_from(["[]", "()", "{}", "【】"]),
    word=st.sampled_from(["Nets", "Low Tide", "Мост"]),
    form=st.sampled_from(["{t} {m} {w}", "{t} - {m} - {w}", "{m} {w}", "{t}.{m}.{w}"]),
)
def test_no_bracket_around_the_marker_is_left_in_a_title(
    title: str, marker: str, brackets: str, word: str, form: str
) -> None:
    name = form.format(t=title, m=brackets[0] + marker + brackets[1], w=word)
    reading = accepted(f"TV/{title}/Season 2/{name}.mkv")
    if reading:
        assert_title(reading, title)
        assert reading.episode_title == word


@settings(deadline=None, max_examples=60)
@given(
    title=titles,
    episode=episodes,
    part=st.integers(1, 4),
    form=st.sampled_from(["{t} S02E{e:02} Part {p}", "{t} - s02e{e:02} - Nets - pt{p}", "{t}.S02E{e:02}.part{p}"]),
)
def test_a_part_of_an_episode_is_known_alone_and_beside_the_other(
    title: str, episode: int, part: int, form: str
) -> None:
    name = form.format(t=title, e=episode, p=part)
    other = form.format(t=title, e=episode, p=part + 1)
    for siblings in ((), (f"{other}.mkv",)):
        reading = accepted(f"TV/{title}/Season 2/{name}.mkv", siblings=siblings)
        assert reading
        assert (reading.episode_numbers, reading.part) == ((episode,), part)


def test_episodes_that_are_called_parts_are_no_parts_of_an_episode() -> None:
    names = [f"Salt Road S01E0{number} Part {number}.mkv" for number in (1, 2, 3)]
    for name in names:
        reading = accepted(f"TV/Salt Road/Season 1/{name}", siblings=tuple(other for other in names if other != name))
        assert reading
        assert reading.part is None


@settings(deadline=None, max_examples=80)
@given(
    title=st.sampled_from(["Salt Road", "The Iron Coast", "Тихая гавань", "風の灯台"]),
    word=st.text("ABCDEFGHIKLMNOPRSTUVWZ", min_size=5, max_size=9),
    form=st.sampled_from(["{t}.2014.{w}.1080p.WEB.H264-GRP", "{t} 2014 {w} 1080p BluRay x264-GRP"]),
)
def test_one_unknown_word_between_year_and_quality_changes_no_film(title: str, word: str, form: str) -> None:
    name = form.format(t=title.replace(" ", "." if form.startswith("{t}.") else " "), w=word)
    reading = accepted(f"{name}.mkv")
    if reading:
        assert_title(reading, title)
        assert (reading.kind, reading.year) == ("movie", 2014)


def test_a_word_of_extras_or_of_several_films_behind_the_year_is_asked_about() -> None:
    for word in (
        "EXTRAS",
        "Featurette",
        "Bonus",
        "Trailer",
        "TRiLOGY",
        "Collection",
        "Special",
        "Menu",
        "Recap",
        "II",
        "COMPLETE",
    ):
        assert accepted(f"Salt.Road.2014.{word}.1080p.BluRay.x264-GRP.mkv") is None, word
    assert accepted("Salt.Road.2014.Two.Words.1080p.BluRay.x264-GRP.mkv") is None


@settings(deadline=None, max_examples=80)
@given(
    title=titles,
    width=st.integers(320, 4096),
    height=st.integers(240, 2304),
    form=st.sampled_from(
        ["{t} S02E05 {z}", "{t} S02E05 [{z} x265]", "{t}.2x05.{z}", "{t} (2014) {z}", "{t}.2014.{z}.x264"]
    ),
)
def test_the_size_of_the_picture_is_no_marker(title: str, width: int, height: int, form: str) -> None:
    name = form.format(t=title, z=f"{width}x{height}")
    is_film = "2014" in form
    reading = accepted(f"Movies/{title} (2014)/{name}.mkv" if is_film else f"TV/{title}/Season 2/{name}.mkv")
    assert reading
    assert_title(reading, title)
    assert (reading.season_number, reading.episode_numbers) == ((None, ()) if is_film else (2, (5,)))


@settings(deadline=None, max_examples=60)
@given(
    title=titles, day=st.dates(dt.date(1990, 1, 1), dt.date(2026, 1, 1)), form=st.sampled_from(["{t} {d}", "{t} - {d}"])
)
def test_a_compact_date_is_a_day_in_the_series_folder_alone(title: str, day: dt.date, form: str) -> None:
    name = form.format(t=title, d=f"{day:%Y%m%d}")
    reading = accepted(f"TV/{title}/{name}.ts")
    assert reading is None or reading.air_date == day.isoformat()
    assert accepted(f"Videos/{name}.ts") is None


@settings(deadline=None, max_examples=60)
@given(
    title=titles,
    number=st.integers(1, 400),
    form=st.sampled_from(
        ["[Gull][{t}][{n:02}][1080p]", "【Gull】【{t}】【{n:02}】【GB】", "[Gull] {t} [{n:02}][1080p]"]
    ),
)
def test_a_name_all_in_brackets_has_group_title_and_number(title: str, number: int, form: str) -> None:
    reading = accepted(f"{form.format(t=title, n=number)}.mkv")
    if reading:
        assert_title(reading, title)
        assert reading.absolute_numbers == (number,)


def test_the_id_says_that_a_work_has_two_titles() -> None:
    film = accepted("Movies/Stille Havn (1988) {tmdb-812345}/Quiet.Harbour.1988.1080p.BluRay.x264-GRP.mkv")
    assert film
    assert (film.title, film.year, film.tmdb_id) == ("Stille Havn", 1988, 812345)
    assert accepted("Movies/Stille Havn (1988) {tmdb-812345}/Quiet.Harbour.1989.1080p.BluRay.x264-GRP.mkv") is None
    assert accepted("Movies/Stille Havn (1988)/Quiet.Harbour.1988.1080p.BluRay.x264-GRP.mkv") is None


@settings(deadline=None, max_examples=60)
@given(title=titles, season=seasons, episode=episodes, part=st.integers(1, 4))
def test_a_disc_is_the_episode_or_the_part_of_the_film_that_its_folder_says(
    title: str, season: int, episode: int, part: int
) -> None:
    for inside in ("VIDEO_TS/VTS_01_1.VOB", "BDMV/STREAM/00001.m2ts"):
        of_series = accepted(f"TV/{title}/Season {season}/{title} S{season:02}E{episode:02}/{inside}")
        assert of_series
        assert_title(of_series, title)
        assert (of_series.season_number, of_series.episode_numbers) == (season, (episode,))
        of_film = accepted(f"Movies/{title} (1981)/{title} Disc {part}/{inside}")
        assert of_film
        assert_title(of_film, title)
        assert (of_film.kind, of_film.year, of_film.part) == ("movie", 1981, part)
        assert accepted(f"TV/{title}/Season {season}/Disc {part}/{inside}") is None


@settings(deadline=None, max_examples=60)
@given(
    title=titles.filter(lambda title: not title[-1].isdigit()),
    first=st.integers(1, 12),
    month=st.integers(1, 12),
    form=st.sampled_from(["{t} {d:02}.{m:02}.2014", "{t} {m:02}.{d:02}.2014"]),
)
def test_siblings_decide_whether_the_day_or_the_month_stands_in_front(
    title: str, first: int, month: int, form: str
) -> None:
    days = range(first, first + 12)
    names = [f"{form.format(t=title, d=day, m=month)}.ts" for day in days]
    for day, name in zip(days, names, strict=True):
        reading = accepted(f"TV/{title}/{name}", siblings=tuple(other for other in names if other != name))
        if reading:
            assert reading.air_date == f"2014-{month:02}-{day:02}"
    if first != month:
        assert accepted(f"TV/{title}/{names[0]}") is None


@settings(deadline=None, max_examples=40)
@given(
    event=st.sampled_from(["Motor.Race", "Oscars", "Tour.of.Hills", "Grass.Open", "Strand"]),
    year=st.integers(1990, 2024),
    word=st.sampled_from(["Monaco", "Semifinal", "Stage", "Radiohead", "Finals", "ceremony", "Dinosaurs", "Пятница"]),
    form=st.sampled_from(["{e}.{y}.{w}.", "{e}.({y}).{w}."]),
    spelled=st.sampled_from([str, str.upper, str.lower]),
)
def test_one_of_many_works_of_a_year_is_asked_about(
    event: str, year: int, word: str, form: str, spelled: Callable[[str], str]
) -> None:
    """Only a tag is written in capitals within a name that is not."""
    assert accepted(spelled(form.format(e=event, y=year, w=word)) + "1080p.WEB.x264-GRP.mkv") is None


@pytest.mark.parametrize("tag", ["LDRip", "EAC3D", "NORDiCAST", "Tagalog", "maltese", "REPACK2"])
def test_a_tag_behind_the_year_is_no_question(tag: str) -> None:
    reading = accepted(f"Salt.Road.2014.{tag}.1080p.WEB-DL.x264-GRP.mkv")
    assert reading is not None
    assert (reading.title, reading.year) == ("Salt Road", 2014)
