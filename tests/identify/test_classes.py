"""Classes of names that invite a wrong reading: each is read rightly or asked about, whatever its numbers.

The second corpus has some names of each class; here each class is generated.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.domain.identity import Accepted, Clues, Reading
from reeld.identify.titles import title_key
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
