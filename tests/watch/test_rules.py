"""What counts in a library, and the many titles that look as if they did not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.config import DEFAULT_EXTENSIONS
from reeld.watch.rules import PARTIAL_SUFFIXES, Rules, why_incomplete, why_partial

RULES = Rules()

# Words of real titles, those that tempt a careless rule among them.
WORDS = [
    "Trailer", "Park", "Boys", "The", "Sample", "Extras", "Temp", "Partition", "Part", "Download", "Hidden",
    "Snapshot", "Recycle", "Lost", "Found", "Trash", "Unpack", "Failed", "System", "Volume", "Information",
    "Tmp", "Folder", "Versions", "Incomplete", "Partial", "Cache", "Mission", "Impossible", "Crdownload",
    "Recycler", "Bin", "Eadir", "Zfs", "(2019)", "[1080p]", "S01E02", "&", "+", "1917", "'71", "¡Átame!",
]  # fmt: skip
titles = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).flatmap(
    lambda words: st.sampled_from([" ", ".", "_", "-", ""]).map(lambda glue: glue.join(words))
)


@given(titles, st.sampled_from(sorted(DEFAULT_EXTENSIONS)))
def test_no_title_made_of_ordinary_words_is_skipped(title: str, extension: str) -> None:
    relative = f"{title}/{title} extra/{title}.{extension}"
    assert RULES.why_skip_directory(f"{title}/{title} extra") is None
    assert RULES.is_video_name(f"{title}.{extension}")
    assert RULES.why_ignore_file(relative, 0) is None


@pytest.mark.parametrize(
    "title",
    [
        "Trailer Park Boys",
        "The Sample",
        "Extras",
        "Temp",
        "Partition",
        "lost+found footage",
        "Unpack_me",
        "...And Justice for All (1979)",
        "$9.99 (2008)",
        "#Alive (2020)",
        "@Suicide Room",
        "_Failed",
        "~",
    ],
)
def test_a_real_title_is_entered(title: str) -> None:
    assert RULES.why_skip_directory(f"Films/{title}") is None
    assert RULES.why_ignore_file(f"Films/{title}/{title}.mkv", 1) is None


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir",
        "#recycle",
        "#snapshot",
        ".stfolder",
        ".stversions",
        "lost+found",
        "$RECYCLE.BIN",
        "$Recycle.Bin",
        "System Volume Information",
        ".Trash-1000",
        "_UNPACK_Some.Film.2019",
        ".AppleDouble",
        "@Recycle",
        ".git",
    ],
)
def test_a_junk_directory_is_skipped_at_any_depth_with_all_below_it(name: str) -> None:
    for relative in (name, f"Films/{name}", f"Films/{name}/Film (2001)"):
        why = RULES.why_skip_directory(relative)
        assert why is not None
        assert name in why


def test_the_root_of_a_library_is_always_entered() -> None:
    assert Rules(ignore_patterns=("*", "**")).why_skip_directory("") is None


@pytest.mark.parametrize("suffix", PARTIAL_SUFFIXES)
def test_a_download_under_way_is_ignored_in_any_case_of_its_suffix(suffix: str) -> None:
    assert why_partial(f"Film.mkv{suffix}") is not None
    assert why_partial(f"Film.mkv{suffix.upper()}") is not None
    assert why_partial(f"Film{suffix} is the title.mkv") is None


def test_a_copy_by_rsync_is_ignored_until_it_is_renamed() -> None:
    assert why_partial(".Film.mkv.a8Xk2Z") is not None
    assert why_partial("....And Justice for All.mkv.a8Xk2Z") is not None
    assert why_partial("...And Justice for All.mkv") is None


def test_a_hidden_file_is_ignored_although_its_extension_counts() -> None:
    assert RULES.is_video_name("._Film.mkv")
    assert RULES.why_ignore_file("Films/._Film.mkv", 4096) == "it is hidden"


@pytest.mark.parametrize(
    ("name", "is_video"),
    [
        ("a.mkv", True),
        ("a.MKV", True),
        ("a.b.Mp4", True),
        (".mkv", False),
        ("mkv", False),
        ("a.mkv.part", False),
        ("a.", False),
        ("", False),
        ("a.srt", False),
        ("\udcff.ts", True),
        (".a.mkv", True),
    ],
)
def test_a_video_is_known_by_its_extension(name: str, is_video: bool) -> None:
    assert RULES.is_video_name(name) is is_video


def test_a_file_below_the_minimum_size_is_ignored_and_one_of_that_size_is_not() -> None:
    rules = Rules(minimum_size_bytes=50)
    assert "49 bytes" in (rules.why_ignore_file("a.mkv", 49) or "")
    assert rules.why_ignore_file("a.mkv", 50) is None


@pytest.mark.parametrize(
    ("pattern", "relative", "is_directory"),
    [
        ("*.ts", "deep/down/a.ts", False),
        ("Home videos", "x/Home videos", True),
        ("/Kids", "Kids", True),
        ("Shows/*/Featurettes", "Shows/Dark/Featurettes", True),
        ("**/raw/*.mov", "raw/a.mov", False),
        ("**/raw/*.mov", "x/y/raw/a.mov", False),
        ("raw/", "x/raw", True),
        ("Old/**", "Old/a/b.mkv", False),
        ("a/**/b.mkv", "a/b.mkv", False),
        ("[[]draft] *", "[draft] a.mkv", False),
        ("\udcff*", "\udcff.mkv", False),
    ],
)
def test_an_ignore_pattern_matches(pattern: str, relative: str, is_directory: bool) -> None:
    rules = Rules(ignore_patterns=(pattern,))
    why = rules.why_skip_directory(relative) if is_directory else rules.why_ignore_file(relative, 1)
    assert why is not None
    assert "ignore pattern" in why


@pytest.mark.parametrize(
    ("pattern", "relative", "is_directory"),
    [
        ("*.ts", "a.TS", False),
        ("Home", "Home videos", True),
        ("/Kids", "Shows/Kids", True),
        ("raw/", "raw", False),
        ("Shows/*/Featurettes", "Shows/a/b/Featurettes", True),
        ("x", "deep/xx", True),
        ("", "a.mkv", False),
        ("/", "a", True),
        ("a/**/b.mkv", "a/c.mkv", False),
    ],
)
def test_an_ignore_pattern_does_not_reach_further_than_it_says(pattern: str, relative: str, is_directory: bool) -> None:
    rules = Rules(ignore_patterns=(pattern,))
    why = rules.why_skip_directory(relative) if is_directory else rules.why_ignore_file(relative, 1)
    assert why is None


def test_a_pattern_of_many_stars_is_not_slow() -> None:
    rules = Rules(ignore_patterns=("**/a/" * 40 + "**/b",))
    assert rules.why_ignore_file("a/" * 200 + "c.mkv", 1) is None


@pytest.mark.parametrize("suffix", [".aria2", ".part"])
def test_a_video_beside_its_control_file_is_not_complete(suffix: str) -> None:
    names = {"Film.mkv", f"Film.mkv{suffix}", "Other.mkv"}
    assert why_incomplete("Film.mkv", names) is not None
    assert why_incomplete("Other.mkv", names) is None
