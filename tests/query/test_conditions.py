"""Does each field find the files that it says, also together with `or`, `not` and brackets?"""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reeld
from reeld.catalog.models import Episode, EpisodeFile, Movie, Series, VideoFile
from reeld.database.connection import writing
from reeld.database.statements import rows
from reeld.errors import QueryError, UsageError
from reeld.query.ask import SAVED, only_ignored, understand
from reeld.query.fields import FIELDS
from reeld.query.find import find_files, find_works
from reeld.query.order import FILE_ORDERS, WORK_ORDERS
from reeld.query.search_index import count_waiting, fill_index
from tests.query.shelf import GIB, NOW, Shelf


@pytest.fixture
def shelf(catalog: Path) -> Shelf:
    assert catalog.exists()
    return Shelf()


def test_every_example_of_every_field_is_understood_and_can_be_asked(shelf: Shelf) -> None:
    shelf.film("Heat", 1995)
    asked = 0
    for name, field in FIELDS.items():
        for example in field.examples.split(", "):
            assert example.startswith(f"{name}:")
            shelf.find(example)
            shelf.find(f"-{example}")
            asked += 1
    assert asked > 80


def test_the_page_has_every_field_as_it_is() -> None:
    page = (Path(reeld.__file__).parent.parent / "QUERIES.md").read_text()
    rows_of_page = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows_of_page == [
        f"| `{name}:` | {field.meaning} | {', '.join(f'`{each}`' for each in field.examples.split(', '))} |"
        for name, field in FIELDS.items()
    ]


def test_a_value_that_a_field_does_not_have_is_refused_with_what_to_write(shelf: Shelf) -> None:
    assert shelf.find("") == []
    for name in FIELDS:
        if FIELDS[name].values:
            with pytest.raises(QueryError, match=f"{name}: has no value 'nothing'") as caught:
                shelf.find(f"{name}:nothing")
            assert FIELDS[name].examples in str(caught.value.hint)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["amelie", "big", "clip", "gone", "heat", "seed"]),
        ("heat", ["heat"]),
        ("HEA", ["heat"]),
        ("eat", []),
        ("1995", ["heat"]),
        ("am\u00e9lie", ["amelie"]),
        ("ame\u0301lie", ["amelie"]),
        ('"le fabuleux"', ["amelie"]),
        ('"fabuleux le"', []),
        ("clip", ["clip"]),
        ("title:heat", ["heat"]),
        ("title:=heat", ["heat"]),
        ("title:=hea", []),
        ("year:1990..1999", ["gone", "heat", "seed"]),
        ("resolution:2160p", ["big"]),
        ("resolution:>=2160p", ["big"]),
        ("resolution:<720p", ["amelie"]),
        ("resolution:576p,2160p", ["amelie", "big"]),
        ("codec:hevc", ["big"]),
        ("codec:x265", ["big"]),
        ("codec:H.265", ["big"]),
        ("hdr:dv", ["big"]),
        ("hdr:any", ["big"]),
        ("audio:fr", ["amelie", "big"]),
        ("audio:pt-BR", ["big"]),
        ("audio:pt", ["big"]),
        ("audio:und", ["gone", "heat", "seed"]),
        ("-audio:fr", ["clip", "gone", "heat", "seed"]),
        ("subtitle:de", ["amelie"]),
        ("added:<7d", ["heat"]),
        ("added:2026-06", ["heat"]),
        ("size:>20GiB", ["big"]),
        ("size:<=1GiB", ["amelie", "clip", "gone", "heat", "seed"]),
        ("duration:<10min", ["amelie"]),
        ("bitrate:>40Mbit", ["big"]),
        ("state:gone", ["gone"]),
        ("-state:gone", ["amelie", "big", "clip", "heat", "seed"]),
        ("verdict:pending", ["clip"]),
        ("verdict:ignored", ["trailer"]),
        ("verdict:pending,ignored", ["clip", "trailer"]),
        ("library:films", ["amelie", "big", "clip", "gone", "heat", "seed"]),
        ('library:"My Series"', []),
        ("links:elsewhere", ["seed"]),
        ("links:none", ["amelie", "big", "clip", "gone", "heat"]),
        ("links:>=2", ["seed"]),
        ("has:hash", ["heat"]),
        ("has:edition", ["big"]),
        ("edition:director", ["big"]),
        ("path:folder/he", ["heat"]),
        ("name:%", []),
        ("tmdb:949", ["heat"]),
        ("id:1", ["amelie"]),
        ("id:m2", ["heat"]),
        ("kind:none", ["clip"]),
        ("codec:hevc or heat", ["big", "heat"]),
        ("-(codec:hevc or heat)", ["amelie", "clip", "gone", "seed"]),
        ("codec:hevc heat", []),
        ("(year:1995 or year:2001) -audio:fr", ["heat"]),
    ],
)
def test_a_query_finds_its_files(shelf: Shelf, query: str, found: list[str]) -> None:
    shelf.film(
        "Le Fabuleux Destin d'Am\u00e9lie Poulain", 2001, name="amelie", resolution_width=720, resolution_height=576,
        languages=["fr"], subtitle_languages=["de", "en"], duration_ms=599_999,
    )  # fmt: skip
    shelf.film("Heat", 1995, name="heat", first_seen_at=NOW - timedelta(days=3), file_hash="ab", tmdb_id=949)
    shelf.film(
        "Big", 1988, name="big", resolution_width=3840, resolution_height=1600, codec_video="hevc",
        hdr="Dolby Vision", size_bytes=40 * GIB, languages=["fr-CA", "pt-BR"], edition="Director's Cut",
    )  # fmt: skip
    shelf.film("Gone", 1999, name="gone", state="missing", missing_since=NOW)
    shelf.film("Seed", 1999, name="seed", links=2)
    shelf.file("clip", verdict="pending", container=None, codec_audio=None, codec_video=None)
    shelf.file("trailer", verdict="ignored")
    assert sorted(shelf.find(query)) == found


def test_what_lies_beside_a_video_is_asked_for(shelf: Shelf) -> None:
    """Subtitles count inside the file and beside it."""
    shelf.film("Inside", name="inside", subtitle_languages=["fr"])
    shelf.beside(shelf.film("Canadian", name="canadian"), "subtitle", language="fr-CA", is_forced=True)
    shelf.beside(shelf.film("Index", name="index"), "subtitle_index", language="fr")
    film = shelf.film("Much", name="much")
    for kind in ("nfo", "poster", "fanart"):
        shelf.beside(film, kind)
    shelf.film("Bare", name="bare")
    everything = {"inside", "canadian", "index", "much", "bare"}
    for query, found in (
        ("subtitle:fr", {"inside", "canadian"}),
        ("subtitle:fr-CA", {"canadian"}),
        ("subtitle:f,fra", set()),
        ("has:subtitle", {"inside", "canadian"}),
        ("has:subtitlefile", {"canadian"}),
        ("has:nfo", {"much"}),
        ("has:picture", {"much"}),
    ):
        assert set(shelf.find(query)) == found, query
        assert set(shelf.find(f"-{query}")) == everything - found, query


def test_names_of_a_file_without_a_lasting_number_are_not_known(shelf: Shelf) -> None:
    shelf.film("Known", name="known")
    shelf.film("Not", name="not", inode=0)
    shelf.film("Older", name="older", links=None)
    assert shelf.find("links:none") == ["known"]
    assert shelf.find("links:>=0") == ["known"]
    assert sorted(shelf.find("links:unknown")) == ["not", "older"]


def test_episodes_are_found_by_all_that_they_are_called(shelf: Shelf) -> None:
    shelf.episode("Quiet Kin", 1, 1, "Pilot")
    shelf.episode("Quiet Kin", 2, 7, "The Heat")
    shelf.episode("Severance", 2, 1, "Hello")
    first, second, other = shelf.names.values()
    assert shelf.find('series:"quiet kin"') == [first, second]
    assert shelf.find("quiet kin season:2") == [second]
    assert shelf.find("series:quiet title:heat") == [second]
    assert shelf.find("kin heat") == [second]
    assert shelf.find("season:2 episode:<3") == [other]
    assert shelf.find("year:2010") == [first, second, other]
    assert shelf.find('library:"My Series" -season:2') == [first]


def _works(kind: str, query: str, *, order: Sequence[str] = (), also_missing: bool = False) -> list[str]:
    fill_index(lambda: True)
    table = {"movie": "movies", "series": "series", "episode": "episodes"}[kind]
    titles = dict(rows(f"SELECT id, title FROM {table}"))
    ids = find_works(kind, understand(query, {}, NOW), order, also_missing=also_missing)
    return [titles[work_id] for work_id in ids]


def test_a_work_is_found_if_one_of_its_files_meets_the_whole_query(shelf: Shelf) -> None:
    shelf.film("Heat", 1995, codec_video="hevc", size_bytes=1)
    shelf.film("Heat", 1995, size_bytes=9)
    shelf.film("Up", 2009, state="missing")
    shelf.episode("Fargo", 1, 1, "One", codec_video="hevc")
    shelf.episode("Fargo", 1, 2, "Two")
    assert _works("movie", "codec:hevc") == ["Heat"]
    assert _works("movie", "codec:hevc size:9") == []
    assert _works("movie", "") == ["Heat"]
    assert _works("movie", "", also_missing=True) == ["Heat", "Up"]
    assert _works("movie", "state:gone") == ["Up"]
    assert _works("series", "codec:hevc") == ["Fargo"]
    assert _works("episode", "-codec:hevc") == ["Two"]


def test_titles_are_in_the_order_of_a_shelf(shelf: Shelf) -> None:
    titles = ["10 Things", "2 Fast", "The Matrix", "A Bug's Life", "Zulu", "Mad Max", "\u00c9t\u00e9"]
    for title in titles:
        shelf.film(title)
    in_order = ["2 Fast", "10 Things", "A Bug's Life", "\u00c9t\u00e9", "Mad Max", "The Matrix", "Zulu"]
    assert _works("movie", "") == in_order
    assert _works("movie", "", order=["-title"]) == in_order[::-1]
    assert [shelf.names[each] for each in find_files(understand("", {}, NOW), ["title"])] == in_order


def _in_order(name: str, limit: int | None = None) -> list[int]:
    return list(find_files(understand("", {}, NOW), [name], limit))


def test_every_order_works_both_ways_and_what_is_unknown_stands_last(shelf: Shelf) -> None:
    shelf.film("One", 1990, size_bytes=1, duration_ms=100, first_seen_at=NOW - timedelta(days=9), missing_since=NOW)
    shelf.film(
        "Two", 1995, size_bytes=2, duration_ms=150, resolution_width=3840, first_seen_at=NOW,
        missing_since=NOW + timedelta(days=1), changed_at=NOW,
    )  # fmt: skip
    shelf.file("clip", resolution_width=None, duration_ms=None, size_bytes=3)
    shelf.episode("Fargo", 1, 1, "Pilot", size_bytes=4)
    everything = understand("", {}, NOW)
    for name in FILE_ORDERS:
        forth, back = _in_order(name), _in_order(f"-{name}")
        assert sorted(forth) == sorted(back) == [1, 2, 3, 4], name
    assert _in_order("-size", 2) == [4, 3]
    assert _in_order("duration")[-1] == _in_order("-duration")[-1] == 3
    for kind, orders in WORK_ORDERS.items():
        for name in orders:
            assert find_works(kind, everything, [name])
    with pytest.raises(UsageError, match="nothing to sort by"):
        _in_order("colour")


def test_saved_queries_stand_for_what_they_say(shelf: Shelf) -> None:
    shelf.film("Heat", codec_video="hevc")
    shelf.film("Up")
    saved = {"new": "codec:hevc", "all": f"{SAVED}:new or up", "round": f"{SAVED}:round", "bad": "year:x"}
    assert shelf.find("query:new", **saved) == ["Heat"]
    assert shelf.find("-query:new", **saved) == ["Up"]
    assert shelf.find("query:all", **saved) == ["Heat", "Up"]
    with pytest.raises(QueryError, match="no query is saved as 'old'") as caught:
        shelf.find("query:old", **saved)
    assert caught.value.hint == "[queries] of the configuration has: all, bad, new, round"
    with pytest.raises(QueryError, match="circle"):
        shelf.find("query:round", **saved)
    with pytest.raises(QueryError, match="in the saved query 'bad': year: has no value"):
        shelf.find("query:bad", **saved)


def test_ignored_files_are_asked_for_alone(shelf: Shelf) -> None:
    shelf.film("Heat")
    shelf.file("trailer", verdict="ignored")
    found = find_files(only_ignored(understand("", {}, NOW)))
    assert [shelf.names[each] for each in found] == ["trailer"]


# --- against the facts themselves ------------------------------------------------------------------------

Facts = dict[str, Any]

_TERMS: dict[str, Callable[[Facts], bool]] = {
    "codec:hevc": lambda f: f["codec_video"] == "hevc",
    "codec:hevc,av1": lambda f: f["codec_video"] in ("hevc", "av1"),
    "hdr:dv": lambda f: f["hdr"] == "Dolby Vision",
    "hdr:none": lambda f: f["hdr"] is None and f["codec_video"] is not None,
    "size:>1GiB": lambda f: f["size_bytes"] > GIB,
    "duration:<10min": lambda f: f["duration_ms"] is not None and f["duration_ms"] < 600_000,
    "audio:fr": lambda f: "fr" in f["languages"],
    "state:gone": lambda f: f["state"] == "missing",
    "verdict:pending": lambda f: f["verdict"] == "pending",
    "verdict:none": lambda f: f["verdict"] is None,
    "year:1995": lambda f: f["year"] == 1995,
    "heat": lambda f: f["title"] == "Heat",
    "links:none": lambda f: f["links"] == 1,
}
_facts = st.fixed_dictionaries(
    {
        "codec_video": st.sampled_from([None, "hevc", "av1", "h264"]),
        "hdr": st.sampled_from([None, "Dolby Vision", "HLG"]),
        "size_bytes": st.sampled_from([1, GIB, GIB + 1]),
        "duration_ms": st.sampled_from([None, 599_999, 600_000]),
        "languages": st.sampled_from([[], ["fr"], ["de", "fr"], ["fy"]]),
        "state": st.sampled_from(["present", "missing"]),
        "verdict": st.sampled_from([None, "accepted", "pending"]),
        "year": st.sampled_from([None, 1995, 2000]),
        "title": st.sampled_from([None, "Heat", "Up"]),
        "links": st.sampled_from([None, 1, 2]),
    }
)
_leaf = st.sampled_from(sorted(_TERMS))
_tree = st.recursive(
    _leaf,
    lambda inner: st.one_of(
        inner.map(lambda term: ("not", term)), st.tuples(st.sampled_from(["and", "or"]), inner, inner)
    ),
    max_leaves=6,
)


def _written(tree: Any) -> str:
    if isinstance(tree, str):
        return tree
    if tree[0] == "not":
        return f"-({_written(tree[1])})"
    return f"({_written(tree[1])}{' or ' if tree[0] == 'or' else ' '}{_written(tree[2])})"


def _holds(tree: Any, facts: Facts) -> bool:
    if isinstance(tree, str):
        return _TERMS[tree](facts)
    if tree[0] == "not":
        return not _holds(tree[1], facts)
    return (any if tree[0] == "or" else all)(_holds(each, facts) for each in tree[1:])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(_facts, max_size=6), tree=_tree)
def test_any_query_finds_what_its_words_say(shelf: Shelf, files: list[Facts], tree: Any) -> None:
    """All examples share one catalogue, which each empties at its end."""
    try:
        for number, facts in enumerate(files):
            plain = {name: value for name, value in facts.items() if name not in ("year", "title")}
            if facts["title"] is None:
                facts["year"] = None
                shelf.file(str(number), **plain)
            else:
                shelf.film(facts["title"], facts["year"], name=str(number), **plain)
        found = shelf.find(_written(tree))
        assert sorted(found) == [str(number) for number, facts in enumerate(files) if _holds(tree, facts)]
    finally:
        with writing():
            for model in (EpisodeFile, Episode, Series, VideoFile, Movie):
                model.delete().execute()
        shelf.names.clear()


# --- the search index ------------------------------------------------------------------------------------


def test_the_index_follows_every_change_of_a_title(shelf: Shelf) -> None:
    shelf.film("Heat")
    shelf.file("old clip", verdict="pending")
    assert shelf.find("heat") == ["Heat"]
    assert shelf.find("clip") == ["old clip"]
    with writing():
        Movie.update(title="Cold").execute()
        VideoFile.update(verdict="accepted").where(VideoFile.verdict == "pending").execute()
    assert count_waiting() == 2
    assert (shelf.find("heat"), shelf.find("cold"), shelf.find("clip")) == ([], ["Heat"], [])
    assert count_waiting() == 0
    with writing():
        VideoFile.update(movie=None).execute()
        Movie.delete().execute()
    assert shelf.find("cold") == []
    assert rows("SELECT count(*) FROM movie_words") == [(0,)]


def test_the_index_is_filled_in_batches_that_may_be_cut_off(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reeld.query.search_index.BATCH", 3)
    for number in range(10):
        shelf.film(f"Film {number}")
    turns = iter([True, True, False])
    assert not fill_index(lambda: next(turns))
    assert count_waiting() == 4
    assert fill_index(lambda: True)
    assert count_waiting() == 0
    assert len(shelf.find("film")) == 10


def test_a_name_that_is_no_text_can_be_searched(shelf: Shelf) -> None:
    shelf.file("caf\udce9 one", verdict="pending")
    assert shelf.find("one") == ["caf\udce9 one"]
    assert shelf.find("name:one") == ["caf\udce9 one"]
    assert json.dumps(shelf.find("path:folder")) == json.dumps(["caf\udce9 one"])
